import { join } from 'node:path'
import { createEmbeddedRepositories } from '@parlance/cached-repository/embedded'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { StoringOutbox } from '../domain/messages/outbox.ts'
import { PushBacklog } from '../domain/messages/push-backlog.ts'
import { SessionDelivery } from '../domain/messages/session-delivery.ts'
import { type Composition, token } from './token.ts'
import { parts } from './tokens.ts'

/** Both bounds what is accepted and knows what waits. */
const backlog = token<PushBacklog>('backlog')

/** Storage, log and repositories on one SQLite file: everything in this process, durable on this disk. */
export function provideEmbedded(composition: Composition): void {
  composition
    .provide(parts.engine, (c) => {
      const path = join(c.get(parts.config).dataDir, 'parlance.db')
      return SqliteEngine.open({ path, metrics: c.get(parts.metrics), faults: c.get(parts.faults).engine ?? {} })
    })
    .provide(parts.backing, (c) => {
      const engine = c.get(parts.engine)
      const { repositories, log } = createEmbeddedRepositories({
        engine,
        clock: c.get(parts.clock),
        logger: c.get(parts.logger),
        metrics: c.get(parts.metrics),
        faults: c.get(parts.faults).repositories ?? {},
      })
      return {
        repositories,
        log,
        // 2 is SQLite's FULL: every commit is flushed to the disk before it returns.
        durability: async () => ({
          ...engine.prepare<{ journal_mode: string }>('PRAGMA journal_mode').get(),
          ...engine.prepare<{ synchronous: number }>('PRAGMA synchronous').get(),
        }),
        health: async () => ({ store: engine.failure?.message }),
        close: () => engine.close(),
      }
    })
    .provide(parts.cluster, () => ({ of: undefined }))
    .provide(parts.sessions, (c) => c.get(parts.gateway))
    .provide(backlog, (c) => new PushBacklog(c.get(parts.pushBacklogMessages), c.get(parts.metrics)))
    .provide(parts.admission, (c) => c.get(backlog))
    .provide(parts.toldHeads, (c) => c.get(backlog))
    .provide(parts.outbox, (c) => new StoringOutbox(c.get(parts.repositories), c.get(parts.bus), c.get(backlog)))
    .provide(
      parts.delivery,
      (c) =>
        new SessionDelivery(
          c.get(parts.gateway),
          c.get(parts.toldHeads),
          c.get(parts.syncingSessions),
          c.get(parts.logger),
        ),
    )
}
