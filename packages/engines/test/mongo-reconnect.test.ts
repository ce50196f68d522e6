import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { until, VirtualClock } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest'
import { type Mongo, openMongo } from '../src/mongo/index.ts'
import { type FakeMongo, fakeMongo } from './fake-mongo.ts'
import { recordingMetrics } from './recording-metrics.ts'

type Answer = ReturnType<Parameters<typeof fakeMongo>[0]>

const healthy = {
  ok: 1,
  isWritablePrimary: true,
  helloOk: true,
  minWireVersion: 0,
  maxWireVersion: 21,
  maxBsonObjectSize: 16_777_216,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  // What signing in answers.
  conversationId: 1,
  done: true,
  payload: Buffer.alloc(0),
}
/** Beyond every limit, in the time of the watch. */
const longMs = 600_000

const ping = (mongo: Mongo): Promise<unknown> =>
  mongo.run((database) => database.command({ ping: 1 })).catch((error: unknown) => error)
const isInVain = (write: MockInstance<Socket['write']>): boolean =>
  write.mock.results.some(({ value }) => value === false)
const lost = { code: 'MONGO_UNAVAILABLE', retryable: true, message: expect.stringContaining('lost track') }

describe('reconnects however the connection broke:', () => {
  /** Those the client made: the one that watches the server first. */
  let sockets: Socket[]
  /** What happens to a socket as soon as there is one. */
  let onSocket: ((socket: Socket) => void) | undefined
  let answer: (command: string) => Answer
  let fake: FakeMongo
  let clock: VirtualClock
  let recorded: ReturnType<typeof recordingMetrics>
  let mongo: Mongo

  const collect = (message: unknown): void => {
    const { socket } = message as { socket: Socket }
    sockets.push(socket)
    onSocket?.(socket)
  }
  const becomesHealthy = () => until('MongoDB is healthy', async () => (await mongo.health()).healthy)
  const replaced = () => recorded.counters.get('parlance_mongo_clients_replaced_total') ?? 0

  const open = async (heartbeatMs: number, connectTimeoutMs: number): Promise<void> => {
    const options = `authMechanism=PLAIN&heartbeatFrequencyMS=${heartbeatMs}&minHeartbeatFrequencyMS=0`
    const url = `mongodb://me:secret@127.0.0.1:${fake.port}/?${options}`
    mongo = await openMongo({ url, connectTimeoutMs, clock, metrics: recorded.metrics })
  }

  beforeEach(async () => {
    sockets = []
    onSocket = undefined
    answer = () => healthy
    clock = new VirtualClock()
    recorded = recordingMetrics()
    fake = await fakeMongo((command) => answer(command))
    subscribe('net.client.socket', collect)
  })
  afterEach(async () => {
    await mongo.close()
    await fake.close()
    unsubscribe('net.client.socket', collect)
  })

  it.each(['reset', 'half', 'silence'] as const)(
    'all of them at once, and then each answer of a server that starts is %s',
    async (fault) => {
      await open(500, 500)
      const before = fake.commands.length
      answer = () => fault
      fake.cut()
      await until('it was tried again', () => fake.commands.length >= before + 2)
      answer = () => healthy
      await becomesHealthy()
    },
  )

  it('a check that the lost call asks for goes to a connection that is gone but not yet said to be closed', async () => {
    await open(60_000, 5000)
    const [watching, calling] = sockets as [Socket, Socket]
    const write = vi.spyOn(watching, 'write')
    answer = (command) => (command === 'ping' ? 'silence' : healthy)
    const before = fake.commands.length
    const call = ping(mongo)
    await until('the call is under way', () => fake.commands.length > before)
    answer = () => healthy
    // What Node does when a server ends a connection, some turns of its loop before it says that it is closed.
    watching.destroy()
    calling.destroy(new Error('read ECONNRESET'))
    expect(await call).toMatchObject({ code: 'MONGO_UNAVAILABLE', retryable: true })
    const waiting = ping(mongo)
    await until('the check is written in vain', () => isInVain(write))
    await clock.advance(longMs)
    expect(await waiting).toMatchObject(lost)
    expect(replaced()).toBe(1)
    await becomesHealthy()
  })

  it('a call goes to a connection that is gone but not yet said to be closed', async () => {
    await open(60_000, 5000)
    const calling = sockets[1]!
    const write = vi.spyOn(calling, 'write')
    calling.destroy()
    const call = ping(mongo)
    await until('the call is written in vain', () => isInVain(write))
    await clock.advance(longMs)
    expect(await call).toMatchObject(lost)
    expect(replaced()).toBe(1)
    await becomesHealthy()
  })

  it('a connection that is being made is gone between two steps, but not yet said to be closed', async () => {
    await open(60_000, 5000)
    sockets[1]!.destroy()
    await once(sockets[1]!, 'close')
    let write: MockInstance<Socket['write']> | undefined
    onSocket = (socket) => {
      onSocket = undefined
      socket.once('data', () => {
        socket.destroy()
        write = vi.spyOn(socket, 'write')
      })
    }
    const call = ping(mongo)
    await until('it signs in in vain', () => write !== undefined && isInVain(write))
    await clock.advance(longMs)
    expect(await call).toMatchObject(lost)
    expect(replaced()).toBe(1)
    await becomesHealthy()
  })

  it('and nothing that only takes its time is taken for broken', async () => {
    await open(60_000, 5000)
    answer = (command) => (command === 'ping' ? 'silence' : healthy)
    const call = ping(mongo)
    await until('the call is under way', () => fake.commands.at(-1) === 'ping')
    await clock.advance(15_000)
    expect(replaced()).toBe(0)
    await mongo.close()
    expect(await call).toMatchObject({ code: 'CORE_CLOSED' })
    expect(clock.pendingCount).toBe(0)
  })

  it('and a call that never ends fails when the client closes', async () => {
    await open(60_000, 5000)
    sockets[1]!.destroy()
    const call = ping(mongo)
    await once(sockets[1]!, 'close')
    await mongo.close()
    expect(await call).toMatchObject({ code: 'CORE_CLOSED' })
  })
})
