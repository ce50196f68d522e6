// Builds what is not up to date, then runs the workloads; `npm run bench -- --help` lists the options.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root, setup } from './setup.mjs'

setup()
const runner = join(root, 'benchmarks/dist/runner/main.js')
const bench = spawn(process.execPath, [runner, ...process.argv.slice(2)], { stdio: 'inherit' })
// The runner stops its server and removes its files before it ends; a supervisor signals this process only.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => bench.kill(signal))
bench.on('exit', (code) => process.exit(code === null ? 1 : code))
