import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { releasePort, reservePort } from './ports.ts'
import { requireProgram } from './programs.ts'
import { ServerFailedError, serverFolder, TestServer } from './test-server.ts'

/** How a private Kafka is started. */
export interface KafkaServerOptions {
  /** More lines for `server.properties`, for example `{ 'message.max.bytes': '2000000' }`. */
  readonly properties?: Readonly<Record<string, string>>
}

const javaOptions = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']

// One node that is broker and controller. Small, quick to start and to form groups, and known dead soon after a kill:
// the controller refuses a broker that comes back before its session has ended.
const propertiesOf = (port: number, controllerPort: number, folder: string): Readonly<Record<string, string>> => ({
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
  listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
  'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'log.dirs': join(folder, 'log').replaceAll('\\', '/'),
  'num.partitions': '1',
  'auto.create.topics.enable': 'false',
  'offsets.topic.num.partitions': '4',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '500',
  'num.network.threads': '2',
  'num.io.threads': '2',
  'num.recovery.threads.per.data.dir': '1',
  'log.cleaner.dedupe.buffer.size': '16777216',
  'log.segment.delete.delay.ms': '1000',
})

/** A cluster id: 16 random bytes; a leading dash would read as an option. */
function newClusterID(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? newClusterID() : id
}

/** Length, then what follows: API 3 (metadata), version 4, correlation 1, no client id, no topics, none to be created. */
const metadataRequest = Buffer.from([0, 0, 0, 15, 0, 3, 0, 4, 0, 0, 0, 1, 255, 255, 0, 0, 0, 0, 0])

// The answer begins: length, correlation, throttle time, number of brokers; further on stands the cluster's id.
async function isBrokerOf(clusterID: string, port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  socket.setTimeout(2_000, () => socket.destroy(new Error('no answer')))
  let answer: Buffer = Buffer.alloc(0)
  try {
    socket.write(metadataRequest)
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk as Buffer])
      if (answer.length >= 16 && answer.length >= 4 + answer.readInt32BE(0))
        return answer.readInt32BE(12) > 0 && answer.includes(clusterID)
    }
  } finally {
    socket.destroy()
  }
  return false
}

/**
 * Starts a private Kafka, one node in KRaft mode; `await using` or `remove()` ends it. Topics have to be created.
 *
 * What it acknowledged survives `kill()`; after one it needs some five seconds to answer again.
 *
 * @throws ServiceMissingError without Java or Kafka; ServerFailedError.
 */
export async function startKafka(options: KafkaServerOptions = {}): Promise<TestServer> {
  const { command, classPath } = requireProgram('kafka')
  const port = await reservePort()
  const controllerPort = await reservePort()
  const folder = serverFolder()
  const clusterID = newClusterID()
  const file = join(folder, 'server.properties')
  const properties = { ...propertiesOf(port, controllerPort, folder), ...options.properties }
  writeFileSync(
    file,
    Object.entries(properties)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  )
  const java = [...javaOptions, '-cp', classPath]
  const server = new TestServer({
    name: 'a Kafka server',
    url: `127.0.0.1:${port}`,
    port,
    folder,
    command,
    arguments: [...java, 'kafka.Kafka', file],
    answers: () => isBrokerOf(clusterID, port),
    onRemoved: () => releasePort(controllerPort),
  })
  try {
    await format(command, [
      '-XX:TieredStopAtLevel=1',
      ...java,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      clusterID,
      '-c',
      file,
    ])
    await server.start()
    return server
  } catch (error) {
    await server.remove()
    throw error
  }
}

async function format(command: string, given: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(command, given, { timeout: 120_000 })
  } catch (error) {
    throw new ServerFailedError(`Kafka could not make its data folder: ${(error as Error).message}`, { cause: error })
  }
}
