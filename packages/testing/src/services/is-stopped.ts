import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** Tells whether every thread of a process was stopped by a signal: it takes its time to reach them all. */
export function isStopped(pid: number): boolean {
  const threads = `/proc/${pid}/task`
  if (existsSync(threads)) return readdirSync(threads).every((thread) => stateOf(`${threads}/${thread}/stat`) === 'T')
  return spawnSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }).stdout.startsWith('T')
}

/** The letter behind the name, which may have parentheses of its own. */
function stateOf(path: string): string | undefined {
  const text = readFileSync(path, 'latin1')
  return text[text.lastIndexOf(')') + 2]
}
