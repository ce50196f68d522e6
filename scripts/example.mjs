// Installs and builds what is not up to date, then runs the example in whose folder it was called.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setup } from './setup.mjs'

setup()
const example = spawn(process.execPath, [join(process.cwd(), 'dist/main.js')], { stdio: 'inherit' })
// A terminal sends its signals to the whole group; a supervisor sends them to this process only.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => example.kill(signal))
example.on('exit', (code) => process.exit(code === null ? 1 : code))
