import { type Clock, type Logger, type Metrics, noMetrics, silentLogger, systemClock } from '@parlance/core'
import type { SqliteEngine } from '@parlance/engines/sqlite'
import {
  createEmbeddedChangeLists,
  createEmbeddedEventLog,
  createInProcessChannel,
  type EmbeddedEventLog,
} from '@parlance/notification-bus/embedded'
import { createCache } from '@parlance/rockscache'
import { createEmbeddedCacheStore } from '@parlance/rockscache/embedded'
import { createEmbeddedJournal } from '@parlance/seq-allocator/embedded'
import { createRepositories } from '../create-repositories.ts'
import type { Repositories, RepositoriesOptions } from '../repositories.ts'
import { createEmbeddedEntityStore } from './entity-store.ts'
import { createEmbeddedStreamStore } from './stream-store.ts'

/** What repositories on one SQLite file need. */
export interface EmbeddedRepositoriesOptions extends Pick<RepositoriesOptions, 'local' | 'faults'> {
  readonly engine: SqliteEngine
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
}

/** Repositories on one SQLite file, and the log that their announcements go to. */
export interface EmbeddedRepositories {
  readonly repositories: Repositories
  /** Give it to a bus: what streams announce is published here, in the transaction that stores the entries. */
  readonly log: EmbeddedEventLog
}

/**
 * Makes repositories of which everything is in this process and on this disk: rows, streams, change lists, caches, announcements.
 *
 * Every write of a moment shares one transaction of the engine and its fsync.
 */
export function createEmbeddedRepositories(options: EmbeddedRepositoriesOptions): EmbeddedRepositories {
  const { engine, local, faults, clock = systemClock, logger = silentLogger, metrics = noMetrics } = options
  const journal = createEmbeddedJournal({ engine, metrics })
  const lists = createEmbeddedChangeLists({ engine, metrics })
  const log = createEmbeddedEventLog({ engine, journal, clock, logger, metrics })
  const repositories = createRepositories({
    store: createEmbeddedEntityStore({ engine, lists, log, metrics }),
    streams: createEmbeddedStreamStore({ engine, journal, log }),
    cache: createCache({ store: createEmbeddedCacheStore({ clock }), clock, logger, metrics }),
    lists,
    channel: createInProcessChannel(),
    clock,
    logger,
    metrics,
    ...(local === undefined ? {} : { local }),
    ...(faults === undefined ? {} : { faults }),
  })
  return { repositories, log }
}
