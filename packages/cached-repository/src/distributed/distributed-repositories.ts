import { type Clock, type Logger, type Metrics, Opened } from '@parlance/core'
import type { Mongo } from '@parlance/engines/mongo'
import type { Redis } from '@parlance/engines/redis'
import type { EventLog } from '@parlance/notification-bus'
import { openMongoChangeLists } from '@parlance/notification-bus/mongo'
import { openRedisInvalidationChannel } from '@parlance/notification-bus/redis'
import { createCache } from '@parlance/rockscache'
import { openRedisCacheStore } from '@parlance/rockscache/redis'
import { createMongoRepositories, openMongoStreamStore } from '../mongo/index.ts'
import type { Repositories, RepositoriesOptions } from '../repositories.ts'

/** What repositories of one of several processes need. */
export interface DistributedRepositoriesOptions extends Pick<RepositoriesOptions, 'local' | 'faults'> {
  readonly mongo: Mongo
  readonly redis: Redis
  /** What streams and entities announce is published here. */
  readonly log: EventLog
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
}

/** Repositories, and their end. */
export interface DistributedRepositories {
  readonly repositories: Repositories
  /** Resolves when nothing is under way; the connections stay open. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens repositories that any number of processes have on one database: rows, streams and change lists in MongoDB, the cache that
 * all share and the channel between them in Redis.
 *
 * @throws the error of what could not be opened; nothing is left open then.
 */
export async function openDistributedRepositories(
  options: DistributedRepositoriesOptions,
): Promise<DistributedRepositories> {
  const { mongo, redis, log, local, faults, clock, logger, metrics } = options
  const common = {
    ...(clock === undefined ? {} : { clock }),
    ...(logger === undefined ? {} : { logger }),
    ...(metrics === undefined ? {} : { metrics }),
  }
  const opened = new Opened()
  try {
    const lists = opened.add(await openMongoChangeLists({ ...common, mongo }))
    const cacheStore = opened.add(await openRedisCacheStore({ ...common, redis }))
    const channel = opened.add(await openRedisInvalidationChannel({ ...common, redis }))
    const streams = opened.add(await openMongoStreamStore({ ...common, mongo, log }))
    const { repositories } = opened.add(
      createMongoRepositories({
        ...common,
        mongo,
        streams,
        lists,
        log,
        cache: createCache({ ...common, store: cacheStore }),
        channel,
        ...(local === undefined ? {} : { local }),
        ...(faults === undefined ? {} : { faults }),
      }),
    )
    return { repositories, close: () => opened.close() }
  } catch (error) {
    await opened.close()
    throw error
  }
}
