import { randomUUID } from 'node:crypto'
import { InvalidArgumentError, type Logger, ParlanceError, silentLogger } from '@parlance/core'
import { openRedis, type Redis, redisCommand } from '@parlance/engines/redis'
import type { RegisteredSession } from '@parlance/gateway'
import { sessionRegistryContract } from '@parlance/gateway/contract'
import { createRedisSessionRegistry, type RedisSessionRegistry } from '@parlance/gateway/redis'
import { serviceURL, until } from '@parlance/testing'
import { canStart, startRedis, type TestServer } from '@parlance/testing/services'
import { afterEach, describe, expect, it } from 'vitest'

const closing: (() => Promise<unknown>)[] = []
const closeAll = async (): Promise<void> => {
  for (const close of closing.splice(0).toReversed()) await close()
}
afterEach(closeAll)

interface Process {
  readonly redis: Redis
  readonly registry: RedisSessionRegistry
}

/** A process of its own, as far as Redis can tell. */
async function openProcess(
  url: string,
  prefix: string,
  leaseMs = 10_000,
  logger: Logger = silentLogger,
): Promise<Process> {
  const redis = await openRedis({ url, prefix, commandTimeoutMs: 500, connectTimeoutMs: 1_000 })
  const registry = createRedisSessionRegistry({ redis, leaseMs, logger })
  closing.push(async () => {
    await registry.stop()
    await redis.close()
  })
  return { redis, registry }
}

const session = (subject: string, id: string, node = 'n1'): RegisteredSession => ({
  id,
  node,
  subject,
  device: 'web',
  credential: 'c',
})
const node = (name: string, onLapsed?: () => void) => ({
  name,
  incarnation: `run of ${name}`,
  address: `${name}:1`,
  ...(onLapsed === undefined ? {} : { onLapsed }),
})
const idsOf = (sessions: readonly RegisteredSession[] | undefined): string[] => (sessions ?? []).map(({ id }) => id)
const idsIn = async ({ registry }: Process, subject: string): Promise<string[]> =>
  idsOf((await registry.sessionsOf([subject]))[0])

/** Tells what a follower of a subject is told. */
async function follow({ registry }: Process, subject: string): Promise<string[]> {
  const told: string[] = []
  const watch = registry.watch((_, sessions) => void told.push(idsOf(sessions).join('+')))
  closing.push(async () => watch.stop())
  await watch.follow([subject])
  return told
}

const places = [
  ['one Redis server', serviceURL('redis')],
  ['a Redis Cluster', serviceURL('redisCluster')],
] as const

for (const [place, url] of places)
  describe.skipIf(url === undefined)(place, () => {
    const prefix = (): string => `test:${randomUUID()}:`

    sessionRegistryContract(place, {
      open: async () => {
        const shared = prefix()
        const [here, there] = [await openProcess(url!, shared), await openProcess(url!, shared)]
        closing.push(() => leaveNothing(here, shared, url!))
        return { here: here.registry, there: there.registry }
      },
      close: closeAll,
    })

    it('a node that is killed is gone within its lease, its sessions with it, and what it left is swept', async () => {
      const shared = prefix()
      const leaseMs = 400
      const [here, there] = [await openProcess(url!, shared, leaseMs), await openProcess(url!, shared, leaseMs)]
      here.registry.join(node('n1'))
      there.registry.join(node('n2'))
      await there.registry.register(session('ann', 'stays', 'n2'))
      for (const subject of ['ann', 'bob', 'carl']) await here.registry.register(session(subject, `of ${subject}`))
      const told = await follow(there, 'ann')
      // As a process that is killed does: nothing is taken back.
      await here.registry.stop()
      await until('it is gone', async () => (await idsIn(there, 'bob')).length === 0)
      await until('watchers are told', () => told.at(-1) === 'stays')
      expect(await there.registry.nodes()).toMatchObject([{ name: 'n2' }])
      const hash = (...parts: string[]) => redisCommand('HLEN', there.redis.name('gateway', ...parts))
      await until('nothing of it is left', async () => {
        const lengths = await there.redis.runAll([
          hash('nodes'),
          hash('sessions', 'ann'),
          hash('sessions', 'bob'),
          hash('sessions', 'carl'),
        ])
        return lengths.map((outcome) => outcome.ok && outcome.reply).join() === '1,1,0,0'
      })
      expect(told).toEqual(['stays'])
    })

    it('many sessions of many subjects are found in one go', async () => {
      const one = await openProcess(url!, prefix())
      one.registry.join(node('n1'))
      const subjects = Array.from({ length: 1_000 }, (_, index) => `subject ${index}`)
      await Promise.all(subjects.map((subject) => one.registry.register(session(subject, `of ${subject}`))))
      const found = await one.registry.sessionsOf(subjects)
      expect(found.map((sessions) => idsOf(sessions).join())).toEqual(subjects.map((subject) => `of ${subject}`))
      await Promise.all(subjects.map((subject) => one.registry.unregister(session(subject, `of ${subject}`))))
      expect((await one.registry.sessionsOf(subjects)).flat()).toEqual([])
      const index = one.redis.name('gateway', 'subjects', `n1/${encodeURIComponent('run of n1')}/0`)
      expect(await one.redis.run(redisCommand('SCARD', index))).toBe(0)
    })
  })

/** Takes away the keys of a test. */
async function leaveNothing({ registry }: Process, shared: string, url: string): Promise<void> {
  await registry.stop()
  const redis = await openRedis({ url, prefix: shared })
  await redis.run(redisCommand('DEL', redis.name('gateway', 'nodes')))
  await redis.close()
}

it('refuses a lease that nobody can keep', async () => {
  const redis = undefined as unknown as Redis
  expect(() => createRedisSessionRegistry({ redis, leaseMs: 10 })).toThrow(InvalidArgumentError)
})

