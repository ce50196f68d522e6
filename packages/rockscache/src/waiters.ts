import type { Clock, Milliseconds } from '@parlance/core'

/** Those who wait for a lease to end, by key. A wait ends by {@link wake} or when its time is up. */
export class Waiters {
  readonly #clock: Clock
  readonly #byKey = new Map<string, Set<() => void>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wait(key: string, atMostMs: Milliseconds): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#byKey.get(key) ?? new Set()
      const end = (): void => {
        timer.cancel()
        waiting.delete(end)
        if (waiting.size === 0 && this.#byKey.get(key) === waiting) this.#byKey.delete(key)
        resolve()
      }
      const timer = this.#clock.after(atMostMs, end)
      waiting.add(end)
      this.#byKey.set(key, waiting)
    })
  }

  wake(key: string): void {
    const waiting = this.#byKey.get(key)
    if (waiting !== undefined) for (const end of waiting) end()
  }

  wakeAll(): void {
    for (const key of this.#byKey.keys()) this.wake(key)
  }

  /** Keys somebody waits for. */
  get size(): number {
    return this.#byKey.size
  }
}
