import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { openRedis, type Redis, redisCommand } from '@parlance/engines/redis'
import type { InvalidationReceiver } from '@parlance/notification-bus'
import { invalidationChannelContract } from '@parlance/notification-bus/contract'
import {
  openRedisInvalidationChannel,
  type RedisInvalidationChannel,
  type RedisInvalidationChannelOptions,
} from '@parlance/notification-bus/redis'
import { serviceURL, until } from '@parlance/testing'
import { canStart, startRedis } from '@parlance/testing/services'
import { recordedMetrics } from './recorded-metrics.ts'

const closing: (() => Promise<void>)[] = []
const closeAll = async (): Promise<void> => {
  for (const close of closing.splice(0).toReversed()) await close()
}
afterEach(closeAll)

interface Process {
  readonly redis: Redis
  readonly channel: RedisInvalidationChannel
  readonly heard: string[]
  readonly counts: Map<string, number>
}

/** A process with a receiver that writes down what it was told since it was ready. */
async function open(
  url: string,
  prefix: string,
  options: Partial<RedisInvalidationChannelOptions> = {},
): Promise<Process> {
  const redis = await openRedis({ url, prefix, commandTimeoutMs: 500, connectTimeoutMs: 500 })
  closing.push(() => redis.close())
  const { metrics, counts } = recordedMetrics()
  const channel = await openRedisInvalidationChannel({ redis, metrics, heartbeatMs: 20, silentMs: 5_000, ...options })
  closing.push(() => channel.close())
  const heard: string[] = []
  channel.subscribe({
    invalidate: (keys) => void heard.push(...keys),
    flush: () => void heard.push('flush'),
  })
  return { redis, channel, heard, counts }
}

const places = [
  ['one Redis server', serviceURL('redis')],
  ['a Redis Cluster', serviceURL('redisCluster')],
] as const

for (const [name, url] of places)
  describe.skipIf(url === undefined)(name, () => {
    const prefix = (): string => `test:${randomUUID()}:`

    invalidationChannelContract(name, {
      open: async () => (await open(url!, prefix())).channel,
      close: closeAll,
    })

    it('tells other processes, in order, and nobody on another channel', async () => {
      const shared = prefix()
      const [one, other, stranger] = [await open(url!, shared), await open(url!, shared), await open(url!, prefix())]
      const keys = Array.from({ length: 50 }, (_, index) => `k${index}`)
      await Promise.all(keys.map((key) => one.channel.publish([key])))
      await other.channel.publish(['last'])
      await until('both have heard all', () => one.heard.length === 51 && other.heard.length === 51)
      expect(other.heard.filter((key) => key !== 'last')).toEqual(keys)
      expect([one.heard.length, one.heard.filter((key) => key === 'last')]).toEqual([51, ['last']])
      expect(stranger.heard).toEqual([])
    })

    it('cuts what is too large for one message', async () => {
      const shared = prefix()
      const [one, other] = [await open(url!, shared, { maxMessageBytes: 100 }), await open(url!, shared)]
      const keys = [...Array.from({ length: 40 }, (_, index) => `key ${index} ü`), 'x'.repeat(500)]
      await one.channel.publish(keys)
      await until('all are heard', () => other.heard.length === keys.length)
      expect(other.heard).toEqual(keys)
      expect(other.counts.get('parlance_invalidation_received_total')).toBeGreaterThanOrEqual(6)
    })

    it('does not tell the process itself twice, nor whom the publisher left out', async () => {
      const shared = prefix()
      const [one, other] = [await open(url!, shared), await open(url!, shared)]
      const own: string[] = []
      const receiver: InvalidationReceiver = {
        invalidate: (keys) => void own.push(...keys),
        flush: () => void own.push('flush'),
      }
      one.channel.subscribe(receiver)
      await one.channel.publish(['a'], receiver)
      await other.channel.publish(['b'])
      await until('it came back', () => one.heard.length === 2)
      expect([one.heard, own]).toEqual([['a', 'b'], ['b']])
    })

    it('that ends says goodbye: nobody flushes', async () => {
      const shared = prefix()
      const [one, other] = [await open(url!, shared), await open(url!, shared, { silentMs: 40 })]
      await one.channel.publish(['a'])
      await one.channel.close()
      await other.channel.publish(['b'])
      await until('it is heard', () => other.heard.includes('a') && other.heard.includes('b'))
      expect(other.counts.get('parlance_invalidation_flushes_total silence')).toBeUndefined()
    })

    it('flushes at what it cannot read', async () => {
      const shared = prefix()
      const { redis, heard } = await open(url!, shared)
      for (const text of ['{}', 'nonsense', '["x"]', '["x",1,0,2]'])
        await redis.publish(redis.name('invalidation'), text)
      await until('it flushed', () => heard.length === 4)
      expect(heard).toEqual(['flush', 'flush', 'flush', 'flush'])
    })
  })

