import { randomUUID } from 'node:crypto'
import {
  type Clock,
  type Count,
  InvalidArgumentError,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
} from '@parlance/core'
import { BoundedLoads } from './bounded-loads.ts'
import { Breaker, guarded } from './breaker.ts'
import { cacheMetrics } from './cache-metrics.ts'
import type { CacheStore } from './cache-store.ts'
import { type Codec, jsonCodec } from './codec.ts'
import { CacheCodecError, UndeliveredMarkError } from './errors.ts'
import { FreshFlights } from './fresh-flights.ts'
import type { CacheParts, LoadRequest } from './leased-load.ts'
import { checkKey, checkKeys, checkTime } from './limits.ts'
import { type FetchMode, Reader } from './reader.ts'
import { UndeliveredMarks } from './undelivered-marks.ts'

export interface FetchOptions<T> {
  /** Life of a fresh value: 1 ms or more, shortened by up to `jitter`. */
  readonly ttlMs: Milliseconds
  /** @defaultValue 'strong' */
  readonly mode?: FetchMode | undefined
  /** Takes this caller out; others that wait for the same load get its value. */
  readonly signal?: AbortSignal | undefined
  /** How the value becomes bytes. @defaultValue the cache's codec */
  readonly codec?: Codec<T> | undefined
}

export interface CacheOptions {
  /** The shared cache; every process that gives the same one sees the same values and leases. */
  readonly store: CacheStore
  /** Only for measuring: leases and lives are on the store's clock. @defaultValue the machine's clock */
  readonly clock?: Clock
  /** How long one caller alone may load a key. Longer than the slowest load; a crashed loader holds others up this long. @defaultValue 10 000 */
  readonly leaseMs?: Milliseconds
  /** How long a value marked stale may still serve `eventual` reads. @defaultValue 10 000 */
  readonly staleForMs?: Milliseconds
  /** Life of a cached absence, never above the call's `ttlMs`; 0 caches no absence. @defaultValue 10 000 */
  readonly absentTtlMs?: Milliseconds
  /** The part of a life, 0 to 1, that is taken off at random. @defaultValue 0.1 */
  readonly jitter?: number
  /** @defaultValue JSON */
  readonly codec?: Codec<unknown>
  /**
   * What a fetch does while the shared cache cannot be read: asks the source (`bypass`), or rejects (`fail`).
   *
   * @defaultValue 'bypass'
   */
  readonly whenDown?: 'bypass' | 'fail'
  /** So many loads past the cache at a time; a thousand times as many may wait, more are refused. @defaultValue 32 */
  readonly maxBypassLoads?: Count
  readonly metrics?: Metrics
  readonly logger?: Logger
  /** In [0, 1); seeded in tests. @defaultValue Math.random */
  readonly random?: () => number
}

