// Strikes a server of ten processes under load: npm run faults -- <how many faults>; PARLANCE_SEED=… repeats them.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { programs, requirePrograms } from './services/programs.mjs'
import { root, setup } from './setup.mjs'

const count = Number(process.argv[2] ?? 60)
if (!Number.isInteger(count) || count < 1) {
  console.error(`how many faults? ${process.argv[2]} is no such number; for example: npm run faults -- 60`)
  process.exit(1)
}
setup()
await requirePrograms()
const vitest = join(root, 'node_modules/vitest/vitest.mjs')
const file = 'packages/im-server/test/faults.system.test.ts'
const run = spawn(process.execPath, [vitest, 'run', '--project', 'load', file], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PARLANCE_TEST_SERVICES_DIR: programs, PARLANCE_FAULT_RUNS: String(count) },
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => run.kill(signal))
run.on('exit', (code) => process.exit(code ?? 1))
