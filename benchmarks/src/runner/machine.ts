import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'

/** The machine and the code a result belongs to. */
export interface Machine {
  readonly cpuModel: string
  readonly coreCount: number
  readonly memoryGiB: number
  readonly platform: string
  readonly node: string
  /** The commit measured; `+` follows it when files differ from it. Absent outside a repository. */
  readonly commit: string | undefined
}

/** Describes this machine and the repository around `folder`. */
export function describeMachine(folder: string): Machine {
  const cores = cpus()
  return {
    cpuModel: cores[0]?.model.trim() ?? 'unknown',
    coreCount: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    commit: commitOf(folder),
  }
}

function commitOf(folder: string): string | undefined {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const commit = git('rev-parse', '--short=10', 'HEAD')
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}+`
  } catch {
    return undefined
  }
}
