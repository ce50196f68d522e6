import type { Clock, Timer } from '@parlance/core'

/** A clock the test moves. The testing package has a better one, but it stands on this package. */
export class ManualClock implements Clock {
  #elapsedMs = 0
  readonly #pending = new Map<() => void, number>()

  now(): number {
    return this.#elapsedMs
  }

  elapsed(): number {
    return this.#elapsedMs
  }

  after(delayMs: number, task: () => void): Timer {
    const due = (): void => task()
    this.#pending.set(due, this.#elapsedMs + delayMs)
    return { cancel: () => void this.#pending.delete(due) }
  }

  get pendingCount(): number {
    return this.#pending.size
  }

  async advance(byMs: number): Promise<void> {
    this.#elapsedMs += byMs
    for (const [task, dueMs] of this.#pending) {
      if (dueMs > this.#elapsedMs) continue
      this.#pending.delete(task)
      task()
    }
    await settle()
  }
}

/** Lets everything that is ready to run, run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
