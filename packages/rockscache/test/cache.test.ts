import { InvalidArgumentError } from '@parlance/core'
import { CacheCodecError, type Codec, createCache } from '@parlance/rockscache'
import { settle } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { altered, bench, counting, manual, recordedMetrics, ttlMs } from './bench.ts'

describe('fetch', () => {
  it('loads once and then hits, until the value has lived its time', async () => {
    const { cache, clock } = bench()
    const source = counting()
    for (let read = 0; read < 3; read++) expect(await cache.fetch('k', source.load, { ttlMs })).toBe(1)
    await clock.advance(ttlMs)
    expect(await cache.fetch('k', source.load, { ttlMs })).toBe(2)
  })

  it('returns an object of its own to each caller, the same on a load as on a hit', async () => {
    const { cache } = bench()
    const load = async () => ({ tags: ['a'], at: new Date(0) as unknown })
    const [one, two] = await Promise.all([cache.fetch('k', load, { ttlMs }), cache.fetch('k', load, { ttlMs })])
    one?.tags.push('b')
    expect(two).toEqual({ tags: ['a'], at: '1970-01-01T00:00:00.000Z' })
    expect(await cache.fetch('k', load, { ttlMs })).toEqual(two)
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
    const source = manual<string>()
    const slow = cache.fetch('k', source.load, { ttlMs })
    await settle()
    await other.markStale('k')
    const late = cache.fetch('k', source.load, { ttlMs })
    await settle()
    source.calls[0]?.resolve('old')
    await settle()
    expect(source.calls).toHaveLength(2)
    source.calls[1]?.resolve('new')
    expect(await slow).toBe('old')
    expect(await late).toBe('new')
    expect(await other.fetch('k', async () => 'never', { ttlMs })).toBe('new')
  })

  it('does not wait for a load that a mark of its own process has made useless', async () => {
    const { cache } = bench()
    const stuck = manual<string>()
    const slow = cache.fetch('k', stuck.load, { ttlMs })
    await settle()
    await cache.markStale('k')
    expect(await cache.fetch('k', async () => 'new', { ttlMs })).toBe('new')
    stuck.calls[0]?.resolve('old')
    expect(await slow).toBe('old')
  })

  it('lets another caller load when a lease has run out, and keeps the later value', async () => {
    const { cache, other, clock } = bench()
    const [slow, quick] = [manual<string>(), manual<string>()]
    const first = cache.fetch('k', slow.load, { ttlMs })
    const second = other.fetch('k', quick.load, { ttlMs })
    await clock.advance(1_000)
    quick.calls[0]?.resolve('quick')
    expect(await second).toBe('quick')
    slow.calls[0]?.resolve('slow')
    expect(await first).toBe('slow')
    expect(await other.fetch('k', async () => 'never', { ttlMs })).toBe('quick')
  })

  it('caches an absence for its own, shorter time', async () => {
    const { cache, clock } = bench({ absentTtlMs: 100 })
    let loads = 0
    const load = async (): Promise<string | undefined> => {
      loads++
      return undefined
    }
    for (let read = 0; read < 3; read++) expect(await cache.fetch('k', load, { ttlMs })).toBeUndefined()
    expect(loads).toBe(1)
    await clock.advance(100)
    await cache.fetch('k', load, { ttlMs })
    expect(loads).toBe(2)
  })

  it('caches no absence when told so, and still frees the lease', async () => {
    const { cache, other, store } = bench({ absentTtlMs: 0 })
    expect(await cache.fetch('k', async () => undefined, { ttlMs })).toBeUndefined()
    expect(store.entryCount).toBe(0)
    expect(await other.fetch('k', async () => 'v', { ttlMs })).toBe('v')
  })

  it('shortens lives at random, by at most the jitter', async () => {
    const lives: number[] = []
    for (const random of [0, 0.5, 0.999]) {
      const { store } = bench()
      const watched = altered(store, {
        fill: (fills, owner) => {
          lives.push(...fills.map((fill) => fill.ttlMs))
          return store.fill(fills, owner)
        },
      })
      await createCache({ store: watched, jitter: 0.2, random: () => random }).fetch('k', async () => 1, {
        ttlMs: 1_000,
      })
    }
    expect(lives).toEqual([1_000, 900, 801])
  })

  it('refuses keys, times and options that cannot be', async () => {
    const { cache, store } = bench()
    const load = async (): Promise<number> => 1
    for (const bad of [0, 0.5, -1, Number.NaN, Infinity])
      await expect(cache.fetch('k', load, { ttlMs: bad })).rejects.toThrow(InvalidArgumentError)
    for (const key of ['', 'k'.repeat(1_025), 7 as unknown as string])
      await expect(cache.fetch(key, load, { ttlMs })).rejects.toThrow(InvalidArgumentError)
    for (const options of [
      { leaseMs: 0 },
      { staleForMs: -1 },
      { absentTtlMs: Number.NaN },
      { jitter: 1 },
      { jitter: -0.1 },
    ])
      expect(() => createCache({ store, ...options })).toThrow(InvalidArgumentError)
  })
})

