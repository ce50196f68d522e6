import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { page, root, setup } from './setup.mjs'

setup()
const server = spawn(
  process.execPath,
  [join(root, 'packages/cli/dist/bin.js'), 'start', '--foreground', ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    env: Object.assign({ PARLANCE_PAGE: page }, process.env),
  },
)
// A terminal sends its signals to the whole group; a supervisor sends them to this process only.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.kill(signal))
server.on('exit', (code) => process.exit(code === null ? 1 : code))
