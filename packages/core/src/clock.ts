import type { Milliseconds, Timestamp } from './units.ts'

/** A pending timer; cancelling it twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

/**
 * The only way to read the time or to wait.
 *
 * Tests give a virtual clock instead, so that no test sleeps.
 */
export interface Clock {
  /** Wall time; may jump when the machine's clock is set. */
  now(): Timestamp
  /** Time since an arbitrary start; never goes back. For measuring. */
  elapsed(): Milliseconds
  /** Runs `task` once after `delayMs`. The timer does not keep the process alive. */
  after(delayMs: Milliseconds, task: () => void): Timer
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(delayMs, task) {
    const handle = setTimeout(task, delayMs)
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

/**
 * Waits `delayMs` on the given clock.
 *
 * @throws the signal's reason when it aborts first; {@link pause} is for loops that look at their signal themselves.
 */
export function wait(clock: Clock, delayMs: Milliseconds, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const onAbort = () => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Waits `delayMs` on the given clock, or until the signal aborts, whichever comes first. */
export async function pause(clock: Clock, delayMs: Milliseconds, signal: AbortSignal): Promise<void> {
  // It fails only when the signal aborts, which ends the pause.
  await wait(clock, delayMs, signal).catch(() => undefined)
}
