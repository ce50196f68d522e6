import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { copyEmbeddedRepositories } from '@parlance/cached-repository/mongo'
import { type CopyProgress, type CopyReport, openMongo } from '@parlance/engines/mongo'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { ConfigError } from './config-error.ts'
import { readConfig } from './config.ts'
import { imEntities } from './domain/repositories.ts'
import type { Extension } from './extension/extension.ts'

/** What {@link copyToMongo} needs. */
export interface CopyToMongoOptions {
  /** The data folder of a server that is stopped. */
  readonly dataDir: string
  readonly mongoURL: string
  /**
   * That of the new processes: its database is empty, or one that this copy was begun into.
   *
   * @defaultValue the one of the configuration, `parlance`
   */
  readonly namespace?: string | undefined
  /** Those that the server ran with: their entities are copied as well. */
  readonly extensions?: readonly Pick<Extension, 'name' | 'entities'>[]
  readonly onProgress?: (progress: CopyProgress) => void
}

export type { CopyProgress, CopyReport }

/**
 * Copies everything that a server without services keeps in its file into MongoDB, and compares it: users, groups, messages
 * with their numbers and what was read of them, tokens that were issued, change lists. Clients go on where they are.
 *
 * The server must be stopped, in peace so that nothing waits to be pushed. Interrupted, call it again: it goes on where it was.
 * The file is left as it is. What lies beside it in the data folder is not copied: `token.key` and `admin.secret`, which the
 * new processes need to recognise tokens, and `objects`, the files that were uploaded.
 *
 * @throws ConfigError when there is no such server, or the namespace cannot be; SQLITE_LOCKED when it runs; what `copyEmbeddedRepositories` throws.
 */
export async function copyToMongo(options: CopyToMongoOptions): Promise<CopyReport> {
  const { dataDir, mongoURL, extensions = [], onProgress } = options
  const { namespace } = readConfig({ namespace: options.namespace }, {})
  const path = join(dataDir, 'parlance.db')
  if (!existsSync(path))
    throw new ConfigError(`there is no data of a server in ${dataDir}: name its data folder (PARLANCE_DATA_DIR)`)
  const engine = SqliteEngine.open({ path })
  try {
    const mongo = await openMongo({ url: mongoURL, database: namespace })
    try {
      const entities = [...imEntities, ...extensions.flatMap((extension) => extension.entities ?? [])]
      return await copyEmbeddedRepositories({
        engine,
        mongo,
        entities,
        ...(onProgress === undefined ? {} : { onProgress }),
      })
    } finally {
      await mongo.close()
    }
  } finally {
    await engine.close()
  }
}
