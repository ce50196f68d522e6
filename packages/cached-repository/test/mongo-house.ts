import { createRepositories, type Repositories, type StreamStore } from '@parlance/cached-repository'
import { createMongoEntityStore, type MongoEntityStore } from '@parlance/cached-repository/mongo'
import { type Mongo, openMongo } from '@parlance/engines/mongo'
import { openRedis } from '@parlance/engines/redis'
import type { LogRecord } from '@parlance/notification-bus'
import { openMongoChangeLists } from '@parlance/notification-bus/mongo'
import { openRedisInvalidationChannel } from '@parlance/notification-bus/redis'
import { createCache } from '@parlance/rockscache'
import { openRedisCacheStore } from '@parlance/rockscache/redis'

/** Where the houses of a test stand. */
export interface Site {
  readonly mongoURL: string
  readonly redisURL: string
  /** Names the database, and begins the keys in Redis. */
  readonly name: string
}

/** A process of a server on MongoDB and Redis. */
export interface MongoHouse {
  readonly mongo: Mongo
  readonly store: MongoEntityStore
  readonly repositories: Repositories
  /** What was announced by this process. */
  readonly announced: { readonly topic: string; readonly record: LogRecord }[]
  /** Removes everything that belongs to the site. */
  clean(): Promise<void>
  close(): Promise<void>
}

export async function openMongoHouse(
  { mongoURL, redisURL, name }: Site,
  faults: { beforeStep?(name: string): void } = {},
): Promise<MongoHouse> {
  const mongo = await openMongo({ url: mongoURL, database: name })
  const redis = await openRedis({ url: redisURL, prefix: `${name}:` })
  const cacheStore = await openRedisCacheStore({ redis })
  const channel = await openRedisInvalidationChannel({ redis })
  const lists = await openMongoChangeLists({ mongo })
  const announced: MongoHouse['announced'] = []
  const log = {
    publish: async (topic: string, records: readonly LogRecord[]) =>
      void announced.push(...records.map((record) => ({ topic, record }))),
  }
  const store = createMongoEntityStore({ mongo, lists, log, leaseMs: 2_000, faults })
  const streams = {} as StreamStore
  const repositories = createRepositories({ store, streams, lists, channel, cache: createCache({ store: cacheStore }) })
  return {
    mongo,
    store,
    repositories,
    announced,
    async clean() {
      await mongo.run((database) => database.dropDatabase())
    },
    async close() {
      repositories.close()
      await store.close()
      await lists.close()
      await channel.close()
      await cacheStore.close()
      await redis.close()
      await mongo.close()
    },
  }
}
