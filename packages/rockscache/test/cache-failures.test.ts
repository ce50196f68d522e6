import { createCache } from '@parlance/rockscache'
import { settle } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { altered, bench, manual, recordedMetrics, ttlMs } from './bench.ts'

describe('a failing load', () => {
  it('reaches its callers unchanged and frees the lease at once', async () => {
    const { cache, other } = bench()
    const failure = new Error('down')
    const load = async (): Promise<string> => {
      throw failure
    }
    const reads = [cache.fetch('k', load, { ttlMs }), cache.fetch('k', load, { ttlMs })]
    for (const read of reads) await expect(read).rejects.toBe(failure)
    expect(await other.fetch('k', async () => 'v', { ttlMs })).toBe('v')
  })

  it('that throws before it returns a promise does the same', async () => {
    const { cache, other } = bench()
    const load = (): Promise<string> => {
      throw new RangeError('at once')
    }
    await expect(cache.fetch('k', load, { ttlMs })).rejects.toThrow(RangeError)
    expect(await other.fetch('k', async () => 'v', { ttlMs })).toBe('v')
  })
})

describe('a caller that aborts', () => {
  const load = async (): Promise<string> => 'v'

  it('before it begins loads nothing', async () => {
    const { cache, store } = bench()
    await expect(cache.fetch('k', load, { ttlMs, signal: AbortSignal.abort('no') })).rejects.toBe('no')
    await expect(
      cache.fetchMany(['k'], async () => new Map(), { ttlMs, signal: AbortSignal.abort('no') }),
    ).rejects.toBe('no')
    expect(store.entryCount).toBe(0)
  })

  it('leaves the load to those who wait with it', async () => {
    const { cache } = bench()
    const source = manual<string>()
    const controller = new AbortController()
    const aborted = cache.fetch('k', source.load, { ttlMs, signal: controller.signal })
    const waiting = cache.fetch('k', source.load, { ttlMs, signal: new AbortController().signal })
    await settle()
    controller.abort('no')
    await expect(aborted).rejects.toBe('no')
    source.calls[0]?.resolve('v')
    expect(await waiting).toBe('v')
    expect(source.calls).toHaveLength(1)
  })

  it('and was the last frees the lease at once', async () => {
    const { cache, other } = bench()
    const controllers = [new AbortController(), new AbortController()]
    const source = manual<string>()
    const reads = controllers.map(({ signal }) => cache.fetch('k', source.load, { ttlMs, signal }))
    await settle()
    for (const controller of controllers) controller.abort('no')
    for (const read of reads) await expect(read).rejects.toBe('no')
    await settle()
    expect(await other.fetch('k', load, { ttlMs })).toBe('v')
  })

  it('with a loader that stops with it makes another caller load for itself', async () => {
    const { cache } = bench()
    const controller = new AbortController()
    const { signal } = controller
    const stoppable = (): Promise<string> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    const aborted = cache.fetch('k', stoppable, { ttlMs, signal })
    const waiting = cache.fetch('k', load, { ttlMs })
    await settle()
    controller.abort('no')
    await expect(aborted).rejects.toBe('no')
    expect(await waiting).toBe('v')
  })

  it('a batch frees its leases at once', async () => {
    const { cache, other } = bench()
    const controller = new AbortController()
    const never = (): Promise<Map<string, string>> => new Promise(() => undefined)
    const read = cache.fetchMany(['k', 'l'], never, { ttlMs, signal: controller.signal })
    await settle()
    controller.abort('no')
    await expect(read).rejects.toBe('no')
    expect(await other.fetch('l', load, { ttlMs })).toBe('v')
  })

  it('while it waits for another process stops waiting', async () => {
    const { cache, other } = bench()
    const source = manual<string>()
    const loading = other.fetch('k', source.load, { ttlMs })
    await settle()
    const controller = new AbortController()
    const { signal } = controller
    const reads = [
      cache.fetch('k', load, { ttlMs, signal }),
      cache.fetchMany(['k'], async () => new Map<string, string>(), { ttlMs, signal }),
    ]
    await settle()
    controller.abort('no')
    for (const read of reads) await expect(read).rejects.toBe('no')
    source.calls[0]?.resolve('v')
    expect(await loading).toBe('v')
  })
})

describe('a key that never comes to rest', () => {
  it('is loaded without a lease after a bounded number of waits', async () => {
    const { store } = bench()
    const busy = altered(store, {
      probe: async (keys) => keys.map(() => ({ state: 'busy', leftMs: 1_000 })),
      settled: () => Promise.resolve(),
    })
    const { metrics, counts } = recordedMetrics()
    const cache = createCache({ store: busy, metrics })
    expect(await cache.fetch('k', async () => 'v', { ttlMs })).toBe('v')
    expect(counts.get('rockscache_waits_total')).toBe(8)
    const many = await cache.fetchMany(['k', 'l'], async (keys) => new Map(keys.map((key) => [key, 'v'])), { ttlMs })
    expect([...many.keys()]).toEqual(['k', 'l'])
    expect(store.entryCount).toBe(0)
  })
})

describe('a store that fails', () => {
  const down = (): Promise<never> => Promise.reject(new Error('store down'))

  it('to fill costs no read: the loaded value is returned', async () => {
    const { store } = bench()
    const { metrics, counts } = recordedMetrics()
    const cache = createCache({ store: altered(store, { fill: down }), metrics })
    expect(await cache.fetch('k', async () => 'v', { ttlMs })).toBe('v')
    expect(counts.get('rockscache_store_errors_total')).toBe(1)
  })

  it('to take a lease back does not hide the error of the load', async () => {
    const { store } = bench()
    const cache = createCache({ store: altered(store, { release: down }) })
    const failure = new Error('load down')
    await expect(cache.fetch('k', () => Promise.reject(failure), { ttlMs })).rejects.toBe(failure)
  })

  it('to be read or marked passes its error on', async () => {
    const { store } = bench()
    const cache = createCache({ store: altered(store, { probe: down, markStale: down }) })
    await expect(cache.fetch('k', async () => 'v', { ttlMs })).rejects.toThrow('store down')
    await expect(cache.fetchMany(['k'], async () => new Map(), { ttlMs })).rejects.toThrow('store down')
    await expect(cache.markStale('k')).rejects.toThrow('store down')
  })
})
