import {
  createRepositories,
  type EntityStore,
  type Repositories,
  type RepositoriesOptions,
} from '@parlance/cached-repository'
import { createEmbeddedEntityStore, createEmbeddedStreamStore } from '@parlance/cached-repository/embedded'
import { SqliteEngine } from '@parlance/engines/sqlite'
import {
  createEmbeddedChangeLists,
  createEmbeddedEventLog,
  createInProcessChannel,
  type EmbeddedChangeLists,
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

/** What the entity store of a house is made of. */
export interface StoreParts {
  readonly folder: TemporaryFolder
  readonly engine: SqliteEngine
  readonly lists: EmbeddedChangeLists
  readonly log: EmbeddedEventLog
  readonly limits: { readonly maxWaitingSpreads?: number }
}

type StoreMaker = (parts: StoreParts) => EntityStore & { close?(): Promise<void> }

let makeStore: StoreMaker = ({ engine, lists, log, limits }) =>
  createEmbeddedEntityStore({ engine, lists, log, ...limits })

/** True while houses keep their rows in the engine's file, with everything else. */
export let isEmbedded = true

/** From now on houses keep their rows elsewhere; the rest stays on one file. */
export function useStore(make: StoreMaker): void {
  makeStore = make
  isEmbedded = false
}

/** Everything on one file, except for the rows when {@link useStore} says so; `change` replaces or adds options. */
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
  const store = makeStore({ folder, engine, lists, log, limits })
  const parts: RepositoriesOptions = {
    store,
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
      await store.close?.()
      await engine.close()
    },
  }
}
