import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A TypeScript file of this folder, running in a process of its own. */
export interface Child {
  /** Lines it has written so far. */
  readonly lines: readonly string[]
  /** Ends it as a power failure would, and waits until its output has been read. */
  kill(): Promise<void>
}

const inThisFolder = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** Starts `main(arguments)` of a file of this folder. */
export function startChild(file: string, ...given: string[]): Child {
  const child: ChildProcess = spawn(process.execPath, [inThisFolder('run.mjs'), inThisFolder(file), ...given], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout! })
  reader.on('line', (line) => lines.push(line))
  const closed = Promise.all([once(reader, 'close'), once(child, 'exit')])
  return {
    lines,
    async kill() {
      child.kill('SIGKILL')
      await closed
    },
  }
}
