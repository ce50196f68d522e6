import { createServer, Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InvalidArgumentError, ParlanceError } from '@parlance/core'
import {
  convertKafkaError,
  type Kafka,
  KafkaAccessError,
  KafkaRefusedError,
  KafkaReplicasError,
  KafkaTooLargeError,
  KafkaTopicMissingError,
  KafkaUnavailableError,
  openKafka,
} from '@parlance/engines/kafka'
import { serviceURL, startProgram, until } from '@parlance/testing'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const runTypeScript = here('../../../test/run-typescript.mjs')
const brokers = serviceURL('kafka')

async function unusedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

test.each([
  ['MESSAGE_TOO_LARGE', KafkaTooLargeError, false],
  ['NOT_ENOUGH_REPLICAS', KafkaReplicasError, true],
  ['UNKNOWN_TOPIC_OR_PARTITION', KafkaTopicMissingError, true],
  ['TOPIC_AUTHORIZATION_FAILED', KafkaAccessError, false],
  ['SASL_AUTHENTICATION_FAILED', KafkaAccessError, false],
  ['POLICY_VIOLATION', KafkaRefusedError, false],
])('%s under the layers of the library is found and said in words', (type, kind, retryable) => {
  const root = Object.assign(new Error('what the broker said'), { type, retriable: false })
  const error = Object.assign(new Error('retries exceeded'), { cause: root, retriable: false })
  const converted = convertKafkaError(error, 'here')
  expect(converted).toBeInstanceOf(kind)
  expect(converted.retryable).toBe(retryable)
  expect(converted.message).toMatch(/^here: /)
  expect(convertKafkaError(converted, 'elsewhere')).toBe(converted)
})

test('nobody there: an error with the cure, in bounded time', async () => {
  const port = await unusedPort()
  const error: unknown = await openKafka({ brokers: [`127.0.0.1:${port}`] }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(KafkaUnavailableError)
  expect((error as ParlanceError).message).toMatch(
    new RegExp(`Kafka at 127.0.0.1:${port}: .*check that the brokers run`),
  )
})

test('nobody there: a process that does nothing else lives to tell', async () => {
  const child = startProgram(runTypeScript, here('./child/open-kafka.ts'), `127.0.0.1:${await unusedPort()}`)
  expect(await until('it tells', () => child.lines[0])).toBe('KAFKA_UNAVAILABLE')
  await child.kill()
})

test('an address that is none is refused', async () => {
  await expect(openKafka({ brokers: [] })).rejects.toThrow(InvalidArgumentError)
  await expect(openKafka({ brokers: ['kafka://host'] })).rejects.toThrow(/host:port/)
})

describe.skipIf(brokers === undefined)('a connection to Kafka', () => {
  const prefix = `test-${Math.random().toString(36).slice(2)}`
  let kafka: Kafka
  beforeEach(async () => {
    kafka = await openKafka({ brokers: brokers!.split(',') })
  })
  afterEach(async () => {
    await kafka.administer(async (admin) => {
      const topics = (await admin.listTopics()).filter((name) => name.startsWith(prefix))
      if (topics.length > 0) await admin.deleteTopics({ topics })
    })
    await kafka.close()
  })

  test('once closed it holds no connection, whatever the library lost sight of', async () => {
    const connections = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
    const before = connections()
    const own = await openKafka({ brokers: brokers!.split(',') })
    // Nobody closes this one any more, like what the library leaves behind when a broker comes back.
    await own.client().producer().connect()
    expect(connections()).toBeGreaterThan(before)
    await own.close()
    await until('all are gone', () => connections() <= before)
  })

  test('makes topics as told and leaves those that exist as they are', async () => {
    const spec = { name: `${prefix}.made`, partitions: 3, replication: 1, minInSyncReplicas: 1 }
    const [made] = await kafka.ensureTopics([{ ...spec, config: { 'retention.ms': '60000' } }])
    expect(made).toMatchObject({ name: spec.name, inSync: [1, 1, 1] })
    const [again] = await kafka.ensureTopics([{ ...spec, partitions: 7 }])
    expect(again!.leaders).toHaveLength(3)
    await expect(kafka.ensureTopics([{ ...spec, name: `${prefix}.thrice`, replication: 3 }])).rejects.toThrow(
      /cannot be made with 3 partitions and replication 3: .*number of brokers/,
    )
  })

  test('says in words how it is', async () => {
    const name = `${prefix}.health`
    expect(await kafka.health([{ name, minInSyncReplicas: 1 }])).toMatchObject({
      healthy: false,
      words: expect.stringContaining(`topic ${name} is missing`),
    })
    await kafka.ensureTopics([{ name, partitions: 2, replication: 1, minInSyncReplicas: 1 }])
    expect(await kafka.health([{ name, minInSyncReplicas: 1 }])).toMatchObject({
      healthy: true,
      words: expect.stringMatching(/answered in \d+ ms/),
    })
    expect(await kafka.health([{ name, minInSyncReplicas: 2 }])).toMatchObject({
      healthy: false,
      words: expect.stringContaining(
        'fewer in-sync replicas than the 2 asked for in partition 0, 1 (1 brokers are up)',
      ),
    })
  })

  test('leaves no connection behind for a question that was under way when it was closed', async () => {
    const own = await openKafka({ brokers: brokers!.split(',') })
    const before = connectionsTo(brokers!)
    let goOn!: () => void
    const closed = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const question = own.administer(async (admin) => {
      await admin.listTopics()
      const closing = own.close().then(goOn)
      // The first disconnect is over once nobody is connected.
      await until('it is disconnected', () => connectionsTo(brokers!) < before)
      const topics = await admin.listTopics()
      void closing
      return topics
    })
    await question.catch(() => 'refused as well as answered will do')
    await closed
    await until('no connection is left', () => connectionsTo(brokers!) === before - 1)
  })
})

/** Connections of this process to the first of these brokers. */
function connectionsTo(hosts: string): number {
  const port = Number(hosts.split(',')[0]!.split(':')[1])
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles: () => object[] }
  return handles.call(process).filter((handle) => handle instanceof Socket && handle.remotePort === port).length
}
