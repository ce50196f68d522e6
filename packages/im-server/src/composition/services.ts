import { createHmac } from 'node:crypto'
import { openDistributedRepositories } from '@parlance/cached-repository/distributed'
import { Opened } from '@parlance/core'
import { openKafka } from '@parlance/engines/kafka'
import { assertNotCopying, openMongo } from '@parlance/engines/mongo'
import { openRedis } from '@parlance/engines/redis'
import { createNodeClient, createNodeHost } from '@parlance/gateway/link'
import { createRedisSessionRegistry } from '@parlance/gateway/redis'
import { createKafkaEventLog } from '@parlance/notification-bus/kafka'
import { acceptedMessages } from '../domain/messages/accepted-message.ts'
import { pushes } from '../domain/messages/push-record.ts'
import { transferGroup } from '../domain/messages/transfer.ts'
import { answeredSoon } from './answered-soon.ts'
import type { Backing, Cluster } from './backing.ts'
import { Patience } from './patience.ts'
import type { Composition } from './token.ts'
import { parts } from './tokens.ts'
import { pushGroup } from './work.ts'

/** Everything that is outside of this process. */
export interface Services {
  readonly backing: Backing
  readonly cluster: Cluster
  /** Messages accepted and not yet pushed, in the whole cluster. 3 round trips, for both consumer groups at the same time. */
  readonly lag: () => Promise<number>
}

/**
 * Connects to MongoDB, Redis and Kafka, for which it waits as long as the settings say, and makes what is missing there.
 * Repositories, log and links stand on these connections.
 *
 * @throws the error of the first that cannot be had, with its cure, or the signal's reason; nothing is left open then.
 */
export async function openServices(c: Composition, signal?: AbortSignal): Promise<Services> {
  const config = c.get(parts.config)
  const { namespace } = config
  const common = { clock: c.get(parts.clock), logger: c.get(parts.logger), metrics: c.get(parts.metrics) }
  const opened = new Opened()
  try {
    const patience = new Patience({ ...common, forMs: config.startWaitMs, signal })
    const [mongo, redis, kafka] = await opened.all(
      patience.for('MongoDB', () => openMongo({ ...common, url: config.mongoURL!, database: namespace })),
      patience.for('Redis', () => openRedis({ ...common, url: config.redisURL!, prefix: `${namespace}:` })),
      patience.for('Kafka', () =>
        openKafka({ ...common, brokers: config.kafkaBrokers!.split(','), clientId: namespace }),
      ),
    )
    await assertNotCopying(mongo)
    const log = opened.add(
      createKafkaEventLog({
        ...common,
        kafka,
        prefix: `${namespace}.`,
        partitions: config.kafkaPartitions,
        replication: config.kafkaReplication,
        minInSyncReplicas: config.kafkaMinInSync,
      }),
    )
    await log.ensureTopics([acceptedMessages.name, pushes.name])
    const { repositories } = opened.add(
      await openDistributedRepositories({
        ...common,
        mongo,
        redis,
        log,
        faults: c.get(parts.faults).repositories ?? {},
      }),
    )
    const registry = opened.add(createRedisSessionRegistry({ ...common, redis }), (one) => one.stop())
    const link = { ...common, secret: linkSecret(c.get(parts.secrets).tokenKey) }
    const host = config.roles.includes('gateway')
      ? opened.add(
          await createNodeHost({
            ...link,
            host: config.nodeHost,
            port: config.nodePort,
            ...(config.nodeAdvertisedHost === undefined ? {} : { advertisedHost: config.nodeAdvertisedHost }),
          }),
          (one) => one.stop(),
        )
      : undefined
    const client = opened.add(createNodeClient({ ...link, nodes: () => registry.nodes() }), (one) => one.stop())
    return {
      cluster: { registry, client, host },
      backing: {
        repositories,
        log: {
          publish: (topic, records) => log.publish(topic, records),
          subscribe: (...given) => log.subscribe(...given),
          // Kafka keeps records for as long as it is told to, whoever has read them.
          forgetGroup: () => Promise.resolve(),
        },
        durability: async () => ({ mongodb: 'w: majority, j: true', kafka: 'acks: all' }),
        async health() {
          const [store, cache, queue] = await Promise.all([
            answeredSoon(mongo.health(), common.clock),
            answeredSoon(redis.health(), common.clock),
            answeredSoon(log.health(), common.clock),
          ])
          return { mongodb: wrongWith(store), redis: wrongWith(cache), kafka: wrongWith(queue) }
        },
        close: () => opened.close(),
      },
      lag: async () => {
        const lags = await Promise.all([
          log.lagOf(acceptedMessages.name, transferGroup),
          log.lagOf(pushes.name, pushGroup),
        ])
        return lags[0] + lags[1]
      },
    }
  } catch (error) {
    await opened.close()
    throw error
  }
}

const wrongWith = ({ healthy, words }: { readonly healthy: boolean; readonly words: string }): string | undefined =>
  healthy ? undefined : words

/** Not the key itself: who learns what passes over a link must not be able to sign tokens. */
const linkSecret = (tokenKey: string): Buffer => createHmac('sha256', tokenKey).update('link between nodes').digest()
