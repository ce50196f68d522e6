import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A Node program in a process of its own. */
export interface Program {
  /** Lines it has written to its standard output so far. */
  readonly lines: readonly string[]
  /** Resolves when it has ended, by itself or killed, and its output has been read. */
  readonly ended: Promise<unknown>
  /** Ends it as a power failure would, and waits until its output has been read. */
  kill(): Promise<void>
}

/** Starts `node <given…>`; its errors go to this process's own. */
export function startProgram(...given: readonly string[]): Program {
  const child = spawn(process.execPath, given, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout })
  reader.on('line', (line) => lines.push(line))
  const ended = Promise.all([once(reader, 'close'), once(child, 'exit')])
  return {
    lines,
    ended,
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
