import {
  backoffMs,
  type Clock,
  ClosedError,
  type Count,
  type Deferred,
  deferred,
  type Gauge,
  type Logger,
  type Milliseconds,
  OverloadedError,
  ParlanceError,
  wait,
} from '@parlance/core'
import type { CacheStore } from './cache-store.ts'

interface Batch {
  /** Keys, and for how long their values may serve as stale ones. */
  readonly keys: Map<string, Milliseconds>
  readonly delivered: Deferred
}

const maxKeysPerStep: Count = 10_000
const maxPendingKeys: Count = 100_000
const backoff = { firstMs: 100, maxMs: 5_000 }

/**
 * Marks that the shared cache could not be told: they are repeated until it was, and until then this process reads their
 * keys past the cache. When there are too many to remember, it reads every key past the cache.
 */
export class UndeliveredMarks {
  readonly #store: CacheStore
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #random: () => number
  readonly #gauge: Gauge
  #current: Batch | undefined
  #next: Batch | undefined

  constructor(parts: { store: CacheStore; clock: Clock; logger: Logger; random: () => number; gauge: Gauge }) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#logger = parts.logger
    this.#random = parts.random
    this.#gauge = parts.gauge
  }

  /** Tells whether what the shared cache holds of the key may not be used. */
  holds(key: string): boolean {
    if (this.#current === undefined) return false
    return this.#current.keys.has(key) || this.#next?.keys.has(key) === true || this.#size >= maxPendingKeys
  }

  /**
   * Repeats the mark until the shared cache was told, which the answer resolves with. It rejects if the store is closed first.
   *
   * @throws {@link OverloadedError} `CORE_OVERLOADED` when there are too many: the caller has to repeat it.
   */
  add(keys: readonly string[], staleForMs: Milliseconds): Promise<void> {
    if (this.#size >= maxPendingKeys)
      throw new OverloadedError(
        `${this.#size} keys wait to be marked in a shared cache that is down; repeat the mark later`,
      )
    this.#next ??= { keys: new Map(), delivered: deferred() }
    for (const key of keys)
      this.#next.keys.set(key, Math.min(staleForMs, this.#next.keys.get(key) ?? Number.POSITIVE_INFINITY))
    const { delivered } = this.#next
    if (this.#current === undefined) void this.#run()
    else this.#gauge.set(this.#size)
    return delivered.promise
  }

  get #size(): Count {
    return (this.#current?.keys.size ?? 0) + (this.#next?.keys.size ?? 0)
  }

  async #run(): Promise<void> {
    for (;;) {
      const batch = this.#next
      this.#current = batch
      this.#next = undefined
      this.#gauge.set(this.#size)
      if (batch === undefined) return
      try {
        await this.#deliver(batch)
        batch.delivered.resolve()
      } catch (error) {
        // Closed: nothing is read from this cache any more.
        batch.delivered.reject(error)
      }
    }
  }

  async #deliver(batch: Batch): Promise<void> {
    for (let attempt = 1; batch.keys.size > 0; attempt++) {
      await wait(this.#clock, backoffMs(attempt, { ...backoff, random: this.#random }))
      try {
        await this.#deliverOnce(batch)
      } catch (error) {
        if (ParlanceError.is(error) && error.code === ClosedError.code) throw error
        this.#logger.debug('keys could not be marked yet', { keyCount: batch.keys.size, error })
      }
    }
  }

  /** Marks in bounded steps, the shortest lives together; what was told is forgotten even if a later step fails. */
  async #deliverOnce(batch: Batch): Promise<void> {
    const byLife = new Map<Milliseconds, string[]>()
    for (const [key, staleForMs] of batch.keys) {
      const keys = byLife.get(staleForMs)
      if (keys === undefined) byLife.set(staleForMs, [key])
      else keys.push(key)
    }
    for (const [staleForMs, keys] of byLife) {
      for (let start = 0; start < keys.length; start += maxKeysPerStep) {
        const step = keys.slice(start, start + maxKeysPerStep)
        await this.#store.markStale(step, staleForMs)
        for (const key of step) batch.keys.delete(key)
        this.#gauge.set(this.#size)
      }
    }
  }
}
