// Another Node beside the one that runs: the embedded store is tested on Node 24 and its SQLite too.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './services/run.mjs'
import { root } from './setup.mjs'

const version = '24.21.0'
const onWindows = process.platform === 'win32'

/** What npm calls the package with the binary alone; `node` itself would fetch it by a script. */
function packageName() {
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'
  return `${prefix}-${onWindows ? 'win' : process.platform}-${process.arch}`
}

/**
 * Gets Node 24 from npm, once, into an ignored folder; nothing of the workspace sees it.
 *
 * Resolves with `{ command }`, or with `{ problem }`: why not, and the cure.
 */
export async function getNode24(say = console.log) {
  const folder = join(root, '.services', `node-${version}`)
  const binary = onWindows ? 'node.exe' : 'node'
  const inside = join('node_modules', packageName(), 'bin', binary)
  const command = join(folder, inside)
  if (existsSync(command)) return { command }
  mkdirSync(join(root, '.services'), { recursive: true })
  const work = mkdtempSync(join(root, '.services', '.node-'))
  try {
    say(`downloading Node ${version}…`)
    const quiet = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--fetch-retries=3']
    const args = ['install', '--prefix', work, ...quiet, `${packageName()}@${version}`]
    const problem = await run(onWindows ? 'npm.cmd' : 'npm', args, { timeoutMs: 180_000, shell: onWindows })
    if (problem !== undefined || !existsSync(join(work, inside)))
      return { problem: `npm has no Node ${version} for this machine, or did not answer; try again:\n${problem ?? ''}` }
    // In one step: what is there is whole, also when two runs get it at the same time.
    if (!existsSync(folder)) renameSync(work, folder)
    return { command }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
