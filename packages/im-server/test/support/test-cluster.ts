import { randomBytes } from 'node:crypto'
import { serviceURL, temporaryFolder } from '@parlance/testing'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { MongoClient } from 'mongodb'
import {
  createImServer,
  type ImServer,
  type ImServerAddresses,
  type ImServerOptions,
  type Role,
} from '../../src/index.ts'

/** Where the services of this run of the tests are. */
export interface TestServices {
  readonly mongoURL: string
  readonly redisURL: string
  readonly kafkaBrokers: string
}

/** Undefined when one of them is not there. */
export function testServices(): TestServices | undefined {
  const [mongoURL, redisURL, kafkaBrokers] = [serviceURL('mongo'), serviceURL('redis'), serviceURL('kafka')]
  if (mongoURL === undefined || redisURL === undefined || kafkaBrokers === undefined) return undefined
  return { mongoURL, redisURL, kafkaBrokers }
}

/** One process's worth of a server. */
export interface TestProcess {
  readonly im: ImServer
  readonly addresses: ImServerAddresses
}

/** A server of several processes, all of them in this one, each with connections and caches of its own. */
export interface TestCluster {
  readonly namespace: string
  readonly processes: readonly TestProcess[]
  stop(): Promise<void>
}

/** Two of everything: what one process keeps for itself shows as a difference to the other. */
export const twoOfEach: readonly (readonly Role[])[] = [
  ['api', 'gateway'],
  ['api', 'gateway'],
  ['transfer', 'push'],
  ['transfer', 'push'],
  ['cron'],
]

/** Starts processes in this order, on a namespace of their own unless one is given. */
export async function startCluster(
  services: TestServices,
  options: ImServerOptions = {},
  roles: readonly (readonly Role[])[] = twoOfEach,
  namespace = `test-${randomBytes(6).toString('hex')}`,
  ports: readonly { readonly apiPort: number; readonly wsPort: number }[] = [],
): Promise<TestCluster> {
  const folder = temporaryFolder()
  const processes: TestProcess[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map(({ im }) => im.stop()))
    folder.remove()
  }
  try {
    // The others find the keys that the first one makes.
    for (const [index, some] of roles.entries()) {
      const settings = { ...services, namespace, kafkaPartitions: 2, dataDir: folder.path, logLevel: 'error' as const }
      const im = await createImServer({ ...settings, roles: [...some], ...options }, {})
      processes.push({ im, addresses: await im.listen(ports[index] ?? { apiPort: 0, wsPort: 0 }) })
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { namespace, processes, stop }
}

/** Leaves nothing of a namespace behind. */
export async function dropNamespace(
  { mongoURL, redisURL, kafkaBrokers }: TestServices,
  namespace: string,
): Promise<void> {
  const mongo = await MongoClient.connect(mongoURL)
  await mongo.db(namespace).dropDatabase()
  await mongo.close()
  const redis = new Redis(redisURL)
  for await (const keys of redis.scanStream({ match: `${namespace}:*`, count: 1000 }))
    if ((keys as string[]).length > 0) await redis.unlink(keys as string[])
  redis.disconnect()
  const admin = new Kafka({ brokers: kafkaBrokers.split(','), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const topics = (await admin.listTopics()).filter((name) => name.startsWith(`${namespace}.`))
  if (topics.length > 0) await admin.deleteTopics({ topics })
  await admin.disconnect()
}
