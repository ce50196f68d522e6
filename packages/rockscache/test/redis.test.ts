import { randomUUID } from 'node:crypto'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock, wait } from '@parlance/core'
import { openRedis, type Redis, redisCommand, RedisScript } from '@parlance/engines/redis'
import { type CacheStore, createCache } from '@parlance/rockscache'
import { cacheStoreContract } from '@parlance/rockscache/contract'
import { openRedisCacheStore, type RedisCacheStore } from '@parlance/rockscache/redis'
import { serviceURL, until } from '@parlance/testing'

const places = [
  ['one Redis server', serviceURL('redis')],
  ['a Redis Cluster', serviceURL('redisCluster')],
] as const
const ttlMs = 60_000
const leaseMs = 10_000

const closing: (() => Promise<void>)[] = []
const closeAll = async (): Promise<void> => {
  for (const close of closing.splice(0).toReversed()) await close()
}
afterEach(closeAll)

interface Opened {
  readonly redis: Redis
  readonly store: RedisCacheStore
  readonly prefix: string
}

async function open(url: string, prefix = `test:${randomUUID()}:`): Promise<Opened> {
  const redis = await openRedis({ url, prefix })
  closing.push(() => redis.close())
  const store = await openRedisCacheStore({ redis })
  closing.push(() => store.close())
  return { redis, store, prefix }
}

for (const [name, url] of places)
  describe.skipIf(url === undefined)(name, () => {
    cacheStoreContract(name, {
      open: async () => ({ store: (await open(url!)).store, pass: (timeMs) => wait(systemClock, timeMs) }),
      close: closeAll,
    })

    it('gives every entry a time to live, whatever is done to it', async () => {
      const { redis, store } = await open(url!)
      const lifeMs = async (key: string): Promise<number> =>
        Number(await redis.run(redisCommand('PTTL', redis.name('cache', key))))
      const bytes = new Uint8Array(3)
      await store.probe(['k'], 'a', leaseMs)
      expect(await lifeMs('k')).toBeGreaterThan(0)
      await store.fill([{ key: 'k', value: bytes, ttlMs }], 'a')
      expect(await lifeMs('k')).toBeGreaterThan(leaseMs)
      await store.markStale(['k'], 5_000)
      expect(await lifeMs('k')).toBeLessThanOrEqual(5_000)
      await store.probe(['k'], 'b', leaseMs)
      expect(await lifeMs('k')).toBeGreaterThan(5_000)
      await store.release(['k'], 'b')
      expect(await lifeMs('k')).toBeLessThanOrEqual(5_000)
      expect(await lifeMs('k')).toBeGreaterThan(0)
    })

    it('wakes those who wait in other processes, and keeps nobody waiting for one that died', async () => {
      const one = await open(url!)
      const other = await open(url!, one.prefix)
      const keys = Array.from({ length: 20 }, (_, index) => `k${index}`)
      await one.store.probe(keys, 'a', leaseMs)
      const waits = keys.map((key) => other.store.settled(key, leaseMs))
      const watched = redisCommand('HGET', one.redis.name('cache', 'k19'), 'waiters')
      await until('the wait is known', () => one.redis.run(watched).then((waiters) => waiters !== null))
      await one.store.fill(
        keys.map((key) => ({ key, value: new Uint8Array(1), ttlMs })),
        'a',
      )
      await Promise.all(waits)
      await one.store.probe(['l'], 'a', 30)
      await other.store.settled('l', 30)
    })

    it('reads 10 000 keys that are there in one step', async () => {
      const { redis, store } = await open(url!)
      const keys = Array.from({ length: 10_000 }, (_, index) => `k${index}`)
      await store.probe(keys, 'a', leaseMs)
      await store.fill(
        keys.map((key) => ({ key, value: Buffer.from(key), ttlMs: 5_000 })),
        'a',
      )
      const probes = await store.probe(keys, 'b', leaseMs)
      expect(probes.map((probe) => probe.state === 'hit' && Buffer.from(probe.value ?? '').toString())).toEqual(keys)
      expect(redis.pendingCommands).toBe(0)
    })
  })

/** What a Go program with rockscache 0.1 does on the same keys, told from its behaviour: whole seconds, its own clock. */
class GoClient {
  readonly #redis: Redis

  constructor(redis: Redis) {
    this.#redis = redis
  }

