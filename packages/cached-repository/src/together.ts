import { encodeRecords, type Topic } from '@parlance/notification-bus'
import type { Row, RowChange, RowInput } from './entity/row.ts'
import type { Entity } from './entity/schema.ts'
import type { EntityRepository } from './entity-repository.ts'
import type { Announced, EntityWrite } from './entity-store.ts'

/** Gathers writes to rows of any entities, which are then done all or none. Later writes see those before them. */
export interface Together {
  /** Stores a row, whether or not its key is there. */
  put<R, K extends keyof R, V>(entity: Entity<R, K, V>, row: RowInput<R>): void
  /** Stores a row whose key must not be there. */
  insert<R, K extends keyof R, V>(entity: Entity<R, K, V>, row: RowInput<R>): void
  /** Changes a row that must be there, and be at `ifRevision` when that is given. */
  patch<R, K extends keyof R, V>(
    entity: Entity<R, K, V>,
    key: Pick<R, K>,
    change: RowChange<R, K>,
    options?: { readonly ifRevision?: number },
  ): void
  /** Deletes a row if it is there; with `ifRevision` it must be there, at that revision. */
  delete<R, K extends keyof R, V>(
    entity: Entity<R, K, V>,
    key: Pick<R, K>,
    options?: { readonly ifRevision?: number },
  ): void
  /** Writes nothing, and lets the others be done only while this row is there at this revision. */
  require<R, K extends keyof R, V>(
    entity: Entity<R, K, V>,
    key: Pick<R, K>,
    options: { readonly ifRevision: number },
  ): void
  /**
   * Writes nothing, and lets the others be done only while this row is there and `condition` does not throw of it; what it throws
   * is thrown, and nothing is written. It may be called several times, and must only look. It spares reading the row before.
   */
  check<R, K extends keyof R, V>(entity: Entity<R, K, V>, key: Pick<R, K>, condition: (row: Row<R>) => void): void
  /** Publishes a message with the writes: it is consumed if they were done, and only then. */
  publish<T>(topic: Topic<T>, message: T): void
}

/** What belongs together. */
export interface Gathered {
  readonly writes: readonly EntityWrite[]
  readonly announced: readonly Announced[]
}

/** Runs `gather` and returns the checked writes and messages it asked for, in order. */
export function gatherWrites(
  repositoryOf: (entity: Entity<never, never, never>) => EntityRepository,
  gather: (together: Together) => void,
): Gathered {
  const writes: EntityWrite[] = []
  const announced: Announced[] = []
  const of = (entity: unknown): EntityRepository => repositoryOf(entity as Entity<never, never, never>)
  gather({
    put: (entity, row) => void writes.push(of(entity).toPut(row as never)),
    insert: (entity, row) => void writes.push(of(entity).toInsert(row as never)),
    patch: (entity, key, change, options) =>
      void writes.push(of(entity).toPatch(key as never, change as never, options)),
    delete: (entity, key, options) => void writes.push(of(entity).toDelete(key as never, options)),
    require: (entity, key, options) => void writes.push(of(entity).toRequire(key as never, options)),
    check: (entity, key, condition) => void writes.push(of(entity).toCheck(key as never, condition as never)),
    publish: (topic, message) => void announced.push({ topic: topic.name, records: encodeRecords(topic, [message]) }),
  })
  return { writes, announced }
}
