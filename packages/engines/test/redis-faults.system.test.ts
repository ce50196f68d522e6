import { afterEach, describe, expect, it } from 'vitest'
import {
  openRedis,
  type Redis,
  RedisAccessError,
  redisCommand,
  RedisFullError,
  type RedisOptions,
  RedisScript,
  RedisUnavailableError,
} from '@parlance/engines/redis'
import { until } from '@parlance/testing'
import {
  canStart,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  type TestServer,
} from '@parlance/testing/services'

const opened: Redis[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((redis) => redis.close()))
})

async function open(url: string, options: Partial<RedisOptions> = {}): Promise<Redis> {
  const redis = await openRedis({ url, commandTimeoutMs: 1_000, connectTimeoutMs: 1_000, ...options })
  opened.push(redis)
  return redis
}

/** Counts upwards in a script, once per call; carried out twice it would show. */
const count = new RedisScript(`return redis.call('INCR', KEYS[1])`)
const command = (server: TestServer, ...words: string[]): Promise<unknown> =>
  openRedis({ url: server.url }).then(async (redis) => {
    try {
      return await redis.run({ key: '', command: words })
    } finally {
      await redis.close()
    }
  })

describe.skipIf(!canStart('redis'))('one server', () => {
  it('that is killed: what was sent fails, what comes then waits a moment for it, scripts and channels go on', async () => {
    await using server = await startRedis()
    // What waits has to outlast the start of a server, on a loaded machine too.
    const redis = await open(server.url, { commandTimeoutMs: 300_000, connectTimeoutMs: 60_000 })
    const incarnations: (string | undefined)[] = [redis.incarnation()]
    redis.onNewIncarnation(() => incarnations.push('new'))
    const heard: string[] = []
    await redis.subscribe('news', {
      message: (bytes) => void heard.push(bytes.toString()),
      subscribed: () => void heard.push('subscribed'),
      interrupted: () => void heard.push('interrupted'),
    })
    expect(await redis.run(count.on(['k']))).toBe(1)
    await server.pause()
    const sent = redis.run(count.on(['k']))
    const outcome = expect(sent).rejects.toThrow(RedisUnavailableError)
    await until('it was sent', () => redis.pendingCommands === 1)
    await server.kill()
    await outcome
    const waiting = redis.run(count.on(['k']))
    expect(await redis.health()).toMatchObject({ healthy: false, words: expect.stringMatching(/cannot be reached/) })
    await server.start()
    expect(await waiting).toBe(1)
    expect(incarnations).toHaveLength(2)
    expect(redis.incarnation()).not.toBe(incarnations[0])
    await until('the channel is heard again', async () => {
      await redis.publish('news', 'hello')
      return heard.includes('hello')
    })
    // The first message may be quicker than the word that the channel is heard.
    expect(heard.filter((word) => word !== 'hello')).toEqual(['subscribed', 'interrupted', 'subscribed'])
    await until('all is well', async () => (await redis.health()).healthy)
  })

  it('that stays away fails everything at once, with the reason', async () => {
    await using server = await startRedis()
    const redis = await open(server.url, { commandTimeoutMs: 50 })
    await server.kill()
    await until('it is down', () =>
      redis.run(redisCommand('GET', 'k')).then(
        () => false,
        () => true,
      ),
    )
    await until('it is known to be down', () => redis.health().then(({ words }) => words.includes('nothing listens')))
    await expect(redis.run(redisCommand('GET', 'k'))).rejects.toThrow(/nothing listens there/)
    expect(redis.pendingCommands).toBe(0)
  })

  it('that is full says so, in the error and to the health probe', async () => {
    await using server = await startRedis({ arguments: ['--maxmemory', '3mb', '--maxmemory-policy', 'noeviction'] })
    const redis = await open(server.url)
    const fill = async (): Promise<unknown> => {
      for (let key = 0; key < 100; key++) await redis.run(redisCommand('SET', `k${key}`, 'x'.repeat(100_000)))
      return undefined
    }
    await expect(fill()).rejects.toThrow(RedisFullError)
    expect(await redis.health()).toMatchObject({
      healthy: false,
      words: expect.stringMatching(/is full.*raise maxmemory/),
    })
  })

  it('with a password takes the right one, and no error repeats a wrong one', async () => {
    const password = 'p@ss:w/rd%'
    await using server = await startRedis()
    await command(server, 'ACL', 'SETUSER', 'ada', 'on', `>${password}`, '~*', '&*', '+@all', '-flushall')
    await command(server, 'ACL', 'SETUSER', 'mute', 'on', '>secret', '~*', '+@all', '-info')
    const at = (user: string, given: string): string =>
      `redis://${user}:${encodeURIComponent(given)}@127.0.0.1:${server.port}/3`
    const redis = await open(at('ada', password))
    await redis.run(redisCommand('SET', 'k', 'v'))
    await expect(redis.run({ key: '', command: ['FLUSHALL'] })).rejects.toThrow(RedisAccessError)
    const wrong: unknown = await open(at('ada', 'wrong-secret')).catch((error: unknown) => error)
    expect(wrong).toBeInstanceOf(RedisAccessError)
    expect(JSON.stringify([String(wrong), wrong, (wrong as Error).stack, (wrong as Error).cause])).not.toContain(
      'secret',
    )
    await expect(open(at('mute', 'secret'))).rejects.toThrow(RedisAccessError)
  })
})

