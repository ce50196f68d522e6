import { temporaryFolder } from '@parlance/testing'
import { startKafka, startMongoDouble, startRedis, type TestServer } from '@parlance/testing/services'
import { type Role, roles } from '../../src/index.ts'
import { planRoleProcess, type RoleProcess } from './role-process.ts'

/** Services of its own and two processes of every role: what a cluster is made of, to be killed piece by piece. */
export interface Stack {
  readonly mongo: TestServer
  readonly redis: TestServer
  readonly kafka: TestServer
  readonly processes: readonly RoleProcess[]
  readonly secret: string
  /** Settings with which a further process joins. */
  readonly settings: { mongoURL: string; redisURL: string; kafkaBrokers: string; dataDir: string; namespace: string }
  of(role: Role): readonly RoleProcess[]
  /** Resolves once everything answers. */
  ready(): Promise<void>
  /** @throws ProcessEndedError when a process does not end when it is asked to. */
  stop(): Promise<void>
}

const perRole = 2

/** Starts all of it. */
export async function startStack(): Promise<Stack> {
  const folder = temporaryFolder()
  const [mongo, redis, kafka] = await Promise.all([startMongoDouble(), startRedis(), startKafka()])
  const secret = 'a secret for tests only'
  const settings = {
    mongoURL: mongo.url,
    redisURL: redis.url,
    kafkaBrokers: kafka.url,
    dataDir: folder.path,
    namespace: 'faults',
  }
  const environment = {
    PARLANCE_MONGO_URL: settings.mongoURL,
    PARLANCE_REDIS_URL: settings.redisURL,
    PARLANCE_KAFKA_BROKERS: settings.kafkaBrokers,
    PARLANCE_KAFKA_PARTITIONS: '4',
    PARLANCE_NAMESPACE: settings.namespace,
    PARLANCE_DATA_DIR: settings.dataDir,
    PARLANCE_SECRET: secret,
  }
  const processes: RoleProcess[] = []
  for (const role of roles)
    for (let count = 0; count < perRole; count++) processes.push(await planRoleProcess(role, environment))
  const stop = async (): Promise<void> => {
    const stopped = await Promise.allSettled(processes.map((one) => one.process.stop()))
    await Promise.all([mongo, redis, kafka].map((server) => server.remove()))
    folder.remove()
    const failed = stopped.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
  try {
    // The others find the keys that the first one makes.
    const [first, ...others] = processes
    await first!.process.start()
    await Promise.all(others.map((one) => one.process.start()))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    mongo,
    redis,
    kafka,
    processes,
    secret,
    settings,
    of: (role) => processes.filter((one) => one.role === role),
    ready: async () => void (await Promise.all(processes.map((one) => one.process.ready()))),
    stop,
  }
}
