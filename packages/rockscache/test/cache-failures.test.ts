import { ClosedError } from '@parlance/core'
import { createCache, type UndeliveredMarkError } from '@parlance/rockscache'
import { settle } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { altered, bench, counting, manual, recordedMetrics, ttlMs } from './bench.ts'

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

  it('to be read is asked no more where that is wished: the source answers', async () => {
    const { store } = bench()
    const { metrics, counts } = recordedMetrics()
    const cache = createCache({ store: altered(store, { probe: down }), metrics })
    expect(await cache.fetch('k', async () => 'v', { ttlMs })).toBe('v')
    const many = await cache.fetchMany(['k', 'l'], async (keys) => new Map(keys.map((key) => [key, key])), { ttlMs })
    expect(Object.fromEntries(many)).toEqual({ k: 'k', l: 'l' })
    expect(counts.get('rockscache_reads_total bypass')).toBe(3)
    expect(counts.get('rockscache_reads_total load')).toBeUndefined()
    expect(store.entryCount).toBe(0)
  })

  it('to be read fails the fetch, where that is wished', async () => {
    const { store } = bench()
    const cache = createCache({ store: altered(store, { probe: down }), whenDown: 'fail' })
    await expect(cache.fetch('k', async () => 'v', { ttlMs })).rejects.toThrow('store down')
    await expect(cache.fetchMany(['k'], async () => new Map(), { ttlMs })).rejects.toThrow('store down')
  })

  it('to say when a wait is over costs no read', async () => {
    const { cache, store } = bench()
    const { load } = manual<string>()
    void cache.fetch('k', load, { ttlMs })
    await settle()
    const other = createCache({ store: altered(store, { settled: down }), leaseMs: 1_000 })
    expect(await other.fetch('k', async () => 'v', { ttlMs })).toBe('v')
  })

  it('is left alone after three failures, then asked by one caller until it answers', async () => {
    const { store, clock } = bench()
    let asked = 0
    let isDown = true
    const counted = altered(store, {
      probe: (...step) => {
        asked++
        return isDown ? down() : store.probe(...step)
      },
      release: down,
    })
    const cache = createCache({ store: counted, clock, random: () => 0.5 })
    const read = (key = 'k') => cache.fetch(key, async () => key, { ttlMs })
    for (let count = 0; count < 10; count++) expect(await read()).toBe('k')
    expect(asked).toBeLessThanOrEqual(3)
    const before = asked
    await clock.advance(200)
    await Promise.all(['a', 'b', 'c'].map(read))
    expect(asked).toBe(before + 1)
    isDown = false
    await clock.advance(3_000)
    await read()
    await Promise.all(['a', 'b', 'c'].map(read))
    expect(asked).toBe(before + 5)
  })
})

describe('the source behind a cache that is down', () => {
  const down = (): Promise<never> => Promise.reject(new Error('store down'))

  it('is asked by so many at a time, once per key, in their order, and by no more than may wait', async () => {
    const { store } = bench()
    const cache = createCache({ store: altered(store, { probe: down }), maxBypassLoads: 2 })
    const source = manual<string>()
    const keys = ['a', 'b', 'c', 'd']
    const reads = [...keys, 'a', 'a'].map((key) => cache.fetch(key, source.load, { ttlMs }))
    await settle()
    expect(source.calls).toHaveLength(2)
    source.calls[0]?.resolve('va')
    source.calls[1]?.reject(new Error('load failed'))
    await expect(reads[1]).rejects.toThrow('load failed')
    await settle()
    expect(source.calls).toHaveLength(4)
    for (const call of source.calls) call.resolve('v')
    expect(await Promise.all([0, 2, 3, 4, 5].map((index) => reads[index]))).toEqual(['va', 'v', 'v', 'va', 'va'])
    const flood = Array.from({ length: 2_003 }, (_, index) => cache.fetch(`k${index}`, source.load, { ttlMs }))
    const outcomes = Promise.allSettled(flood)
    await settle()
    for (let done = 4; done < source.calls.length; done++) {
      source.calls[done]?.resolve('v')
      await settle()
    }
    const refused = (await outcomes).filter(({ status }) => status === 'rejected')
    expect(refused.map((outcome) => outcome.status === 'rejected' && outcome.reason)).toEqual([
      expect.objectContaining({ code: 'CORE_OVERLOADED' }),
    ])
  })

  it('is not asked for a caller that aborted while it waited', async () => {
    const { store } = bench()
    const cache = createCache({ store: altered(store, { probe: down }), maxBypassLoads: 1 })
    const source = manual<string>()
    const controller = new AbortController()
    const first = cache.fetch('a', source.load, { ttlMs })
    await settle()
    const aborted = cache.fetch('b', source.load, { ttlMs, signal: controller.signal })
    const last = cache.fetch('c', source.load, { ttlMs })
    await settle()
    controller.abort('no')
    await expect(aborted).rejects.toBe('no')
    source.calls[0]?.resolve('v')
    await settle()
    expect(source.calls).toHaveLength(2)
    source.calls[1]?.resolve('w')
    expect(await Promise.all([first, last])).toEqual(['v', 'w'])
  })
})

