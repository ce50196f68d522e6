import { createRepositories, type Repositories, type RepositoriesOptions } from '@parlance/cached-repository'
import { createEmbeddedEntityStore, createEmbeddedStreamStore } from '@parlance/cached-repository/embedded'
import { SqliteEngine } from '@parlance/engines/sqlite'
import {
  createEmbeddedChangeLists,
  createEmbeddedEventLog,
  createInProcessChannel,
  type EmbeddedEventLog,
} from '@parlance/notification-bus/embedded'
import { createCache } from '@parlance/rockscache'
import { createEmbeddedCacheStore } from '@parlance/rockscache/embedded'
import { createEmbeddedJournal, type EmbeddedJournal } from '@parlance/seq-allocator/embedded'
import { type TemporaryFolder, temporaryFolder } from '@parlance/testing'

export interface House {
  readonly folder: TemporaryFolder
  readonly engine: SqliteEngine
  readonly journal: EmbeddedJournal
  readonly log: EmbeddedEventLog
  readonly parts: RepositoriesOptions
  readonly repositories: Repositories
  close(): Promise<void>
}

/** Everything embedded, on one file; `change` replaces or adds options. */
export function openHouse(
  change: (parts: RepositoriesOptions) => Partial<RepositoriesOptions> = () => ({}),
  folder: TemporaryFolder = temporaryFolder(),
  faults: { beforeCommit?(): void } = {},
  limits: { readonly maxWaitingSpreads?: number } = {},
): House {
  const engine = SqliteEngine.open({ path: `${folder.path}/test.db`, faults })
  const journal = createEmbeddedJournal({ engine })
  const lists = createEmbeddedChangeLists({ engine })
  const log = createEmbeddedEventLog({ engine, journal })
  const parts: RepositoriesOptions = {
    store: createEmbeddedEntityStore({ engine, lists, log, ...limits }),
    streams: createEmbeddedStreamStore({ engine, journal, log }),
    cache: createCache({ store: createEmbeddedCacheStore() }),
    lists,
    channel: createInProcessChannel(),
  }
  const repositories = createRepositories({ ...parts, ...change(parts) })
  return {
    folder,
    engine,
    journal,
    log,
    parts,
    repositories,
    async close() {
      repositories.close()
      await engine.close()
    },
  }
}
