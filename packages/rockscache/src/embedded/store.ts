import {
  type Bytes,
  type Clock,
  type Count,
  InvalidArgumentError,
  type Milliseconds,
  systemClock,
} from '@parlance/core'
import type { CacheStore, Fill, Probe } from '../cache-store.ts'
import { emptyEntry, type Entry, fillEntry, isLeased, isOver, markEntry, probeEntry, releaseEntry } from './entry.ts'
import { Recency } from './recency.ts'
import { Waiters } from '../waiters.ts'

export interface EmbeddedCacheStoreOptions {
  /** @defaultValue the machine's clock */
  readonly clock?: Clock
  /** Room for keys, values and what keeps them together; the entries used least recently make way. @defaultValue 64 MiB */
  readonly maxBytes?: Bytes
}

/** A cache in this process, shared by every `createCache` it is given to. It holds no timer and needs no close. */
export interface EmbeddedCacheStore extends CacheStore {
  /** What the entries take up, by estimate; never above `maxBytes`. */
  readonly usedBytes: Bytes
  /** Entries held, leases and marks among them. */
  readonly entryCount: Count
}

/**
 * Opens the in-process engine of the cache protocol.
 *
 * Values are copied when filled. An entry larger than a quarter of `maxBytes` is dropped at once instead of making all
 * others leave. What has ended is removed when it is met, and by a sweep that moves on with every write.
 *
 * @throws {@link InvalidArgumentError} when `maxBytes` is below 4 KiB.
 */
export function createEmbeddedCacheStore(options: EmbeddedCacheStoreOptions = {}): EmbeddedCacheStore {
  return new Store(options)
}

/** A generous estimate of what an entry costs besides its key's and value's bytes. */
const overheadBytes = 256
const sweptPerWriteCount = 2

class Store implements EmbeddedCacheStore {
  readonly #clock: Clock
  readonly #maxBytes: Bytes
  readonly #entries = new Map<string, Entry>()
  readonly #recency = new Recency()
  readonly #waiters: Waiters
  #sweep = this.#entries.values()
  #usedBytes: Bytes = 0

  constructor({ clock = systemClock, maxBytes = 64 * 1024 * 1024 }: EmbeddedCacheStoreOptions) {
    if (!(maxBytes >= 4096))
      throw new InvalidArgumentError(`maxBytes is ${maxBytes}; give the cache at least 4096 bytes`)
    this.#clock = clock
    this.#maxBytes = maxBytes
    this.#waiters = new Waiters(clock)
  }

  get usedBytes(): Bytes {
    return this.#usedBytes
  }

  get entryCount(): Count {
    return this.#entries.size
  }

  async probe(keys: readonly string[], owner: string, leaseMs: Milliseconds): Promise<Probe[]> {
    const nowMs = this.#clock.elapsed()
    const probes: Probe[] = []
    for (const key of keys) {
      let entry = this.#entries.get(key)
      if (entry === undefined) {
        entry = emptyEntry(key)
        this.#advanceSweep(nowMs)
        this.#entries.set(key, entry)
      }
      probes.push(probeEntry(entry, owner, leaseMs, nowMs))
      this.#keep(entry)
    }
    return probes
  }

  async fill(fills: readonly Fill[], owner: string): Promise<boolean[]> {
    const nowMs = this.#clock.elapsed()
    return fills.map(({ key, value, ttlMs }) => {
      const entry = this.#entries.get(key)
      if (entry === undefined) return false
      if (!fillEntry(entry, value && new Uint8Array(value), ttlMs, owner, nowMs)) return false
      this.#keep(entry)
      this.#advanceSweep(nowMs)
      this.#waiters.wake(key)
      return true
    })
  }

  async release(keys: readonly string[], owner: string): Promise<void> {
    const nowMs = this.#clock.elapsed()
    for (const key of keys) {
      const entry = this.#entries.get(key)
      if (entry === undefined || !releaseEntry(entry, owner, nowMs)) continue
      if (isOver(entry, nowMs)) this.#drop(entry)
      this.#waiters.wake(key)
    }
  }

  async markStale(keys: readonly string[], staleForMs: Milliseconds): Promise<void> {
    const nowMs = this.#clock.elapsed()
    for (const key of keys) {
      const entry = this.#entries.get(key)
      if (entry !== undefined) {
        markEntry(entry, staleForMs, nowMs)
        if (isOver(entry, nowMs)) this.#drop(entry)
      }
      this.#advanceSweep(nowMs)
      this.#waiters.wake(key)
    }
  }

  settled(key: string, atMostMs: Milliseconds): Promise<void> {
    const entry = this.#entries.get(key)
    if (entry === undefined || !isLeased(entry, this.#clock.elapsed())) return Promise.resolve()
    return this.#waiters.wait(key, atMostMs)
  }

  /** Counts the entry's size, makes it the warmest, and makes room. */
  #keep(entry: Entry): void {
    const sizeBytes = overheadBytes + 2 * entry.key.length + (entry.value?.byteLength ?? 0)
    this.#usedBytes += sizeBytes - entry.sizeBytes
    entry.sizeBytes = sizeBytes
    this.#recency.touch(entry)
    if (sizeBytes > this.#maxBytes / 4) this.#evict(entry)
    while (this.#usedBytes > this.#maxBytes && this.#recency.coldest !== undefined) this.#evict(this.#recency.coldest)
  }

  #evict(entry: Entry): void {
    this.#drop(entry)
    this.#waiters.wake(entry.key)
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.key)
    this.#recency.remove(entry)
    this.#usedBytes -= entry.sizeBytes
  }

  #advanceSweep(nowMs: Milliseconds): void {
    for (let swept = 0; swept < sweptPerWriteCount; swept++) {
      const next = this.#sweep.next()
      if (next.done) {
        this.#sweep = this.#entries.values()
        return
      }
      if (isOver(next.value, nowMs)) this.#drop(next.value)
    }
  }
}
