import type { Mongo } from '@parlance/engines/mongo'
import type { EventLog } from '@parlance/notification-bus'
import { createRepositories } from '../create-repositories.ts'
import type { Repositories, RepositoriesOptions } from '../repositories.ts'
import { createMongoEntityStore, type MongoEntityStore, type MongoEntityStoreOptions } from './entity-store.ts'

/** What repositories on MongoDB need; caches, channel, lists and log are given by whoever composes the process. */
export interface MongoRepositoriesOptions
  extends Omit<RepositoriesOptions, 'store'>, Pick<MongoEntityStoreOptions, 'leaseMs' | 'maxWaitingSpreads'> {
  readonly mongo: Mongo
  /** What entities announce is published here; the same log that the streams have. */
  readonly log: Pick<EventLog, 'publish'>
}

/** Repositories on MongoDB, with what has to be looked after beside them. */
export interface MongoRepositories {
  readonly repositories: Repositories
  readonly store: MongoEntityStore
  /** Stops the repositories, then the store; resolves when nothing is under way. The connections stay open. */
  close(): Promise<void>
}

/**
 * Makes repositories that any number of processes may have on one database; they share caches, lists, channel and log.
 *
 * What a process leaves half done when it dies is finished by the others, after the lease.
 */
export function createMongoRepositories(options: MongoRepositoriesOptions): MongoRepositories {
  const { mongo, log, leaseMs, maxWaitingSpreads, ...parts } = options
  const { lists, clock, logger, metrics, random } = parts
  const store = createMongoEntityStore({
    mongo,
    lists,
    log,
    ...defined({ leaseMs, maxWaitingSpreads, clock, logger, metrics, random }),
  })
  const repositories = createRepositories({ ...parts, store })
  return {
    repositories,
    store,
    async close() {
      repositories.close()
      await store.close()
    },
  }
}

type Defined<T> = { [N in keyof T]?: Exclude<T[N], undefined> }

function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>
}
