import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { openRedis, type Redis, type RedisStep } from '@parlance/engines/redis'
import { type Cache, type CacheStore, createCache, UndeliveredMarkError } from '@parlance/rockscache'
import { openRedisCacheStore } from '@parlance/rockscache/redis'
import { runSeed, seededRandom, until } from '@parlance/testing'
import { canStart, startRedis } from '@parlance/testing/services'
import { altered, recordedMetrics } from './bench.ts'

const ttlMs = 60_000
const keys = Array.from({ length: 40 }, (_, index) => `k${index}`)

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

interface Process {
  readonly cache: Cache
  readonly counts: Map<string, number>
}

async function openProcess(
  url: string,
  alter: (store: CacheStore) => CacheStore = (store) => store,
  disguise: (redis: Redis) => Redis = (redis) => redis,
): Promise<Process> {
  const { metrics, counts } = recordedMetrics()
  const redis = await openRedis({ url, commandTimeoutMs: 300, connectTimeoutMs: 300 })
  closing.push(() => redis.close())
  const store = await openRedisCacheStore({ redis: disguise(redis), metrics })
  closing.push(() => store.close())
  return { cache: createCache({ store: alter(store), metrics, leaseMs: 1_000, jitter: 0.1 }), counts }
}

/** Readers and writers of several processes, and what they saw: a read is stale when it misses a write whose mark was over. */
class Load {
  readonly stale: string[] = []
  readCount = 0
  writeCount = 0
  readonly #source = new Map<string, number>()
  readonly #marked = new Map<string, number>()
  readonly #random = seededRandom(runSeed())
  readonly #work: Promise<void>[]
  #isOver = false

