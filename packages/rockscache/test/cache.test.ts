import { describe, expect, it } from 'vitest'
import { createCache, type Cache, type CacheOptions } from '@parlance/rockscache'
import { createEmbeddedCacheStore, type EmbeddedCacheStore } from '@parlance/rockscache/embedded'
import { settle, VirtualClock } from '@parlance/testing'

interface Bench {
  readonly clock: VirtualClock
  readonly store: EmbeddedCacheStore
  readonly cache: Cache
  /** Another process on the same store. */
  readonly other: Cache
}

function bench(options: Partial<CacheOptions> = {}): Bench {
  const clock = new VirtualClock()
  const store = createEmbeddedCacheStore({ clock })
  const parts = { store, clock, jitter: 0, leaseMs: 1_000, staleForMs: 5_000, ...options }
  return { clock, store, cache: createCache(parts), other: createCache(parts) }
}

/** A loader whose answers the test gives, one per call. */
function manual<T>() {
  const calls: { readonly resolve: (value: T | undefined) => void; readonly reject: (error: unknown) => void }[] = []
  return {
    calls,
    load: () => new Promise<T | undefined>((resolve, reject) => void calls.push({ resolve, reject })),
  }
}

const ttlMs = 60_000

describe('fetch', () => {
  it('loads once and then hits', async () => {
    const { cache } = bench()
    let loads = 0
    const load = async () => ({ name: 'ann', loads: ++loads })
    expect(await cache.fetch('k', load, { ttlMs })).toEqual({ name: 'ann', loads: 1 })
    expect(await cache.fetch('k', load, { ttlMs })).toEqual({ name: 'ann', loads: 1 })
  })

  it('returns an object of its own to each caller', async () => {
    const { cache } = bench()
    const load = async () => ({ tags: ['a'] })
    const [one, two] = await Promise.all([cache.fetch('k', load, { ttlMs }), cache.fetch('k', load, { ttlMs })])
    one?.tags.push('b')
    expect(two).toEqual({ tags: ['a'] })
  })

  it('loads one time for callers of two processes, who all get the value', async () => {
    const { cache, other } = bench()
    const source = manual<number>()
    const reads = [cache, cache, other, other].map((at) => at.fetch('k', source.load, { ttlMs }))
    await settle()
    expect(source.calls).toHaveLength(1)
    source.calls[0]?.resolve(7)
    expect(await Promise.all(reads)).toEqual([7, 7, 7, 7])
  })

  it('loads again after a mark, and refuses what was loading when it came', async () => {
    const { cache, other } = bench()
    const old = manual<string>()
    const slow = cache.fetch('k', old.load, { ttlMs })
    await settle()
    await other.markStale('k')
    const late = cache.fetch('k', old.load, { ttlMs })
    await settle()
    old.calls[0]?.resolve('old')
    await settle()
    expect(old.calls).toHaveLength(2)
    old.calls[1]?.resolve('new')
    expect(await slow).toBe('old')
    expect(await late).toBe('new')
    expect(await other.fetch('k', async () => 'never', { ttlMs })).toBe('new')
  })
})