describe('eventual mode', () => {
  it('returns the old value at once while one caller loads', async () => {
    const { cache, other } = bench()
    await cache.fetch('k', async () => 'old', { ttlMs })
    await cache.markStale('k')
    const source = manual<string>()
    const reads = [cache, other, cache].map((at) => at.fetch('k', source.load, { ttlMs, mode: 'eventual' }))
    expect(await Promise.all(reads)).toEqual(['old', 'old', 'old'])
    expect(source.calls).toHaveLength(1)
    source.calls[0]?.resolve('new')
    await settle()
    expect(await other.fetch('k', source.load, { ttlMs, mode: 'eventual' })).toBe('new')
  })

  it('loads for the caller when the old value has ended or there was none', async () => {
    const { cache, clock } = bench()
    await cache.fetch('k', async () => 'old', { ttlMs })
    await cache.markStale(['k', 'unknown'])
    await clock.advance(5_000)
    expect(await cache.fetch('k', async () => 'new', { ttlMs, mode: 'eventual' })).toBe('new')
    expect(await cache.fetch('unknown', async () => 'new', { ttlMs, mode: 'eventual' })).toBe('new')
  })

  it('reports a refresh that fails, keeps the old value and tries again', async () => {
    const warnings: string[] = []
    const drop = (): void => undefined
    const logger = { debug: drop, info: drop, warn: (message: string) => void warnings.push(message), error: drop }
    const { cache } = bench({ logger })
    await cache.fetch('k', async () => 'old', { ttlMs })
    await cache.markStale('k')
    const failing = async (): Promise<string> => {
      throw new Error('down')
    }
    expect(await cache.fetch('k', failing, { ttlMs, mode: 'eventual' })).toBe('old')
    await settle()
    expect(warnings).toEqual(['could not refresh stale values; the next reader tries again'])
    expect(await cache.fetch('k', async () => 'new', { ttlMs, mode: 'eventual' })).toBe('old')
    await settle()
    expect(await cache.fetch('k', failing, { ttlMs, mode: 'eventual' })).toBe('new')
  })

  it('refreshes the stale keys of a batch with one load and waits for the others', async () => {
    const { cache } = bench()
    const load = (tag: string) => async (keys: readonly string[]) => new Map(keys.map((key) => [key, `${key} ${tag}`]))
    await cache.fetchMany(['a', 'b', 'c'], load('1'), { ttlMs })
    await cache.markStale(['a', 'b'])
    const asked: string[][] = []
    const second = (keys: readonly string[]) => {
      asked.push([...keys])
      return load('2')(keys)
    }
    const found = await cache.fetchMany(['a', 'b', 'c', 'd'], second, { ttlMs, mode: 'eventual' })
    expect([...found.values()]).toEqual(['a 1', 'b 1', 'c 1', 'd 2'])
    expect(asked).toEqual([['a', 'b'], ['d']])
    await settle()
    const again = await cache.fetchMany(['a', 'b'], second, { ttlMs, mode: 'eventual' })
    expect([...again.values()]).toEqual(['a 2', 'b 2'])
  })
})