  constructor(processes: readonly Process[]) {
    this.#work = processes.flatMap(({ cache }) => [
      ...Array.from({ length: 4 }, () => this.#readers(cache)),
      this.#writers(cache),
    ])
  }

  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#work)
  }

  async #readers(cache: Cache): Promise<void> {
    while (!this.#isOver) {
      const key = this.#key()
      if (this.#random.next() < 0.3) {
        const some = [...new Set([key, this.#key(), this.#key()])]
        const least = some.map((one) => this.#marked.get(one) ?? 0)
        const load = async (missing: readonly string[]) =>
          new Map(await Promise.all(missing.map(async (one) => [one, await this.#load(one)] as const)))
        const found = await cache.fetchMany<number>(some, load, { ttlMs })
        some.forEach((one, index) => this.#judge(one, least[index]!, found.get(one)))
      } else {
        const least = this.#marked.get(key) ?? 0
        this.#judge(key, least, await cache.fetch(key, () => this.#load(key), { ttlMs }))
      }
      this.readCount++
      await turn()
    }
  }

  async #writers(cache: Cache): Promise<void> {
    while (!this.#isOver) {
      const key = this.#key()
      const version = (this.#source.get(key) ?? 0) + 1
      this.#source.set(key, version)
      try {
        await cache.markStale(key)
      } catch (error) {
        if (!(error instanceof UndeliveredMarkError)) throw error
        await error.delivered
      }
      this.#marked.set(key, Math.max(version, this.#marked.get(key) ?? 0))
      this.writeCount++
      for (let turns = this.#random.next() * 20; turns > 0; turns--) await turn()
    }
  }

  /** Reads, and takes some turns to answer, as a database does. */
  async #load(key: string): Promise<number> {
    const version = this.#source.get(key) ?? 0
    for (let turns = this.#random.next() * 6; turns > 0; turns--) await turn()
    return version
  }

  #judge(key: string, least: number, version: number | undefined): void {
    if (version === undefined || version < least) this.stale.push(`${key}: ${version}, though ${least} was marked`)
  }

  #key(): string {
    return keys[Math.floor(this.#random.next() * keys.length)]!
  }
}

const sum = (processes: readonly Process[], series: string): number =>
  processes.reduce((total, { counts }) => total + (counts.get(series) ?? 0), 0)

describe.skipIf(!canStart('redis'))('no read is stale after its mark', () => {
  async function progress(load: Load, reads: number, writes = reads / 20): Promise<void> {
    const [readsBefore, writesBefore] = [load.readCount, load.writeCount]
    await until(
      'the load goes on',
      () => load.readCount > readsBefore + reads && load.writeCount > writesBefore + writes,
    )
  }

  it('while everything is flushed again and again', async () => {
    await using server = await startRedis()
    const processes = [await openProcess(server.url), await openProcess(server.url)]
    const redis = await openRedis({ url: server.url })
    closing.push(() => redis.close())
    const load = new Load(processes)
    for (let round = 0; round < 40; round++) {
      await progress(load, 100)
      await redis.run({ key: '', command: ['FLUSHALL'] })
    }
    await load.end()
    expect(load.stale).toEqual([])
    expect(sum(processes, 'rockscache_reads_total hit')).toBeGreaterThan(500)
  })

  it('while the server is killed and comes back empty', async () => {
    await using server = await startRedis()
    const processes = [await openProcess(server.url), await openProcess(server.url)]
    const load = new Load(processes)
    for (let round = 0; round < 5; round++) {
      await progress(load, 500)
      await server.kill()
      const reads = load.readCount
      await until('reads go on without it', () => load.readCount > reads + 500)
      await server.start()
      await until('marks are delivered', () => sum(processes, 'rockscache_undelivered_marks') === 0)
      const hits = sum(processes, 'rockscache_reads_total hit')
      await until('the cache serves again', () => sum(processes, 'rockscache_reads_total hit') > hits + 100)
    }
    await load.end()
    expect(load.stale).toEqual([])
    expect(sum(processes, 'rockscache_reads_total bypass')).toBeGreaterThan(1_000)
    expect(sum(processes, 'rockscache_mark_failures_total')).toBeGreaterThan(0)
    expect(sum(processes, 'rockscache_new_incarnations_total')).toBe(10)
  })

  it('while the server is killed and comes back with what it knew long before', async () => {
    await using server = await startRedis()
    const processes = [await openProcess(server.url), await openProcess(server.url)]
    const redis = await openRedis({ url: server.url })
    closing.push(() => redis.close())
    const load = new Load(processes)
    for (let round = 0; round < 5; round++) {
      await progress(load, 500)
      await redis.run({ key: '', command: ['SAVE'] })
      await progress(load, 500)
      await server.kill()
      await server.start()
    }
    await progress(load, 500)
    await load.end()
    expect(load.stale).toEqual([])
    expect(sum(processes, 'rockscache_new_incarnations_total')).toBe(10)
  })

  it('while the server hangs for moments', async () => {
    await using server = await startRedis()
    const processes = [await openProcess(server.url), await openProcess(server.url)]
    const load = new Load(processes)
    for (let round = 0; round < 5; round++) {
      await progress(load, 300)
      await server.pause()
      const bypasses = sum(processes, 'rockscache_reads_total bypass')
      await until('reads go past it', () => sum(processes, 'rockscache_reads_total bypass') > bypasses + 100)
      server.resume()
    }
    await progress(load, 300)
    await load.end()
    expect(load.stale).toEqual([])
  })

  it('and a lost mark is found by this very check', async () => {
    await using server = await startRedis()
    let marks = 0
    const forgetful = (store: CacheStore): CacheStore =>
      altered(store, {
        markStale: (...step) => (++marks % 20 === 0 ? Promise.resolve() : store.markStale(...step)),
      })
    const load = new Load([await openProcess(server.url, forgetful), await openProcess(server.url, forgetful)])
    await until('it is found', () => load.stale.length > 0)
    await load.end()
  })

  it('and a restart with old data that goes unnoticed is found, too', async () => {
    await using server = await startRedis()
    const processes = [
      await openProcess(server.url, undefined, unaware),
      await openProcess(server.url, undefined, unaware),
    ]
    const redis = await openRedis({ url: server.url })
    closing.push(() => redis.close())
    const load = new Load(processes)
    for (let round = 0; round < 20 && load.stale.length === 0; round++) {
      await progress(load, 300)
      await redis.run({ key: '', command: ['SAVE'] })
      await progress(load, 300)
      await server.kill()
      await server.start()
      const hits = sum(processes, 'rockscache_reads_total hit')
      await until('the cache serves again', () => sum(processes, 'rockscache_reads_total hit') > hits + 100)
    }
    await load.end()
    expect(load.stale).not.toEqual([])
  })
})

/** A connection on which every server looks like the same one. */
function unaware(redis: Redis): Redis {
  const server = { incarnation: 'always the same' }
  const alike = (step: RedisStep): RedisStep => {
    const { command } = step
    return typeof command === 'function' ? { ...step, command: () => command(server) } : step
  }
  const facade: Pick<Redis, 'name' | 'runAll' | 'subscribe' | 'onNewIncarnation'> = {
    name: (...parts) => redis.name(...parts),
    runAll: (steps) => redis.runAll(steps.map(alike)),
    subscribe: (...parameters) => redis.subscribe(...parameters),
    onNewIncarnation: (listener) => redis.onNewIncarnation(listener),
  }
  return facade as Redis
}
