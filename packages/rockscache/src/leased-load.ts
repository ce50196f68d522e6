import type { Clock, Logger, Milliseconds } from '@parlance/core'
import type { BoundedLoads } from './bounded-loads.ts'
import type { CacheMetrics } from './cache-metrics.ts'
import type { CacheStore, Fill } from './cache-store.ts'
import type { Fresh, Tick } from './fresh-flights.ts'
import { orAborted } from './or-aborted.ts'
import type { UndeliveredMarks } from './undelivered-marks.ts'

/** Loads keys as bytes; a key that is missing in the answer is absent at the source. */
export type LoadBytes = (keys: readonly string[]) => Promise<ReadonlyMap<string, Uint8Array>>

/** What a cache is made of, for the parts that read and load. */
export interface CacheParts {
  readonly store: CacheStore
  readonly clock: Clock
  readonly metrics: CacheMetrics
  readonly logger: Logger
  readonly leaseMs: Milliseconds
  readonly absentTtlMs: Milliseconds
  readonly jitter: number
  readonly random: () => number
  readonly whenDown: 'bypass' | 'fail'
  readonly bypasses: BoundedLoads
  readonly undelivered: UndeliveredMarks
}

/** One read's way to the source. */
export interface LoadRequest {
  readonly load: LoadBytes
  readonly ttlMs: Milliseconds
  readonly signal?: AbortSignal | undefined
}

/**
 * Loads keys under the leases of `owner` and fills them: one loader call, one fill for all.
 *
 * A value is fresh up to its fill where the lease held until then, and only up to the load where it was lost (the key was
 * marked meanwhile, or the load outlived the lease): it is returned, but it is not in the cache. Without an owner
 * nothing is filled. When the load fails or is aborted, the leases are given back before the error is thrown.
 */
export async function loadUnderLease(
  parts: CacheParts,
  keys: readonly string[],
  owner: string | undefined,
  { load, ttlMs, signal }: LoadRequest,
  tick: () => Tick,
): Promise<Map<string, Fresh<Uint8Array | undefined>>> {
  const { metrics } = parts
  const loadedAt = tick()
  metrics.loads.add(keys.length)
  const loaded = await timed(parts, () => orAborted(() => load(keys), signal)).catch(async (error: unknown) => {
    metrics.loadErrors.add()
    if (owner !== undefined) await giveBack(parts, keys, owner)
    throw error
  })
  const filledAt = tick()
  const stored = owner === undefined ? new Set() : await fill(parts, keys, owner, loaded, ttlMs)
  return new Map(keys.map((key) => [key, { value: loaded.get(key), freshAt: stored.has(key) ? filledAt : loadedAt }]))
}

/** Loads keys past the cache, which is down or must not be believed: so many loads at a time, and nothing is filled. */
export async function loadPast(
  parts: CacheParts,
  keys: readonly string[],
  { load, signal }: LoadRequest,
  tick: () => Tick,
): Promise<Map<string, Fresh<Uint8Array | undefined>>> {
  const { metrics, bypasses } = parts
  metrics.bypasses.add(keys.length)
  let loadedAt: Tick = 0
  const work = (): Promise<ReadonlyMap<string, Uint8Array>> => {
    loadedAt = tick()
    return timed(parts, () => orAborted(() => load(keys), signal)).catch((error: unknown) => {
      metrics.loadErrors.add()
      throw error
    })
  }
  const loaded = await bypasses.run(work, signal)
  return new Map(keys.map((key) => [key, { value: loaded.get(key), freshAt: loadedAt }]))
}

async function timed<T>({ clock, metrics }: CacheParts, work: () => Promise<T>): Promise<T> {
  const startedMs = clock.elapsed()
  try {
    return await work()
  } finally {
    metrics.loadMs.observe(clock.elapsed() - startedMs)
  }
}

/** Gives leases back. A store that fails here costs time, not truth: the leases end by themselves. */
async function giveBack({ store, metrics, logger }: CacheParts, keys: readonly string[], owner: string): Promise<void> {
  try {
    await store.release(keys, owner)
  } catch (error) {
    metrics.storeErrors.add()
    logger.warn('could not give leases back; they end by their time', { keyCount: keys.length, error })
  }
}

/** Answers the keys whose values are in the cache now; a failing store stores none and spoils no read. */
async function fill(
  parts: CacheParts,
  keys: readonly string[],
  owner: string,
  loaded: ReadonlyMap<string, Uint8Array>,
  ttlMs: Milliseconds,
): Promise<Set<string>> {
  const { store, metrics, logger, absentTtlMs } = parts
  const fills: Fill[] = []
  const uncached: string[] = []
  for (const key of keys) {
    const value = loaded.get(key)
    if (value === undefined && absentTtlMs === 0) uncached.push(key)
    else {
      const lifeMs = value === undefined ? Math.min(ttlMs, absentTtlMs) : ttlMs
      fills.push({ key, value, ttlMs: jittered(lifeMs, parts) })
    }
  }
  if (uncached.length > 0) await giveBack(parts, uncached, owner)
  const stored = new Set<string>()
  if (fills.length === 0) return stored
  try {
    const accepted = await store.fill(fills, owner)
    for (const [index, { key }] of fills.entries()) if (accepted[index] === true) stored.add(key)
    metrics.lostLeases.add(fills.length - stored.size)
  } catch (error) {
    metrics.storeErrors.add()
    logger.warn('could not fill the cache; the loaded values are used once', { keyCount: fills.length, error })
  }
  return stored
}

/** Entries made together do not end together. */
function jittered(ttlMs: Milliseconds, { jitter, random }: CacheParts): Milliseconds {
  return Math.max(1, Math.ceil(ttlMs * (1 - jitter * random())))
}
