import type { Metrics } from '@parlance/core'
import { type Cache, type CacheOptions, type CacheStore, createCache } from '@parlance/rockscache'
import { createEmbeddedCacheStore, type EmbeddedCacheStore } from '@parlance/rockscache/embedded'
import { VirtualClock } from '@parlance/testing'

export const ttlMs = 60_000

export interface Bench {
  readonly clock: VirtualClock
  readonly store: EmbeddedCacheStore
  readonly cache: Cache
  /** Another process on the same store. */
  readonly other: Cache
}

export function bench(options: Partial<CacheOptions> = {}): Bench {
  const clock = new VirtualClock()
  const store = createEmbeddedCacheStore({ clock })
  const parts = { store, clock, jitter: 0, leaseMs: 1_000, staleForMs: 5_000, ...options }
  return { clock, store, cache: createCache(parts), other: createCache(parts) }
}

/** A loader whose answers the test gives, one per call. */
export function manual<T>() {
  const calls: { readonly resolve: (value: T | undefined) => void; readonly reject: (error: unknown) => void }[] = []
  const load = (): Promise<T | undefined> =>
    new Promise<T | undefined>((resolve, reject) => void calls.push({ resolve, reject }))
  return { calls, load }
}

/** A loader that counts its calls and answers how many there were. */
export function counting() {
  let count = 0
  return {
    load: async (): Promise<number> => ++count,
    get count(): number {
      return count
    },
  }
}

/** A store of which some steps are replaced. */
export function altered(store: CacheStore, steps: Partial<CacheStore>): CacheStore {
  return {
    probe: (...step) => store.probe(...step),
    fill: (...step) => store.fill(...step),
    release: (...step) => store.release(...step),
    markStale: (...step) => store.markStale(...step),
    settled: (...step) => store.settled(...step),
    ...steps,
  }
}

/** Counters by name and label. */
export function recordedMetrics(): { readonly metrics: Metrics; readonly counts: Map<string, number> } {
  const counts = new Map<string, number>()
  const metrics: Metrics = {
    counter: (name, _help, labels = {}) => {
      const series = [name, ...Object.values(labels)].join(' ')
      return { add: (amount = 1) => void counts.set(series, (counts.get(series) ?? 0) + amount) }
    },
    gauge: (name) => ({ set: (value) => void counts.set(name, value) }),
    histogram: (name) => ({ observe: () => void counts.set(name, (counts.get(name) ?? 0) + 1) }),
  }
  return { metrics, counts }
}
