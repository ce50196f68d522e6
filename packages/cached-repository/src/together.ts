import type { RowChange, RowInput } from './entity/row.ts'
import type { Entity } from './entity/schema.ts'
import type { EntityRepository } from './entity-repository.ts'
import type { EntityWrite } from './entity-store.ts'

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
  /** Deletes a row if it is there. */
  delete<R, K extends keyof R, V>(entity: Entity<R, K, V>, key: Pick<R, K>): void
}

/** Runs `gather` and returns the checked writes it asked for, in order. */
export function gatherWrites(
  repositoryOf: (entity: Entity<never, never, never>) => EntityRepository,
  gather: (together: Together) => void,
): EntityWrite[] {
  const writes: EntityWrite[] = []
  const of = (entity: unknown): EntityRepository => repositoryOf(entity as Entity<never, never, never>)
  gather({
    put: (entity, row) => void writes.push(of(entity).toPut(row as never)),
    insert: (entity, row) => void writes.push(of(entity).toInsert(row as never)),
    patch: (entity, key, change, options) =>
      void writes.push(of(entity).toPatch(key as never, change as never, options)),
    delete: (entity, key) => void writes.push(of(entity).toDelete(key as never)),
  })
  return writes
}
