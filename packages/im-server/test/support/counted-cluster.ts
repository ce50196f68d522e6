import { randomBytes } from 'node:crypto'
import { temporaryFolder, until } from '@parlance/testing'
import type { Role } from '../../src/index.ts'
import { CountingProxy } from './counting-proxy.ts'
import { RequestLog } from './request-log.ts'
import { Rounds } from './rounds.ts'
import { isKafkaFetch, isKafkaProduce, kafkaWire, mongoWire, redisWire, withKafkaPort } from './service-wire.ts'
import { dropNamespace, startCluster, type TestCluster, type TestProcess, type TestServices } from './test-cluster.ts'

/** One process of a server whose requests are counted. */
export interface CountedProcess extends TestProcess {
  readonly name: string
  readonly log: RequestLog
  /** Keeps it from fetching records until the returned function is called. */
  holdFetches(): Promise<() => void>
  /** Keeps what it produces back until the returned function is called; `isWaiting` tells whether there is any. */
  holdProduces(): { readonly isWaiting: () => boolean; readonly release: () => void }
}

/** Processes of one server, each behind proxies of its own. */
export interface CountedCluster {
  readonly processes: readonly CountedProcess[]
  /** What makes them ask in rounds. */
  readonly rounds: Rounds
  stop(): Promise<void>
}

/** Starts processes by name, in this order. */
export async function startCountedCluster(
  services: TestServices,
  roles: Readonly<Record<string, readonly Role[]>>,
): Promise<CountedCluster> {
  const namespace = `test-${randomBytes(6).toString('hex')}`
  const folder = temporaryFolder()
  const started: { readonly cluster: TestCluster; readonly proxies: readonly CountingProxy[] }[] = []
  const processes: CountedProcess[] = []
  const rounds = new Rounds()
  const stop = async (): Promise<void> => {
    await rounds.stop()
    await Promise.all(started.map(({ cluster }) => cluster.stop()))
    await Promise.all(started.flatMap(({ proxies }) => proxies.map((proxy) => proxy.stop())))
    folder.remove()
    await dropNamespace(services, namespace)
  }
  try {
    for (const [name, some] of Object.entries(roles)) {
      const log = new RequestLog()
      const { proxies, kafka, proxied } = await startProxies(services, log, rounds)
      const cluster = await startCluster(proxied, { dataDir: folder.path, kafkaPartitions: 1 }, [some], namespace)
      started.push({ cluster, proxies })
      processes.push({
        name,
        log,
        ...cluster.processes[0]!,
        holdFetches: async () => {
          kafka.hold(isKafkaFetch)
          await until('it would fetch', () => kafka.heldCount > 0)
          return () => kafka.release()
        },
        holdProduces: () => {
          kafka.hold(isKafkaProduce)
          return { isWaiting: () => kafka.heldCount > 0, release: () => kafka.release() }
        },
      })
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { processes, rounds, stop }
}

async function startProxies({ mongoURL, redisURL, kafkaBrokers }: TestServices, log: RequestLog, rounds: Rounds) {
  const addressOf = (url: URL) => ({ host: url.hostname, port: Number(url.port) })
  const [mongoAt, redisAt, kafkaAt] = [new URL(mongoURL), new URL(redisURL), new URL(`kafka://${kafkaBrokers}`)]
  const { host, port } = addressOf(kafkaAt)
  const counting = { log, rounds }
  const mongo = await CountingProxy.start({
    service: 'MongoDB',
    wire: mongoWire,
    target: addressOf(mongoAt),
    ...counting,
  })
  const redis = await CountingProxy.start({
    service: 'Redis',
    wire: redisWire,
    target: addressOf(redisAt),
    ...counting,
  })
  const kafka = await CountingProxy.start({
    service: 'Kafka',
    wire: kafkaWire,
    target: { host, port },
    ...counting,
    change: (frame, proxyPort) => withKafkaPort(frame, host, port, proxyPort),
  })
  const proxied: TestServices = {
    mongoURL: `mongodb://127.0.0.1:${mongo.port}/?directConnection=true`,
    redisURL: `redis://127.0.0.1:${redis.port}`,
    kafkaBrokers: `127.0.0.1:${kafka.port}`,
  }
  return { proxies: [mongo, redis, kafka], kafka, proxied }
}
