import { until } from '../until.ts'
import { busPortOffset } from './ports.ts'
import { planRedis, redisCommand, type RedisServerOptions, wordsOf } from './redis-server.ts'
import { ServerGroup } from './server-group.ts'
import type { TestServer } from './test-server.ts'

/** How a private Redis Cluster is started. */
export interface RedisClusterOptions extends RedisServerOptions {
  /** @defaultValue 3 */
  readonly masters?: number
  /** With at least one, a master that is killed is replaced after some two seconds. @defaultValue 0 */
  readonly replicasPerMaster?: number
}

const slotCount = 16_384

const nodeArguments = wordsOf({
  'cluster-enabled': 'yes',
  'cluster-config-file': 'nodes.conf',
  'cluster-node-timeout': '1000',
  'cluster-announce-ip': '127.0.0.1',
  'repl-diskless-sync-delay': '0',
})

const ask = ({ port }: TestServer, ...words: readonly string[]): Promise<string> =>
  redisCommand(port, 'CLUSTER', ...words)

async function isWhole(node: TestServer, nodeCount: number, masterCount: number): Promise<boolean> {
  const info = await ask(node, 'INFO')
  return ['cluster_state:ok', `cluster_known_nodes:${nodeCount}`, `cluster_size:${masterCount}`].every((fact) =>
    info.includes(`${fact}\r\n`),
  )
}

/**
 * Starts a private Redis Cluster and resolves once every node sees all slots served.
 *
 * Its `url` names the masters of the beginning, `redis://host:port,host:port,…`; its `servers` are these masters, then the replicas.
 *
 * @throws ServiceMissingError without `redis-server`; ServerFailedError.
 */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<ServerGroup> {
  const { masters: masterCount = 3, replicasPerMaster = 0 } = options
  const nodeCount = masterCount * (1 + replicasPerMaster)
  const plan = { ...options, withBus: true, arguments: [...nodeArguments, ...(options.arguments ?? [])] }
  const nodes: TestServer[] = []
  for (let index = 0; index < nodeCount; index++) nodes.push(await planRedis('a node of a Redis cluster', plan))
  const masters = nodes.slice(0, masterCount)
  const group = new ServerGroup(`redis://${masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`, nodes)
  return group.startedBy(async () => {
    await Promise.all(nodes.map((node) => node.start()))
    await Promise.all(
      nodes.map(async (node, index) => {
        await ask(node, 'SET-CONFIG-EPOCH', String(index + 1))
        if (index > 0) return
        for (const { port } of nodes.slice(1))
          await ask(node, 'MEET', '127.0.0.1', String(port), String(port + busPortOffset))
      }),
    )
    await Promise.all(
      masters.map((master, index) => {
        const first = Math.ceil((index * slotCount) / masterCount)
        const next = Math.ceil(((index + 1) * slotCount) / masterCount)
        return ask(master, 'ADDSLOTS', ...Array.from({ length: next - first }, (_, slot) => String(first + slot)))
      }),
    )
    await until('the cluster is whole', () => everyNode(nodes, (node) => isWhole(node, nodeCount, masterCount)))
    await Promise.all(
      nodes.slice(masterCount).map(async (replica, index) => {
        await ask(replica, 'REPLICATE', await ask(masters[index % masterCount]!, 'MYID'))
        await until('the replica follows its master', async () =>
          (await redisCommand(replica.port, 'INFO', 'replication')).includes('master_link_status:up'),
        )
      }),
    )
  })
}

async function everyNode(
  nodes: readonly TestServer[],
  holds: (node: TestServer) => Promise<boolean>,
): Promise<boolean> {
  return (await Promise.all(nodes.map(holds))).every(Boolean)
}