describe.skipIf(!canStart('redis'))('when messages get lost', () => {
  const prefix = 'test:'

  it('a lost message is noticed with the next one', async () => {
    await using server = await startRedis()
    const [one, other] = [await open(server.url, prefix), await open(server.url, prefix)]
    await one.channel.publish(['a'])
    one.redis.publish = () => Promise.resolve()
    await one.channel.publish(['lost'])
    Reflect.deleteProperty(one.redis, 'publish')
    await one.channel.publish(['b'])
    await until('it flushed', () => other.heard.includes('flush'))
    expect(other.counts.get('parlance_invalidation_flushes_total gap')).toBe(1)
    await one.channel.publish(['c'])
    await until('it goes on', () => other.heard.at(-1) === 'c')
    await closeAll()
  })

  it('a lost last message is noticed with the heartbeat', async () => {
    await using server = await startRedis()
    const [one, other] = [await open(server.url, prefix), await open(server.url, prefix)]
    await one.channel.publish(['a'])
    one.redis.publish = () => Promise.reject(new Error('cut off'))
    await expect(one.channel.publish(['lost'])).rejects.toThrow('cut off')
    Reflect.deleteProperty(one.redis, 'publish')
    await until('it flushed', () => other.heard.includes('flush'))
    expect(other.heard).toEqual(['a', 'flush'])
    expect(one.counts.get('parlance_invalidation_undelivered_total')).toBeGreaterThan(0)
    await closeAll()
  })

  it('a receiver whose connection is cut flushes, before and after', async () => {
    await using server = await startRedis()
    const [one, other] = [await open(server.url, prefix), await open(server.url, prefix)]
    for (let round = 1; round <= 3; round++) {
      other.heard.length = 0
      await one.redis.run(redisCommand('CLIENT', 'KILL', 'TYPE', 'pubsub'))
      await until('it flushed twice', () => other.heard.filter((key) => key === 'flush').length >= 2)
      await until('it hears again', async () => {
        await one.channel.publish([`round ${round}`])
        return other.heard.includes(`round ${round}`)
      })
    }
    await closeAll()
  })

  it('while nothing is heard, nothing is kept: every heartbeat flushes until Redis is back', async () => {
    await using server = await startRedis()
    const [one, other] = [await open(server.url, prefix), await open(server.url, prefix)]
    await server.kill()
    await expect(one.channel.publish(['a'])).rejects.toMatchObject({ retryable: true })
    expect(one.heard[0] === 'a' || one.heard.includes('flush')).toBe(true)
    await until('it flushed often', () => other.heard.length > 10)
    expect(new Set(other.heard)).toEqual(new Set(['flush']))
    await server.start()
    await until('it hears again', async () => {
      await one.channel.publish(['b'])
      return other.heard.includes('b')
    })
    const flushes = other.counts.get('parlance_invalidation_flushes_total connection')!
    await until('heartbeats pass', () => other.counts.get('parlance_invalidation_staleness_ms observed')! > 5)
    await one.channel.publish(['c'])
    await until('it is heard', () => other.heard.includes('c'))
    expect(other.counts.get('parlance_invalidation_flushes_total connection')! - flushes).toBeLessThan(5)
    await closeAll()
  })

  it('a process that falls silent without a goodbye may have said something: the others flush once', async () => {
    await using server = await startRedis()
    const [one, other] = [await open(server.url, prefix), await open(server.url, prefix, { silentMs: 200 })]
    await one.channel.publish(['a'])
    await until('it is heard', () => other.heard.includes('a'))
    await one.redis.close()
    await until('it flushed', () => other.counts.get('parlance_invalidation_flushes_total silence') === 1)
    await closeAll()
  })

  it('a server that hangs is noticed, though the connection stays open', async () => {
    await using server = await startRedis()
    const other = await open(server.url, prefix, { silentMs: 100 })
    await server.pause()
    await until('it flushed', () => (other.counts.get('parlance_invalidation_flushes_total connection') ?? 0) > 2)
    expect(other.counts.get('parlance_invalidation_staleness_ms')).toBeGreaterThan(100)
    server.resume()
    await until('it hears itself again', () => other.counts.get('parlance_invalidation_staleness_ms')! < 100)
    await closeAll()
  })
})