/** Reads through a shared cache that agrees with the source, as long as every change at the source is followed by {@link Cache.markStale}. */
export interface Cache {
  /**
   * Returns the cached value, or loads it; `undefined` says that the source has none, which is cached too.
   *
   * Of all processes one loads, the others wait for it. `strong` (the default) never returns what was loaded before a
   * `markStale` that was over when this call began; `eventual` returns the old value while it is replaced. The value is always
   * decoded anew, so nobody shares the object. A hit is one step on the store. While the shared cache is down, the value is
   * loaded past it: concurrent callers of a key share a load, and so many loads run at a time (`maxBypassLoads`).
   *
   * @throws what `load` throws, unchanged; the signal's reason; with `whenDown: 'fail'` what the store throws.
   * @throws {@link OverloadedError} `CORE_OVERLOADED` when too many loads wait for the source while the shared cache is down.
   * @throws {@link InvalidArgumentError} `CORE_INVALID_ARGUMENT` for a key or a `ttlMs` that cannot be.
   * @throws {@link CacheCodecError} `CACHE_CODEC` when the codec refuses the value.
   */
  fetch<T>(key: string, load: () => Promise<T | undefined>, options: FetchOptions<T>): Promise<T | undefined>
  /**
   * The same for up to 10 000 keys, in the order asked, each once; absent keys are left out.
   *
   * One step on the store when all are hits; otherwise one call of `load` with every key that is this caller's to load, one
   * fill, and for keys that others are loading a wait and one more round. What happens to one key does not change another,
   * except that a failing `load` fails the call.
   */
  fetchMany<T>(
    keys: readonly string[],
    load: (missing: readonly string[]) => Promise<ReadonlyMap<string, T>>,
    options: FetchOptions<T>,
  ): Promise<Map<string, T>>
  /**
   * Says that what is cached at the keys is no longer true; call it after the change is committed, and await it.
   *
   * Loads under way elsewhere cannot fill what they read before. One step on the store for up to 10 000 keys.
   *
   * @throws {@link UndeliveredMarkError} `CACHE_MARK_UNDELIVERED` when the shared cache could not be told: other processes may
   *   still be served the old value. The mark is repeated until it is told (the error's `delivered`); this process reads the keys
   *   past the cache until then. A process that ends before leaves it undone: what has to survive that is repeated by the caller.
   * @throws {@link OverloadedError} `CORE_OVERLOADED` when 100 000 keys wait to be told already: the mark is not remembered, repeat it.
   */
  markStale(keys: string | readonly string[]): Promise<void>
}

/** Makes a cache on a store. It holds nothing of its own that needs a close. */
export function createCache(options: CacheOptions): Cache {
  return new StoreCache(options, () => new FreshFlights())
}

/** Not exported by the package: tests put flights with a known defect in here. */
export class StoreCache implements Cache {
  readonly #parts: CacheParts
  readonly #staleForMs: Milliseconds
  readonly #codec: Codec<unknown>
  readonly #reader: Reader