describe('fetchMany', () => {
  it('loads what is missing with one call, in the order asked, each key once', async () => {
    const { cache, store } = bench()
    await cache.fetch('b', async () => 'cached', { ttlMs })
    const asked: string[][] = []
    const load = async (keys: readonly string[]): Promise<Map<string, string>> => {
      asked.push([...keys])
      return new Map(keys.filter((key) => key !== 'absent').map((key) => [key, 'loaded']))
    }
    const keys = ['c', 'b', 'absent', 'a', 'c']
    const expected = [
      ['c', 'loaded'],
      ['b', 'cached'],
      ['a', 'loaded'],
    ]
    expect([...(await cache.fetchMany(keys, load, { ttlMs }))]).toEqual(expected)
    let steps = 0
    const probe: typeof store.probe = (...step) => {
      steps++
      return store.probe(...step)
    }
    const hits = createCache({ store: altered(store, { probe }) })
    expect([...(await hits.fetchMany(keys, load, { ttlMs }))]).toEqual(expected)
    expect(asked).toEqual([['c', 'absent', 'a']])
    expect(steps).toBe(1)
  })

  it('waits for keys that others load, and loads those itself that the others gave back', async () => {
    const { cache, other } = bench()
    const [filled, failed] = [manual<string>(), manual<string>()]
    const theirs = [other.fetch('a', filled.load, { ttlMs }), other.fetch('b', failed.load, { ttlMs })]
    await settle()
    const asked: string[][] = []
    const mine = cache.fetchMany(
      ['a', 'b', 'c'],
      async (keys) => {
        asked.push([...keys])
        return new Map(keys.map((key) => [key, 'mine']))
      },
      { ttlMs },
    )
    await settle()
    filled.calls[0]?.resolve('theirs')
    failed.calls[0]?.reject(new Error('down'))
    await expect(theirs[1]).rejects.toThrow('down')
    expect([...(await mine)]).toEqual([
      ['a', 'theirs'],
      ['b', 'mine'],
      ['c', 'mine'],
    ])
    expect(asked).toEqual([['c'], ['b']])
  })

  it('keeps the keys of a batch apart: one that was marked meanwhile does not spoil the others', async () => {
    const { cache, other } = bench()
    const load = async (keys: readonly string[]): Promise<Map<string, string>> => {
      await other.markStale('b')
      return new Map(keys.map((key) => [key, 'first']))
    }
    await cache.fetchMany(['a', 'b', 'c'], load, { ttlMs })
    const second = await other.fetchMany(['a', 'b', 'c'], async (keys) => new Map(keys.map((key) => [key, 'second'])), {
      ttlMs,
    })
    expect([...second.values()]).toEqual(['first', 'second', 'first'])
  })

  it('frees every lease when its load fails, and passes the error on', async () => {
    const { cache, other } = bench()
    const failure = new Error('down')
    await expect(cache.fetchMany(['a', 'b'], () => Promise.reject(failure), { ttlMs })).rejects.toBe(failure)
    expect(await other.fetch('b', async () => 'v', { ttlMs })).toBe('v')
  })

  it('takes no keys, and refuses too many', async () => {
    const { cache } = bench()
    const load = async (): Promise<Map<string, string>> => new Map()
    expect(await cache.fetchMany([], load, { ttlMs })).toEqual(new Map())
    await cache.markStale([])
    const tooMany = Array.from({ length: 10_001 }, (_, index) => `k${index}`)
    await expect(cache.fetchMany(tooMany, load, { ttlMs })).rejects.toThrow(InvalidArgumentError)
    await expect(cache.markStale(tooMany)).rejects.toThrow(InvalidArgumentError)
  })
})