describe('a mark that cannot be delivered', () => {
  function broken() {
    const { store, clock } = bench()
    const state = { isDown: true, marks: 0 }
    const altering = altered(store, {
      markStale: (...step) => {
        state.marks++
        return state.isDown ? Promise.reject(new Error('store down')) : store.markStale(...step)
      },
    })
    const { metrics, counts } = recordedMetrics()
    const cache = createCache({ store: altering, clock, metrics, random: () => 0.5, leaseMs: 1_000 })
    return { store, clock, state, cache, counts, other: createCache({ store, clock }) }
  }
  const failureOf = (mark: Promise<void>): Promise<UndeliveredMarkError> =>
    mark.then(
      () => Promise.reject(new Error('it was delivered')),
      (error: unknown) => error as UndeliveredMarkError,
    )

  it('is repeated until it is; the key is not served from the cache before', async () => {
    const { clock, state, cache, counts, other } = broken()
    const source = counting()
    const read = () => cache.fetch('k', source.load, { ttlMs })
    expect([await read(), await read()]).toEqual([1, 1])
    const failure = await failureOf(cache.markStale('k'))
    expect(failure).toMatchObject({ code: 'CACHE_MARK_UNDELIVERED', retryable: true })
    expect(failure.cause).toMatchObject({ message: 'store down' })
    expect(counts.get('rockscache_undelivered_marks')).toBe(1)
    expect([await read(), await read()]).toEqual([2, 3])
    const many = await cache.fetchMany(['k', 'l'], async (keys) => new Map(keys.map((key) => [key, key])), { ttlMs })
    expect(Object.fromEntries(many)).toEqual({ k: 'k', l: 'l' })
    expect(await other.fetch('k', source.load, { ttlMs })).toBe(1)
    await clock.advance(10_000)
    expect(state.marks).toBeGreaterThan(2)
    state.isDown = false
    await clock.advance(10_000)
    await failure.delivered
    expect(counts.get('rockscache_undelivered_marks')).toBe(0)
    expect(await other.fetch('k', source.load, { ttlMs })).toBe(4)
    expect([await read(), await read()]).toEqual([4, 4])
    expect(clock.pendingCount).toBe(0)
  })

  it('does not hold up later ones, and leaves none of them out', async () => {
    const { clock, state, cache, other } = broken()
    const source = counting()
    const keys = ['a', 'b', 'c', 'd']
    for (const key of keys) await other.fetch(key, source.load, { ttlMs })
    const failures: UndeliveredMarkError[] = []
    for (const key of keys) {
      failures.push(await failureOf(cache.markStale(key)))
      await clock.advance(1)
    }
    state.isDown = false
    await clock.advance(60_000)
    await Promise.all(failures.map(({ delivered }) => delivered))
    for (const [index, key] of keys.entries()) expect(await other.fetch(key, source.load, { ttlMs })).toBe(5 + index)
  })

  it('of more keys than can be remembered is refused, and nothing is served from the cache', async () => {
    const { clock, state, cache, other } = broken()
    const source = counting()
    await other.fetch('innocent', source.load, { ttlMs })
    for (let batch = 0; batch < 10; batch++)
      await failureOf(cache.markStale(Array.from({ length: 10_000 }, (_, index) => `${batch} ${index}`)))
    await expect(cache.markStale('one more')).rejects.toMatchObject({ code: 'CORE_OVERLOADED' })
    expect(await cache.fetch('innocent', source.load, { ttlMs })).toBe(2)
    state.isDown = false
    await clock.advance(20_000)
    expect(await cache.fetch('innocent', source.load, { ttlMs })).toBe(1)
  })

  it('is given up when the store is closed', async () => {
    const { store, clock } = bench()
    const closed = altered(store, { markStale: () => Promise.reject(new ClosedError('closed')) })
    const cache = createCache({ store: closed, clock })
    const { delivered } = await failureOf(cache.markStale('k'))
    const outcome = expect(delivered).rejects.toThrow(ClosedError)
    await clock.advance(60_000)
    await outcome
    expect(clock.pendingCount).toBe(0)
  })
})
