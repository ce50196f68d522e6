import { join } from 'node:path'
import { createEmbeddedRepositories } from '@parlance/cached-repository/embedded'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { createBus } from '@parlance/notification-bus'
import type { Composition } from './token.ts'
import { openLocalFolder } from '../storage/local-folder.ts'
import { parts } from './tokens.ts'

/** Storage, log and repositories on one SQLite file: everything in this process, durable on this disk. */
export function provideEmbedded(composition: Composition): void {
  composition
    .provide(parts.engine, (c) => {
      const path = join(c.get(parts.config).dataDir, 'parlance.db')
      return SqliteEngine.open({ path, metrics: c.get(parts.metrics), faults: c.get(parts.faults).engine ?? {} })
    })
    .provide(parts.storage, (c) =>
      createEmbeddedRepositories({
        engine: c.get(parts.engine),
        clock: c.get(parts.clock),
        logger: c.get(parts.logger),
        metrics: c.get(parts.metrics),
        faults: c.get(parts.faults).repositories ?? {},
      }),
    )
    .provide(parts.objectStorage, (c) => {
      const { dataDir, objectsDir, maxUploadBytes } = c.get(parts.config)
      return openLocalFolder({ path: objectsDir ?? join(dataDir, 'objects'), waitingBytes: maxUploadBytes })
    })
    .provide(parts.declared, (c) => c.get(parts.storage).repositories)
    .provide(parts.bus, (c) => {
      const { log } = c.get(parts.storage)
      return createBus({ log, clock: c.get(parts.clock), logger: c.get(parts.logger), metrics: c.get(parts.metrics) })
    })
}
