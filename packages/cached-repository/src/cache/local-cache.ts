import type { Bytes, Clock, Counter, Gauge, Metrics, Milliseconds } from '@parlance/core'
import { LRUCache } from 'lru-cache'

/** A value held in this process; `promise` is resolved with it, so that a hit allocates nothing. */
export interface Held<T> {
  readonly value: T
  readonly promise: Promise<T>
}

/** How a {@link LocalCache} is bounded. */
export interface LocalCacheOptions {
  readonly maxBytes: Bytes
  readonly ttlMs: Milliseconds
  readonly clock: Clock
  readonly metrics: Metrics
  readonly random: () => number
}

const jitter = 0.1
const overheadBytes: Bytes = 160

/**
 * Values of this process by key, bounded in bytes and time.
 *
 * Callers that miss the same key share one load. {@link drop} ends the loads of its keys too: what they bring is not kept,
 * and whoever asks afterwards begins a new one. So a value that was read before a drop is never served after it.
 */
export class LocalCache {
  readonly #held: LRUCache<string, Held<unknown>>
  readonly #flights = new Map<string, Promise<unknown>>()
  readonly #ttlMs: Milliseconds
  readonly #random: () => number
  readonly #hits: Counter
  readonly #misses: Counter
  readonly #drops: Counter
  readonly #patches: Counter
  readonly #flushes: Counter
  readonly #bytes: Gauge

  constructor({ maxBytes, ttlMs, clock, metrics, random }: LocalCacheOptions) {
    this.#held = new LRUCache({
      maxSize: maxBytes,
      // 0 stands for "no time" in lru-cache, and a virtual clock begins there.
      perf: { now: () => clock.elapsed() + 1 },
      ttlResolution: 0,
      ttl: ttlMs,
    })
    this.#ttlMs = ttlMs
    this.#random = random
    this.#hits = metrics.counter('parlance_repository_local_hits_total', 'Reads answered by the local cache')
    this.#misses = metrics.counter('parlance_repository_local_misses_total', 'Reads the local cache had to load')
    this.#drops = metrics.counter('parlance_repository_local_drops_total', 'Keys dropped from the local cache')
    this.#patches = metrics.counter('parlance_repository_local_patches_total', 'Values brought up to date in place')
    this.#flushes = metrics.counter('parlance_repository_local_flushes_total', 'Times the local cache was emptied')
    this.#bytes = metrics.gauge('parlance_repository_local_bytes', 'Estimated size of the local cache')
  }

  /** The held value, if any. */
  peek<T>(key: string): Held<T> | undefined {
    const held = this.#held.get(key) as Held<T> | undefined
    if (held !== undefined) this.#hits.add()
    return held
  }

  /** The held value, or the one that is being loaded, or what `load` brings. */
  fetch<T>(key: string, load: () => Promise<T>, sizeOf: (value: T) => Bytes): Promise<T> {
    const held = this.peek<T>(key)
    if (held !== undefined) return held.promise
    const flight = this.#flights.get(key) as Promise<T> | undefined
    return flight ?? this.#begin(key, load(), sizeOf)
  }

  /** The same for many keys: one call of `load` for all that are neither held nor being loaded. Absent keys give `undefined`. */
  async fetchMany<T>(
    keys: readonly string[],
    load: (missing: readonly string[]) => Promise<ReadonlyMap<string, T>>,
    sizeOf: (value: T | undefined) => Bytes,
  ): Promise<(T | undefined)[]> {
    const values: (T | undefined)[] = []
    const unheld: number[] = []
    for (let index = 0; index < keys.length; index++) {
      const held = this.peek<T | undefined>(keys[index]!)
      values.push(held?.value)
      if (held === undefined) unheld.push(index)
    }
    if (unheld.length === 0) return values
    const flights = new Map<string, Promise<T | undefined>>()
    const missing = new Set<string>()
    for (const index of unheld) {
      const key = keys[index]!
      const flight = this.#flights.get(key) as Promise<T | undefined> | undefined
      if (flight === undefined) missing.add(key)
      else flights.set(key, flight)
    }
    if (missing.size > 0) {
      const loaded = load([...missing])
      for (const key of missing) {
        const flight = loaded.then((found) => found.get(key))
        flights.set(key, this.#begin(key, flight, sizeOf))
      }
    }
    const arrived = await Promise.all([...flights].map(async ([key, flight]) => [key, await flight] as const))
    const found = new Map(arrived)
    for (const index of unheld) values[index] = found.get(keys[index]!)
    return values
  }

  /**
   * Brings a held value up to date, where it is held: `change` returns the new one, or `undefined` to have it forgotten. What is
   * being loaded is not kept, as after {@link drop}. Its time to live does not begin anew.
   */
  patch<T>(key: string, change: (value: T) => T | undefined, sizeOf: (value: T) => Bytes): void {
    this.#flights.delete(key)
    const held = this.#held.peek(key) as Held<T | undefined> | undefined
    if (held === undefined) return
    const value = held.value === undefined ? undefined : change(held.value)
    if (value === undefined) {
      this.#held.delete(key)
      this.#drops.add(1)
      return
    }
    const promise = value === held.value ? (held.promise as Promise<T>) : Promise.resolve(value)
    this.#held.set(key, { value, promise }, { size: this.#size(key, sizeOf(value)), noUpdateTTL: true })
    this.#patches.add(1)
    this.#bytes.set(this.#held.calculatedSize)
  }

  /** Forgets keys, and keeps nothing of the loads that are under way for them. */
  drop(keys: Iterable<string>): void {
    let count = 0
    for (const key of keys) {
      this.#held.delete(key)
      this.#flights.delete(key)
      count++
    }
    this.#drops.add(count)
  }

  /** The same for every key. */
  flush(): void {
    this.#held.clear()
    this.#flights.clear()
    this.#flushes.add()
  }

  #size(key: string, valueBytes: Bytes): Bytes {
    return Math.ceil(overheadBytes + 2 * key.length + valueBytes)
  }

  #begin<T>(key: string, flight: Promise<T>, sizeOf: (value: T) => Bytes): Promise<T> {
    this.#misses.add()
    this.#flights.set(key, flight)
    flight.then(
      (value) => {
        if (this.#flights.get(key) !== flight) return
        this.#flights.delete(key)
        this.#held.set(
          key,
          { value, promise: flight },
          {
            size: this.#size(key, sizeOf(value)),
            // lru-cache still serves what is exactly this old, and the promise is: when `ttlMs` are over, it is gone.
            ttl: Math.max(1, Math.floor(this.#ttlMs * (1 - jitter * this.#random())) - 1),
          },
        )
        this.#bytes.set(this.#held.calculatedSize)
      },
      () => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key)
      },
    )
    return flight
  }
}
