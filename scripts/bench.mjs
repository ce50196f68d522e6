// Builds the server and the load generator, then runs the workloads; `npm run bench -- --help` lists the options.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('..', import.meta.url))

function run(...args) {
  return spawnSync(process.execPath, args, { cwd: repository, stdio: 'inherit' }).status ?? 1
}

const failed = run('node_modules/typescript/bin/tsc', '-b', 'packages/im-server', 'benchmarks')
process.exitCode = failed || run('benchmarks/dist/runner/main.js', ...process.argv.slice(2))