  constructor(options: CacheOptions, newFlights: () => FreshFlights<Uint8Array | undefined>) {
    const { leaseMs = 10_000, staleForMs = 10_000, absentTtlMs = 10_000, jitter = 0.1 } = options
    checkTime('leaseMs', leaseMs, 1)
    checkTime('staleForMs', staleForMs, 0)
    checkTime('absentTtlMs', absentTtlMs, 0)
    if (!(jitter >= 0 && jitter < 1)) throw new InvalidArgumentError(`jitter is ${jitter}; it must be in [0, 1)`)
    const { clock = systemClock, logger = silentLogger, random = Math.random, maxBypassLoads = 32 } = options
    if (!(maxBypassLoads >= 1)) throw new InvalidArgumentError(`maxBypassLoads is ${maxBypassLoads}; allow at least 1`)
    const metrics = cacheMetrics(options.metrics ?? noMetrics)
    const store = guarded(options.store, new Breaker({ clock, logger, random }))
    this.#parts = {
      store,
      clock,
      metrics,
      logger,
      leaseMs,
      absentTtlMs,
      jitter,
      random,
      whenDown: options.whenDown ?? 'bypass',
      bypasses: new BoundedLoads(maxBypassLoads, 1_000 * maxBypassLoads),
      undelivered: new UndeliveredMarks({ store, clock, logger, random, gauge: metrics.undeliveredMarks }),
    }
    this.#staleForMs = staleForMs
    this.#codec = options.codec ?? jsonCodec()
    this.#reader = new Reader(this.#parts, owners(), newFlights)
  }

  async fetch<T>(key: string, load: () => Promise<T | undefined>, options: FetchOptions<T>): Promise<T | undefined> {
    checkKey(key)
    const codec = this.#codecOf(options)
    const request = requestOf(options, async () => {
      const value = await load()
      return new Map(value === undefined ? [] : [[key, encoded(codec, key, value)]])
    })
    const mode = options.mode ?? 'strong'
    const bytes = await this.#reader.one(key, mode, request)
    if (bytes === undefined) return undefined
    try {
      return codec.decode(bytes)
    } catch (error) {
      await this.#drop([key], error)
    }
    const again = await this.#reader.one(key, mode, request)
    return again === undefined ? undefined : decoded(codec, key, again)
  }

  async fetchMany<T>(
    keys: readonly string[],
    load: (missing: readonly string[]) => Promise<ReadonlyMap<string, T>>,
    options: FetchOptions<T>,
  ): Promise<Map<string, T>> {
    checkKeys(keys)
    const codec = this.#codecOf(options)
    const request = requestOf(options, async (missing) => {
      const values = await load(missing)
      const bytes = new Map<string, Uint8Array>()
      for (const key of missing) {
        const value = values.get(key)
        if (value !== undefined) bytes.set(key, encoded(codec, key, value))
      }
      return bytes
    })
    const mode = options.mode ?? 'strong'
    const distinct = [...new Set(keys)]
    const found = await this.#reader.many(distinct, mode, request)
    const values = new Map<string, T>()
    const unreadable: string[] = []
    let cause: unknown
    for (const key of distinct) {
      const bytes = found.get(key)
      if (bytes === undefined) continue
      try {
        values.set(key, codec.decode(bytes))
      } catch (error) {
        unreadable.push(key)
        cause = error
      }
    }
    if (unreadable.length === 0) return values
    await this.#drop(unreadable, cause)
    for (const [key, bytes] of await this.#reader.many(unreadable, mode, request))
      if (bytes !== undefined) values.set(key, decoded(codec, key, bytes))
    return new Map(distinct.flatMap((key) => (values.has(key) ? [[key, values.get(key) as T]] : [])))
  }

  async markStale(keys: string | readonly string[]): Promise<void> {
    const marked = typeof keys === 'string' ? [keys] : keys
    checkKeys(marked)
    await this.#mark(marked, this.#staleForMs)
  }

  #codecOf<T>(options: FetchOptions<T>): Codec<T> {
    return options.codec ?? (this.#codec as Codec<T>)
  }

  async #mark(keys: readonly string[], staleForMs: Milliseconds): Promise<void> {
    if (keys.length === 0) return
    const { store, metrics, undelivered } = this.#parts
    try {
      await store.markStale(keys, staleForMs)
    } catch (cause) {
      metrics.markFailures.add()
      throw new UndeliveredMarkError('the shared cache could not be told what is stale; this is repeated until it is', {
        cause,
        details: { keyCount: keys.length },
        delivered: undelivered.add(keys, staleForMs),
      })
    } finally {
      for (const key of keys) this.#reader.invalidate(key)
    }
    metrics.marks.add(keys.length)
  }

  /** What cannot be decoded was written by another version of the program: it is hidden for good and loaded anew. */
  async #drop(keys: readonly string[], error: unknown): Promise<void> {
    this.#parts.metrics.undecodable.add(keys.length)
    this.#parts.logger.warn('cached values could not be decoded; they are loaded anew', {
      keyCount: keys.length,
      error,
    })
    try {
      await this.#mark(keys, 0)
    } catch (failure) {
      // What could not be hidden is read past the cache from now on.
      if (!(failure instanceof UndeliveredMarkError)) throw failure
    }
  }
}

function requestOf<T>({ ttlMs, signal }: FetchOptions<T>, load: LoadRequest['load']): LoadRequest {
  checkTime('ttlMs', ttlMs, 1)
  return { load, ttlMs, signal }
}

function encoded<T>(codec: Codec<T>, key: string, value: T): Uint8Array {
  try {
    return codec.encode(value)
  } catch (cause) {
    throw new CacheCodecError(`the codec could not encode the value of ${key}; give a codec that can`, {
      cause,
      details: { key },
    })
  }
}

function decoded<T>(codec: Codec<T>, key: string, bytes: Uint8Array): T {
  try {
    return codec.decode(bytes)
  } catch (cause) {
    throw new CacheCodecError(
      `the codec could not decode what it had encoded for ${key}; encode and decode must agree`,
      {
        cause,
        details: { key },
      },
    )
  }
}

/** Names that nobody else uses and that are not used again, not even by this process after a restart. */
function owners(): () => string {
  const prefix = randomUUID()
  let count = 0
  return () => `${prefix}.${++count}`
}
