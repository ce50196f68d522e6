import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { ProcessError } from '../errors.ts'
import type { LoadEvent, LoadOrder, LoadReport, Mark, MarkTaken } from '../load/messages.ts'

const script = fileURLToPath(new URL('../load/main.js', import.meta.url))

/** Measures the server when the load generator passes a mark; the load waits for it where that matters. */
export type MarkListener = (mark: Mark, window: number) => Promise<void>

/** Runs one workload in a process of its own and returns its report. The signal ends the process. */
export function runLoad(order: LoadOrder, onMark: MarkListener, signal: AbortSignal): Promise<LoadReport> {
  return new Promise((resolve, reject) => {
    const child = fork(script, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const fail = (error: unknown): void => {
      child.kill()
      reject(error instanceof Error ? error : new ProcessError(String(error)))
    }
    signal.addEventListener('abort', () => fail(signal.reason), { once: true })
    child.on('error', fail)
    child.on('exit', (code, signal) => {
      reject(new ProcessError(`The load generator ended without a report (exit code ${code}, signal ${signal}).`))
    })
    child.on('message', (event: LoadEvent) => {
      if (event.type === 'failed') {
        fail(new ProcessError(`${order.workload} failed: ${event.message}`))
      } else if (event.type === 'report') {
        resolve(event.report)
        child.disconnect()
      } else {
        onMark(event.mark, event.window).then(() => acknowledge(child), fail)
      }
    })
    child.send(order)
  })
}

function acknowledge(child: ChildProcess): void {
  const taken: MarkTaken = { type: 'mark-taken' }
  if (child.connected) child.send(taken)
}
