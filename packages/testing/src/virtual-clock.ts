import type { Clock, Milliseconds, Timer, Timestamp } from '@parlance/core'

interface Pending {
  readonly dueMs: Milliseconds
  readonly order: number
  readonly task: () => void
}

/** A clock that moves only when told to, so that tests never sleep. */
export class VirtualClock implements Clock {
  readonly #startedAt: Timestamp
  #elapsedMs: Milliseconds = 0
  #order = 0
  readonly #pending = new Set<Pending>()

  constructor(startedAt: Timestamp = 1_700_000_000_000) {
    this.#startedAt = startedAt
  }

  now(): Timestamp {
    return this.#startedAt + this.#elapsedMs
  }

  elapsed(): Milliseconds {
    return this.#elapsedMs
  }

  after(delayMs: Milliseconds, task: () => void): Timer {
    const pending = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#order++, task }
    this.#pending.add(pending)
    return { cancel: () => void this.#pending.delete(pending) }
  }

  /** Timers that have not fired. */
  get pendingCount(): number {
    return this.#pending.size
  }

  /** Moves the time on and fires what is due, in order; lets promises settle after each timer. */
  async advance(byMs: Milliseconds): Promise<void> {
    const until = this.#elapsedMs + byMs
    await settle()
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#pending.delete(next)
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs)
      next.task()
      await settle()
    }
    this.#elapsedMs = until
    await settle()
  }

  /** Moves the time on to the next timer and fires all that are due then; false when there is none. */
  async advanceToNext(): Promise<boolean> {
    const next = this.#next(Infinity)
    if (next === undefined) return false
    await this.advance(Math.max(0, next.dueMs - this.#elapsedMs))
    return true
  }

  #next(until: Milliseconds): Pending | undefined {
    let first: Pending | undefined
    for (const pending of this.#pending) {
      if (pending.dueMs > until) continue
      if (
        first === undefined ||
        pending.dueMs < first.dueMs ||
        (pending.dueMs === first.dueMs && pending.order < first.order)
      )
        first = pending
    }
    return first
  }
}

/** Lets everything that is ready to run, run: promises and the event loop's next turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => void setImmediate(resolve))
}
