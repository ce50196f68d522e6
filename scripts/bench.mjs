// Builds what is not up to date, then runs the workloads; `npm run bench -- --help` lists the options.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { programs, requirePrograms } from './services/programs.mjs'
import { root, setup } from './setup.mjs'

setup()
const given = process.argv.slice(2)
const isOnServices = /--stack[= ](services|both)\b/.test(given.join(' '))
if (isOnServices && !process.env.PARLANCE_MONGO_URL) {
  await requirePrograms({ say: (line) => console.error(line) })
  process.env.PARLANCE_TEST_SERVICES_DIR ||= programs
}
const runner = join(root, 'benchmarks/dist/runner/main.js')
const bench = spawn(process.execPath, [runner, ...given], { stdio: 'inherit' })
// The runner stops its server and removes its files before it ends; a supervisor signals this process only.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => bench.kill(signal))
bench.on('exit', (code) => process.exit(code === null ? 1 : code))