describe.skipIf(!canStart('redis'))('sentinels', () => {
  it('name another master when theirs is killed', async () => {
    await using group = await startRedisSentinel()
    const redis = await open(group.url)
    let isNew = false
    redis.onNewIncarnation(() => {
      isNew = true
    })
    const before = redis.incarnation()
    await redis.run(redisCommand('SET', 'k', 'v'))
    await group.servers[0]!.kill()
    await until('writes go on', () => redis.run(redisCommand('SET', 'k', 'w')).then((reply) => reply === 'OK'))
    expect(isNew).toBe(true)
    expect(redis.incarnation()).not.toBe(before)
  })
})

describe.skipIf(!canStart('redis'))('a cluster', () => {
  it('goes on after a master was killed, as soon as its replica takes over', async () => {
    await using group = await startRedisCluster({ replicasPerMaster: 1 })
    const redis = await open(group.url)
    let changes = 0
    redis.onNewIncarnation(() => void changes++)
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}`)
    const heard: string[] = []
    await redis.subscribe('news', {
      message: (bytes) => void heard.push(bytes.toString()),
      subscribed: () => undefined,
    })
    const writeAll = () => redis.runAll(keys.map((key) => redisCommand('SET', key, 'v')))
    expect((await writeAll()).every(({ ok }) => ok)).toBe(true)
    await group.servers[1]!.kill()
    await until('all keys are served again', async () => {
      const outcomes = await writeAll()
      const fine = outcomes.filter(({ ok }) => ok).length
      for (const outcome of outcomes) if (!outcome.ok) expect(outcome.error.retryable).toBe(true)
      return fine === keys.length
    })
    expect(changes).toBe(1)
    await until('health is well again', async () => (await redis.health()).healthy)
    await until('channels are heard', async () => {
      await redis.publish('news', 'hello')
      return heard.includes('hello')
    })
  })

  it('is followed while a slot moves from one node to another', async () => {
    await using group = await startRedisCluster()
    const redis = await open(group.url)
    const [first, second] = [group.servers[0]!, group.servers[1]!]
    const idOf = async (server: TestServer): Promise<string> => String(await command(server, 'CLUSTER', 'MYID'))
    const key = await keyServedBy(first)
    const slot = String(await command(first, 'CLUSTER', 'KEYSLOT', key))
    const [from, to] = [await idOf(first), await idOf(second)]
    expect(await redis.run(count.on([key]))).toBe(1)
    await command(second, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', from)
    await command(first, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', to)
    expect(await redis.run(count.on([key]))).toBe(2)
    await command(first, 'MIGRATE', '127.0.0.1', String(second.port), key, '0', '1000')
    const others = Array.from({ length: 20 }, (_, index) => `{${key}}${index}`)
    const asked = await redis.runAll([key, ...others].map((one) => count.on([one])))
    expect(asked).toEqual([{ ok: true, reply: 3 }, ...others.map(() => ({ ok: true, reply: 1 }))])
    for (const server of group.servers) await command(server, 'CLUSTER', 'SETSLOT', slot, 'NODE', to)
    const moved = await redis.runAll([key, ...others].map((one) => count.on([one])))
    expect(moved).toEqual([{ ok: true, reply: 4 }, ...others.map(() => ({ ok: true, reply: 2 }))])
  })
})

/** A key of the first slots, which the first node serves. */
async function keyServedBy(server: TestServer): Promise<string> {
  for (let index = 0; ; index++) {
    const slot = Number(await command(server, 'CLUSTER', 'KEYSLOT', `key${index}`))
    if (slot < 1_000) return `key${index}`
  }
}
