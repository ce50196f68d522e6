import type { Count } from '@parlance/core'
import type { Row, RowChange, RowInput } from './entity/row.ts'
import type { Entity } from './entity/schema.ts'
import type { ReadOptions, View } from './entity/view.ts'

/** A row with the number of its last write. */
export interface RevisedRow<R> {
  readonly row: Row<R>
  readonly revision: number
}

/**
 * The rows of one entity by key.
 *
 * Rows handed out are immutable and shared. A write resolves once it is durable and no read of this process can see what
 * was there before; other processes see it through `shared` at once, through `local` when the announcement arrives.
 */
export interface RowMethods<R, K extends keyof R> {
  readonly entity: string
  get(key: Pick<R, K>, options?: ReadOptions): Promise<Row<R> | undefined>
  /** The row with its revision, for a conditional {@link patch}. Revisions begin again when a row is deleted and inserted anew. */
  getWithRevision(key: Pick<R, K>, options?: ReadOptions): Promise<RevisedRow<R> | undefined>
  /** @throws {@link RowNotFoundError} when there is no such row. */
  require(key: Pick<R, K>, options?: ReadOptions): Promise<Row<R>>
  /**
   * Rows in the order of the keys, `undefined` where there is none.
   *
   * One pass over the local cache, then one round trip to the shared cache and one query for what is missing.
   */
  getMany(keys: readonly Pick<R, K>[], options?: ReadOptions): Promise<(Row<R> | undefined)[]>
  /** Stores a row, whether or not its key is there. Returns it as stored. */
  put(row: RowInput<R>): Promise<Row<R>>
  /** Stores all rows or none, at once. */
  putMany(rows: readonly RowInput<R>[]): Promise<Row<R>[]>
  /** @throws {@link RowConflictError} when the key is there. */
  insert(row: RowInput<R>): Promise<Row<R>>
  /**
   * Stores all rows or none, at once.
   *
   * @throws {@link RowConflictError} when any key is there.
   */
  insertMany(rows: readonly RowInput<R>[]): Promise<Row<R>[]>
  /**
   * Changes some fields of a row; returns it as stored.
   *
   * @throws {@link RowNotFoundError} when there is no such row, {@link RowConflictError} when its revision is not `ifRevision`.
   */
  patch(key: Pick<R, K>, change: RowChange<R, K>, options?: { readonly ifRevision?: number }): Promise<Row<R>>
  /** Deletes a row; false when there was none. */
  delete(key: Pick<R, K>): Promise<boolean>
  /** Deletes all these rows at once; returns how many there were. */
  deleteMany(keys: readonly Pick<R, K>[]): Promise<Count>
}

/** An entity's repository: rows by key, and its views as methods. */
export type Repository<R, K extends keyof R, V> = RowMethods<R, K> & {
  readonly [N in keyof V]: V[N] extends View<infer M> ? M : never
}

/** The repository that an entity gets. */
export type RepositoryOf<E> = E extends Entity<infer R, infer K, infer V> ? Repository<R, K, V> : never