  /** Answers the value and what stands in `lockUntil`; 'LOCKED' when it took the lock itself. */
  async get(key: string, owner: string, lockForSeconds = 3): Promise<[string | null, string | null]> {
    const script = new RedisScript(`
      local value, lockUntil = unpack(redis.call('HMGET', KEYS[1], 'value', 'lockUntil'))
      if lockUntil and tonumber(lockUntil) < tonumber(ARGV[1]) or not lockUntil and not value then
        redis.call('HSET', KEYS[1], 'lockUntil', ARGV[2], 'lockOwner', ARGV[3])
        return { value, 'LOCKED' }
      end
      return { value, lockUntil }`)
    const now = Math.floor(Date.now() / 1000)
    return (await this.#redis.run(script.on([key], [now, now + lockForSeconds, owner]))) as [
      string | null,
      string | null,
    ]
  }

  async set(key: string, value: string, owner: string, ttlSeconds = 60): Promise<void> {
    const script = new RedisScript(`
      if redis.call('HGET', KEYS[1], 'lockOwner') ~= ARGV[2] then return end
      redis.call('HSET', KEYS[1], 'value', ARGV[1])
      redis.call('HDEL', KEYS[1], 'lockUntil', 'lockOwner')
      redis.call('EXPIRE', KEYS[1], ARGV[3])`)
    await this.#redis.run(script.on([key], [value, owner, ttlSeconds]))
  }

  async tagAsDeleted(key: string, delaySeconds = 10): Promise<void> {
    const script = new RedisScript(`
      redis.call('HSET', KEYS[1], 'lockUntil', 0)
      redis.call('HDEL', KEYS[1], 'lockOwner')
      redis.call('EXPIRE', KEYS[1], ARGV[1])`)
    await this.#redis.run(script.on([key], [delaySeconds]))
  }
}

describe.skipIf(places[0][1] === undefined)('beside a Go program on the same keys', () => {
  async function shared() {
    const { redis, prefix } = await open(places[0][1]!)
    const store = await openRedisCacheStore({ redis, prefix: '' })
    closing.push(() => store.close())
    return { store, go: new GoClient(redis), key: `${prefix}profile`, redis }
  }
  const look = async (store: CacheStore, key: string, owner = 'stranger'): Promise<string> => {
    const [probe] = await store.probe([key], owner, leaseMs)
    const value = probe?.state === 'hit' ? probe.value : probe?.stale
    return `${probe?.state} ${value === undefined ? 'nothing' : Buffer.from(value).toString()}`
  }
  const fill = (store: CacheStore, key: string, value: string | undefined, owner: string) =>
    store.fill([{ key, value: value === undefined ? undefined : Buffer.from(value), ttlMs }], owner)

  it('each reads what the other stored, absences too', async () => {
    const { store, go, key } = await shared()
    await store.probe([key], 'a', leaseMs)
    await fill(store, key, 'ours', 'a')
    expect(await go.get(key, 'g')).toEqual(['ours', null])
    await go.tagAsDeleted(key)
    expect(await go.get(key, 'g')).toEqual(['ours', 'LOCKED'])
    await go.set(key, 'theirs', 'g')
    expect(await look(store, key)).toBe('hit theirs')
    await store.markStale([key], ttlMs)
    expect((await go.get(key, 'g'))[1]).toBe('LOCKED')
    await go.set(key, '', 'g')
    expect(await look(store, key)).toBe('hit nothing')
    await store.markStale([key], ttlMs)
    await store.probe([key], 'b', leaseMs)
    await fill(store, key, undefined, 'b')
    expect(await go.get(key, 'g')).toEqual(['', null])
  })

  it('each respects the lease of the other, and its end', async () => {
    const { store, go, key } = await shared()
    await store.probe([key], 'a', leaseMs)
    const [value, lockUntil] = await go.get(key, 'g')
    expect([value, Number(lockUntil) * 1000 > Date.now()]).toEqual([null, true])
    await go.set(key, 'theirs', 'g')
    expect(await fill(store, key, 'ours', 'a')).toEqual([true])
    await store.markStale([key], ttlMs)
    expect(await go.get(key, 'g')).toEqual(['ours', 'LOCKED'])
    expect(await look(store, key)).toBe('busy ours')
    expect(await fill(store, key, 'late', 'stranger')).toEqual([false])
    await go.set(key, 'theirs', 'g')
    expect(await look(store, key)).toBe('hit theirs')
  })

  it('a mark of either ends the lease of the other', async () => {
    const { store, go, key } = await shared()
    await store.probe([key], 'a', leaseMs)
    await go.tagAsDeleted(key)
    expect(await fill(store, key, 'old', 'a')).toEqual([false])
    await go.get(key, 'g')
    await store.markStale([key], ttlMs)
    await go.set(key, 'old', 'g')
    expect(await look(store, key)).toBe('leased nothing')
  })

  it('what Go marked serves as a stale value, and a lease on it ends with a time to live', async () => {
    const { store, go, key, redis } = await shared()
    await go.get(key, 'g')
    await go.set(key, 'old', 'g')
    await go.tagAsDeleted(key)
    expect(await look(store, key, 'a')).toBe('leased old')
    expect(Number(await redis.run(redisCommand('PTTL', key)))).toBeGreaterThan(leaseMs - 1_000)
    expect(await fill(store, key, 'new', 'a')).toEqual([true])
    expect(await go.get(key, 'g')).toEqual(['new', null])
  })

  it('a read waits for a load of Go, which tells nobody when it ends', async () => {
    const { store, go, key } = await shared()
    await go.get(key, 'g', 60)
    const cache = createCache({ store })
    const read = cache.fetch(key, async () => 'ours', { ttlMs })
    await go.set(key, '"theirs"', 'g')
    expect(await read).toBe('theirs')
  })

  it('a lock that a dead Go program left without an end is taken over', async () => {
    const { store, go, key, redis } = await shared()
    await go.get(key, 'g', -1)
    expect(await redis.run(redisCommand('PTTL', key))).toBe(-1)
    expect(await look(store, key, 'a')).toBe('leased nothing')
    expect(Number(await redis.run(redisCommand('PTTL', key)))).toBeGreaterThan(0)
  })
})

