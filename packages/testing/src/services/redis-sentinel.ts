import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../until.ts'
import { reservePort } from './ports.ts'
import { requireProgram } from './programs.ts'
import { isRedisOf, planRedis, redisCommand, type RedisServerOptions, wordsOf } from './redis-server.ts'
import { ServerGroup } from './server-group.ts'
import { serverFolder, TestServer } from './test-server.ts'

/** How a private Redis with Sentinel is started. */
export interface RedisSentinelOptions extends RedisServerOptions {
  /** @defaultValue 1 */
  readonly replicas?: number
  /** A failover needs more than half of them. @defaultValue 3 */
  readonly sentinels?: number
}

/** The name under which the sentinels know the master. */
const masterName = 'parlance'

const isConnected = (port: number) => async (): Promise<boolean> =>
  (await redisCommand(port, 'INFO', 'replication')).includes('master_link_status:up')

async function planSentinel(masterPort: number, sentinelCount: number): Promise<TestServer> {
  const { command } = requireProgram('redis')
  const port = await reservePort()
  const folder = serverFolder()
  // Sentinel keeps what it learns in this file: a restart goes on from there.
  const file = join(folder, 'sentinel.conf')
  if (!existsSync(file))
    writeFileSync(
      file,
      `port ${port}
bind 127.0.0.1
dir "${folder}"
sentinel monitor ${masterName} 127.0.0.1 ${masterPort} ${Math.floor(sentinelCount / 2) + 1}
sentinel down-after-milliseconds ${masterName} 1000
sentinel failover-timeout ${masterName} 5000
`,
    )
  return new TestServer({
    name: 'a Redis sentinel',
    url: `redis://127.0.0.1:${port}`,
    port,
    folder,
    command,
    arguments: [file, '--sentinel'],
    answers: ({ pid }) => isRedisOf(pid, port),
  })
}

/**
 * Starts a private Redis master with replicas and the sentinels that watch them, and resolves once the sentinels know all.
 *
 * Its `url` names the sentinels and the master's name, `redis+sentinel://host:port,host:port,…/parlance`; its `servers` are the
 * first master, the replicas, then the sentinels. A master that is killed is replaced after some two seconds.
 *
 * @throws ServiceMissingError without `redis-server`; ServerFailedError.
 */
export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<ServerGroup> {
  const { replicas: replicaCount = 1, sentinels: sentinelCount = 3 } = options
  const master = await planRedis('a Redis master', options)
  const following = ['--replicaof', '127.0.0.1', String(master.port), ...wordsOf({ 'repl-diskless-sync-delay': '0' })]
  const replicas: TestServer[] = []
  for (let index = 0; index < replicaCount; index++)
    replicas.push(
      await planRedis('a Redis replica', { ...options, arguments: [...following, ...(options.arguments ?? [])] }),
    )
  const sentinels: TestServer[] = []
  for (let index = 0; index < sentinelCount; index++) sentinels.push(await planSentinel(master.port, sentinelCount))
  const addresses = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')
  const group = new ServerGroup(`redis+sentinel://${addresses}/${masterName}`, [master, ...replicas, ...sentinels])
  return group.startedBy(async () => {
    await Promise.all([master, ...replicas].map((server) => server.start()))
    // Sentinels ask a master for its replicas at once, and then not for ten seconds.
    for (const { port } of replicas) await until('the replica follows its master', isConnected(port))
    await Promise.all(sentinels.map((sentinel) => sentinel.start()))
    const facts = `status=ok,address=127.0.0.1:${master.port},slaves=${replicaCount},sentinels=${sentinelCount}`
    for (const { port } of sentinels)
      await until('the sentinels know each other', async () =>
        (await redisCommand(port, 'INFO', 'sentinel')).includes(facts),
      )
  })
}