describe.skipIf(!canStart('redis'))('a Redis server that comes and goes', () => {
  let server: TestServer
  const start = async (): Promise<void> => {
    server = await startRedis()
    closing.push(() => server[Symbol.asyncDispose]())
  }
  const open = (leaseMs?: number, logger?: Logger): Promise<Process> =>
    openProcess(server.url, 'test:', leaseMs, logger)
  const failing = async (work: Promise<unknown>): Promise<ParlanceError> =>
    work.then(
      () => Promise.reject(new Error('it did not fail')),
      (error: unknown) => error as ParlanceError,
    )

  it('and comes back empty: every node puts its sessions back, is told, and presence does not flap', async () => {
    await start()
    const [here, there] = [await open(1_500), await open(1_500)]
    let lapses = 0
    here.registry.join(node('n1', () => void lapses++))
    there.registry.join(node('n2'))
    for (const id of ['a1', 'a2', 'a3']) await here.registry.register(session('ann', id))
    await there.registry.register(session('ann', 'b1', 'n2'))
    const told = await follow(there, 'ann')
    await server.kill()
    await server.start()
    await until('all are found again', async () => (await idsIn(there, 'ann')).join('+') === 'a1+a2+a3+b1')
    await until('the node is told', () => lapses === 1)
    await here.registry.unregister(session('ann', 'a2'))
    await until('watchers hear again', () => told.at(-1) === 'a1+a3+b1')
    expect(told).toEqual(['a1+a3+b1'])
  })

  it('and is away: nobody is registered, whoever left is taken out later, and nodes are known as before', async () => {
    await start()
    const [here, there] = [await open(), await open()]
    here.registry.join(node('n1'))
    await here.registry.register(session('ann', 'a1'))
    await here.registry.register(session('ann', 'a2'))
    expect(await there.registry.nodes()).toHaveLength(1)
    await server.kill()
    await until('it is noticed', async () => (await failing(here.registry.sessionsOf(['ann']))).retryable)
    expect((await failing(here.registry.register(session('ann', 'never')))).retryable).toBe(true)
    const leaving = here.registry.unregister(session('ann', 'a1'))
    expect(await there.registry.nodes()).toMatchObject([{ name: 'n1' }])
    await server.start()
    await leaving
    await until('the others are found again', async () => (await idsIn(there, 'ann')).join() === 'a2')
  })

  it('and is not there at first: a node is announced when it comes', async () => {
    await start()
    const one = await open()
    await server.kill()
    one.registry.join(node('n1'))
    await until(
      'a session is refused',
      async () => (await failing(one.registry.register(session('ann', 'a1')))).retryable,
    )
    await server.start()
    await until('it is registered', async () => {
      await one.registry.register(session('ann', 'a2'))
      return true
    })
    expect(await idsIn(one, 'ann')).toEqual(['a2'])
  })

  it('and loses only some sessions: they are put back', async () => {
    await start()
    const [here, there] = [await open(300), await open(300)]
    let lapses = 0
    here.registry.join(node('n1', () => void lapses++))
    const ids = Array.from({ length: 30 }, (_, index) => `a${index}`)
    for (const id of ids) await here.registry.register(session(`of ${id}`, id))
    await there.redis.run(redisCommand('DEL', there.redis.name('gateway', 'sessions', 'of a7')))
    await until('it is found again', async () => (await idsIn(there, 'of a7')).join() === 'a7')
    await until('the node is told', () => lapses === 1)
  })

  it('and a node whose lease ended while it lived comes back with its sessions', async () => {
    await start()
    const [here, there] = [await open(300), await open(300)]
    let lapses = 0
    here.registry.join(node('n1', () => void lapses++))
    there.registry.join(node('n2'))
    await here.registry.register(session('ann', 'a1'))
    const told = await follow(there, 'ann')
    const nodes = there.redis.name('gateway', 'nodes')
    const run = `n1/${encodeURIComponent('run of n1')}/0`
    await there.redis.run(redisCommand('HSET', nodes, run, JSON.stringify(['n1', 'n1:1', 0])))
    await until('it lapsed', () => lapses === 1)
    expect(await idsIn(there, 'ann')).toEqual(['a1'])
    await until('watchers are told last that it is there', () => told.length === 0 || told.at(-1) === 'a1')
    await until('what was before the lapse is swept', async () => {
      const left = (await there.redis.run(redisCommand('HKEYS', nodes))) as readonly string[]
      return !left.includes(run)
    })
    expect(await idsIn(there, 'ann')).toEqual(['a1'])
  })

  it('a node whose name another one takes registers nobody any more, and says why', async () => {
    await start()
    const errors: string[] = []
    const logger = { ...silentLogger, error: (message: string) => void errors.push(message) }
    // Long enough that no lease ends because the machine is busy: then the two would take the name from each other in turn.
    const [here, there] = [await open(3_000, logger), await open(3_000)]
    here.registry.join(node('n1'))
    await here.registry.register(session('ann', 'a1'))
    there.registry.join({ ...node('n1'), incarnation: 'another' })
    await there.registry.register(session('ann', 'a2'))
    // Whoever sweeps may be faster than the next renewal: then nothing of the first one is remembered.
    await until(
      'the first one is swept',
      async () => (await there.redis.run(redisCommand('HLEN', there.redis.name('gateway', 'nodes')))) === 1,
    )
    await until('it is noticed', () => errors.length > 0)
    expect(await failing(here.registry.register(session('ann', 'a3')))).toMatchObject({
      code: 'GATEWAY_NODE_NAME_TAKEN',
      retryable: false,
    })
    expect(await idsIn(there, 'ann')).toEqual(['a2'])
    expect(errors).toHaveLength(1)
  })
})
