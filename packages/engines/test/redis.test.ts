import { randomUUID } from 'node:crypto'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { ClosedError, OverloadedError } from '@parlance/core'
import {
  openRedis,
  type Redis,
  RedisAddressError,
  redisCommand,
  type RedisOptions,
  RedisReplyError,
  RedisScript,
  RedisTimeoutError,
  RedisUnavailableError,
} from '@parlance/engines/redis'
import { serviceURL, startProgram, until, VirtualClock } from '@parlance/testing'
import { recordingMetrics } from './recording-metrics.ts'

const opened: Redis[] = []
const servers: Server[] = []

async function open(options: RedisOptions): Promise<Redis> {
  const redis = await openRedis({ prefix: `test:${randomUUID()}:`, ...options })
  opened.push(redis)
  return redis
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((redis) => redis.close()))
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => void server.close(resolve))))
})

/** Something that accepts connections and does with them what the test wants. */
async function listening(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer(onConnection)
  servers.push(server)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return (server.address() as { port: number }).port
}

const places = [
  ['one server', serviceURL('redis')],
  ['a cluster', serviceURL('redisCluster')],
] as const

describe.each(places)('Redis on %s', (_name, url) => {
  const many = Array.from({ length: 300 }, (_, index) => `k${index}`)
  const address = url ?? ''

  /** Sets keys that remove themselves. */
  const set = (redis: Redis, key: string, value: string | Uint8Array) =>
    redisCommand('SET', redis.name(key), value, 'PX', 60_000)

  it.skipIf(url === undefined)('carries out the steps of one turn, answers in their order', async () => {
    const redis = await open({ url: address })
    const outcomes = await redis.runAll(many.map((key) => set(redis, key, key)))
    expect(outcomes.every(({ ok }) => ok)).toBe(true)
    const found = await redis.runAll(many.map((key) => redisCommand('GET', redis.name(key))))
    expect(found.map((outcome) => outcome.ok && outcome.reply)).toEqual(many)
    expect(redis.pendingCommands).toBe(0)
  })

  it.skipIf(url === undefined)('keeps bytes as they are', async () => {
    const redis = await open({ url: address })
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    await redis.run(set(redis, 'bytes', bytes.subarray(10)))
    const reply = await redis.run({ key: redis.name('bytes'), command: ['GET', redis.name('bytes')], asBytes: true })
    expect(reply).toEqual(Buffer.from(bytes.subarray(10)))
  })

  it.skipIf(url === undefined)('gives a server the script it does not know, once', async () => {
    const redis = await open({ url: address })
    const script = new RedisScript(`-- ${randomUUID()}\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])`)
    const keys = many.slice(0, 50).map((key) => redis.name(key))
    const first = await redis.runAll(keys.map((key) => script.on([key], [2])))
    expect(first).toEqual(keys.map(() => ({ ok: true, reply: 2 })))
    expect(await redis.run(script.on([keys[0]!], () => [3]))).toBe(5)
    await redis.runAll(keys.map((key) => redisCommand('DEL', key)))
  })

  it.skipIf(url === undefined)('lets one failing step spoil no other', async () => {
    const redis = await open({ url: address })
    const [first, second] = await redis.runAll([redisCommand('NOSUCH', redis.name('a')), set(redis, 'b', 'v')])
    expect(first).toMatchObject({ ok: false, error: { code: 'REDIS_REPLY', retryable: false } })
    expect(second).toEqual({ ok: true, reply: 'OK' })
    await expect(redis.run(redisCommand('NOSUCH', redis.name('a')))).rejects.toThrow(RedisReplyError)
  })

  it.skipIf(url === undefined)('hears channels until it stops', async () => {
    const redis = await open({ url: address })
    const other = await open({ url: address })
    const heard: string[] = []
    const channel = redis.name('channel')
    const stop = await redis.subscribe(channel, {
      message: (bytes) => void heard.push(bytes.toString()),
      subscribed: () => void heard.push('subscribed'),
      interrupted: () => void heard.push('interrupted'),
    })
    await other.publish(channel, 'one')
    await until('the message is heard', () => heard.length === 2)
    await stop()
    await other.publish(channel, 'two')
    expect(heard).toEqual(['subscribed', 'one'])
  })

  it.skipIf(url === undefined)('is healthy, names its incarnation, and takes nothing once closed', async () => {
    const redis = await open({ url: address })
    expect(await redis.health()).toMatchObject({ healthy: true, words: expect.stringMatching(/ answered in \d+ ms$/) })
    expect(redis.incarnation()).toMatch(/^\w{40}/)
    await redis.close()
    await expect(redis.run(redisCommand('GET', 'k'))).rejects.toThrow(ClosedError)
    await expect(redis.subscribe('c', { message: () => undefined, subscribed: () => undefined })).rejects.toThrow(
      ClosedError,
    )
  })

  it.skipIf(url === undefined)('refuses more than may wait', async () => {
    const redis = await open({ url: address, maxPendingCommands: 2 })
    const steps = ['a', 'b', 'c'].map((key) => redisCommand('GET', redis.name(key)))
    const [first, second, third] = await redis.runAll(steps)
    expect([first?.ok, second?.ok]).toEqual([true, true])
    expect(third?.ok === false && third.error).toBeInstanceOf(OverloadedError)
    expect(await redis.run(steps[0]!)).toBe(null)
  })
})