describe('codecs', () => {
  const upper: Codec<string> = {
    encode: (value) => Buffer.from(value.toUpperCase()),
    decode: (bytes) => Buffer.from(bytes).toString(),
  }

  it('of a call or of the cache make bytes of the values', async () => {
    const { cache, store } = bench()
    expect(await cache.fetch('k', async () => 'v', { ttlMs, codec: upper })).toBe('V')
    const shouting = createCache({ store, codec: upper as Codec<unknown> })
    expect(await shouting.fetch('k', async () => 'never', { ttlMs })).toBe('V')
    expect(await shouting.fetch('empty', async () => '', { ttlMs })).toBe('')
    expect(await shouting.fetch('empty', async () => 'never', { ttlMs })).toBe('')
  })

  it('that cannot encode free the lease and say which key', async () => {
    const { cache, other } = bench()
    const failed = cache.fetch('k', async () => () => undefined, { ttlMs })
    await expect(failed).rejects.toThrow(CacheCodecError)
    await expect(failed).rejects.toMatchObject({ code: 'CACHE_CODEC', details: { key: 'k' } })
    expect(await other.fetch('k', async () => 'v', { ttlMs })).toBe('v')
  })

  it('that cannot read what is cached load it anew', async () => {
    const { metrics, counts } = recordedMetrics()
    const { cache } = bench({ metrics })
    for (const key of ['k', 'l']) await cache.fetch(key, async () => 'no json', { ttlMs, codec: upper })
    expect(await cache.fetch('k', async () => 'v', { ttlMs })).toBe('v')
    expect(await cache.fetch('k', async () => 'never', { ttlMs })).toBe('v')
    const load = async (keys: readonly string[]): Promise<Map<string, string>> => new Map(keys.map((key) => [key, 'w']))
    expect([...(await cache.fetchMany(['l', 'k'], load, { ttlMs }))]).toEqual([
      ['l', 'w'],
      ['k', 'v'],
    ])
    expect(counts.get('rockscache_undecodable_total')).toBe(2)
  })

  it('that cannot read their own bytes are told so', async () => {
    const { cache } = bench()
    const oneWay: Codec<string> = {
      encode: () => Buffer.from('x'),
      decode: () => {
        throw new Error('unreadable')
      },
    }
    await expect(cache.fetch('k', async () => 'v', { ttlMs, codec: oneWay })).rejects.toThrow(CacheCodecError)
    await expect(cache.fetchMany(['k'], async () => new Map([['k', 'v']]), { ttlMs, codec: oneWay })).rejects.toThrow(
      CacheCodecError,
    )
  })
})

describe('metrics', () => {
  it('count hits, stale reads, loads, waits, lost leases, failures and marks', async () => {
    const { metrics, counts } = recordedMetrics()
    const { cache, other } = bench({ metrics })
    const source = manual<string>()
    const reads = [cache.fetch('k', source.load, { ttlMs }), other.fetch('k', source.load, { ttlMs })]
    await settle()
    source.calls[0]?.resolve('v')
    await Promise.all(reads)
    await cache.markStale(['k', 'l'])
    await cache.fetch('k', async () => 'w', { ttlMs, mode: 'eventual' })
    await settle()
    await cache.fetch('l', () => Promise.reject(new Error('down')), { ttlMs }).catch((error: unknown) => error)
    const slow = cache.fetch('l', source.load, { ttlMs })
    await settle()
    await other.markStale('l')
    source.calls[1]?.resolve('late')
    await slow
    expect(Object.fromEntries(counts)).toEqual({
      'rockscache_reads_total hit': 1,
      'rockscache_reads_total stale': 1,
      'rockscache_reads_total load': 4,
      rockscache_waits_total: 1,
      rockscache_load_ms: 4,
      rockscache_load_errors_total: 1,
      rockscache_lost_leases_total: 1,
      rockscache_marks_total: 3,
    })
  })
})