describe.skipIf(places[0][1] === undefined)('what goes over the wire', () => {
  /** Passes everything on to the server, and keeps what was sent, one entry per burst. */
  async function watched(): Promise<{ readonly url: string; readonly bursts: string[] }> {
    const { hostname, port } = new URL(places[0][1]!)
    const bursts: string[] = []
    const proxy = createServer((socket) => {
      const upstream = connect(Number(port), hostname)
      let isAnswered = true
      socket.on('data', (bytes: Buffer) => {
        if (isAnswered) bursts.push('')
        isAnswered = false
        bursts[bursts.length - 1] += bytes.toString('latin1')
        upstream.write(bytes)
      })
      upstream.on('data', (bytes: Buffer) => {
        isAnswered = true
        socket.write(bytes)
      })
      for (const end of [socket, upstream]) {
        end.on('error', () => undefined)
        end.on('close', () => (end === socket ? upstream : socket).destroy())
      }
    })
    await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve))
    closing.push(() => new Promise((resolve) => void proxy.close(() => resolve())))
    return { url: `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`, bursts }
  }
  const commandsIn = (burst: string): string[] =>
    [...burst.matchAll(/\*\d+\r\n\$\d+\r\n([A-Z]+)\r\n/g)].map(([, name]) => name!)

  it('a hit is one HMGET and no script; a hundred are one round trip; a load is three, a mark one', async () => {
    const { url, bursts } = await watched()
    const { store } = await open(url)
    const cache = createCache({ store })
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`)
    const sent = async (work: () => Promise<unknown>): Promise<string[][]> => {
      bursts.length = 0
      await work()
      return bursts.map(commandsIn)
    }
    const one = () => cache.fetch('k0', async () => 1, { ttlMs })
    const all = () => cache.fetchMany(keys, async (missing) => new Map(missing.map((key) => [key, 1])), { ttlMs })
    await all()
    await cache.markStale(keys)
    expect(await sent(one)).toEqual([['HMGET'], ['EVALSHA'], ['EVALSHA']])
    expect(await sent(one)).toEqual([['HMGET']])
    await all()
    expect(await sent(all)).toEqual([keys.map(() => 'HMGET')])
    expect(await sent(() => Promise.all(keys.map((key) => cache.fetch(key, async () => 1, { ttlMs }))))).toEqual([
      keys.map(() => 'HMGET'),
    ])
    expect(await sent(() => cache.markStale(keys))).toEqual([keys.map(() => 'EVALSHA')])
    const hundred = await sent(all)
    expect(hundred.map((commands) => commands.length)).toEqual([100, 100, 100])
  })
})