describe('a server that is not there', () => {
  it('is named with the cure, and nothing stays open', async () => {
    const port = await listening((socket) => socket.destroy())
    await expect(open({ url: `redis://:s3cret@127.0.0.1:${port}`, commandTimeoutMs: 50 })).rejects.toThrow(
      RedisUnavailableError,
    )
    await expect(open({ url: 'redis://:s3cret@127.0.0.1:1', commandTimeoutMs: 50 })).rejects.toThrow(
      /^Redis at 127\.0\.0\.1:1 cannot be reached: nothing listens there; .*PARLANCE_REDIS_URL/,
    )
    await expect(open({ url: 'redis://127.0.0.1:1,127.0.0.1:2', commandTimeoutMs: 50 })).rejects.toThrow(
      /nothing listens there/,
    )
    await expect(open({ url: 'redis+sentinel://127.0.0.1:1/im', commandTimeoutMs: 50 })).rejects.toThrow(
      /cannot be reached.*sentinels/,
    )
  })

  it('that accepts and stays silent is given up after its time', async () => {
    const sockets: Socket[] = []
    const port = await listening((socket) => void sockets.push(socket))
    const url = `redis://127.0.0.1:${port}`
    await expect(open({ url, connectTimeoutMs: 30, commandTimeoutMs: 100 })).rejects.toThrow(
      /no connection within 30 ms/,
    )
    for (const socket of sockets) socket.destroy()
  })
})

describe.skipIf(places[0][1] === undefined || places[1][1] === undefined)(
  'a process that closed its connections',
  () => {
    it('has nothing left that keeps it alive', async () => {
      const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
      const urls = places.map(([, url]) => url!)
      const child = startProgram(here('../../../test/run-typescript.mjs'), here('./child/close-redis.ts'), ...urls)
      await until('it is through', () => child.lines.length === 2)
      await child.kill()
      expect(child.lines).toEqual(['RedisUnavailableError', 'held: '])
    })
  },
)

describe('a server that answers no more', () => {
  const url = serviceURL('redis')

  it.skipIf(url === undefined)('fails what was sent, and is connected to again', async () => {
    const target = new URL(url!)
    let isHeld = false
    const port = await listening((socket) => {
      const upstream = connect(Number(target.port), target.hostname)
      socket.pipe(upstream)
      upstream.on('data', (bytes: Buffer) => void (isHeld || socket.write(bytes)))
      for (const end of [socket, upstream]) {
        end.on('error', () => undefined)
        end.on('close', () => (end === socket ? upstream : socket).destroy())
      }
    })
    const { metrics, counters } = recordingMetrics()
    const clock = new VirtualClock()
    const limits = { connectTimeoutMs: 600_000, commandTimeoutMs: 1_000 }
    const redis = await open({ url: `redis://127.0.0.1:${port}`, clock, metrics, ...limits })
    const get = redisCommand('GET', redis.name('k'))
    expect(await redis.run(get)).toBe(null)
    isHeld = true
    const timers = clock.pendingCount
    const sent = expect(redis.run(get)).rejects.toThrow(RedisTimeoutError)
    await until('it was sent', () => clock.pendingCount > timers)
    await clock.advance(limits.commandTimeoutMs)
    await sent
    const waiting = expect(redis.run(get)).rejects.toThrow(RedisUnavailableError)
    await clock.advance(limits.commandTimeoutMs)
    await waiting
    expect(await redis.health()).toMatchObject({ healthy: false })
    isHeld = false
    await clock.advance(limits.connectTimeoutMs)
    await until('it is connected again', async () => {
      await clock.advance(50)
      return (await redis.run(get)) === null
    })
    expect(counters.get('parlance_redis_new_incarnations_total')).toBeUndefined()
  })
})

describe('an address', () => {
  it.each([
    'http://secret@host',
    'redis://user:secret@',
    'redis://secret@host',
    'redis://:secret@host:99999',
    'redis://:secret@host/x',
    'redis://:secret@a,b/1',
    'redis+sentinel://:secret@a:1',
    'redis://:%zzsecret@host',
  ])('%s is refused without being repeated', async (url) => {
    const error = await open({ url }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(RedisAddressError)
    expect(String(error)).not.toContain('secret')
  })
})
