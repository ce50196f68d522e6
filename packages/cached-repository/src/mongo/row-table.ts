import type { Count, Timestamp } from '@parlance/core'
import type { EntitySchema } from '../entity/schema.ts'
import type { AnyRow } from '../entity/values.ts'
import type { Announced, StoredRow } from '../entity-store.ts'

/** Names one step of a store: one call of `apply`. */
export type Operation = string

/** Says on a row that the effects of a write to it may not be done yet, with what is needed to do them again. */
export interface Mark {
  readonly op: Operation
  readonly at: Timestamp
  readonly before: StoredRow | undefined
  /** As the write left the row; others may have written it since, and taken their marks off. */
  readonly after: StoredRow | undefined
  readonly announced: readonly Announced[]
}

/** A row's document, whole. */
export interface RowState {
  readonly id: string
  /** What readers see; nothing after a delete, or while only a place is kept. */
  readonly stored: StoredRow | undefined
  /** Who wrote it last; `undefined` when only a place is kept for an insert. */
  readonly stamp: Operation | undefined
  /** Oldest first. */
  readonly marks: readonly Mark[]
  /** Whose step alone may write it. */
  readonly lock: Operation | undefined
  /** Whose steps need it as it is. */
  readonly readers: readonly Operation[]
}

/** A row as a step is to leave it. */
export interface RowImage {
  readonly id: string
  readonly stored: StoredRow | undefined
}

/** A row that a step needs for itself, or as it is. */
export interface LockRequest {
  readonly id: string
  /** As it was read; it is locked only while that has not changed. */
  readonly state: RowState | undefined
  readonly isShared: boolean
}

/** A row that a step locked. */
export interface Locked {
  readonly id: string
  readonly isShared: boolean
}

/**
 * The rows of one entity, as far as the protocol of writes needs them; each method is one round trip unless it says more.
 *
 * Only single documents are atomic. What throws a retryable error may have been done all the same; every method may be
 * repeated.
 */
export interface RowTable {
  readonly schema: EntitySchema
  /** What a row with this key is called; no round trip. */
  idOf(key: AnyRow): string
  /** Whole documents by id; what is not there is left out. */
  read(ids: readonly string[]): Promise<ReadonlyMap<string, RowState>>
  /** Makes a document that must not be there; false when it is. */
  create(image: RowImage, mark: Mark): Promise<boolean>
  /** Writes a row if it is as it was read, and nobody needs it; false when not. */
  replace(state: RowState, image: RowImage, mark: Mark): Promise<boolean>
  /** Locks all or some; false when some are not as they were read. A second round trip then, or when rows are inserted. */
  lock(op: Operation, requests: readonly LockRequest[]): Promise<boolean>
  /** Undoes {@link lock}, wherever it was done. */
  unlock(op: Operation, rows: readonly Locked[]): Promise<void>
  /** Writes what is locked, and unlocks it. */
  settle(op: Operation, images: readonly RowImage[]): Promise<void>
  /**
   * Takes marks off rows that still are as their step left them, and have no other; answers whose rows are so and carry no mark of
   * theirs. A second round trip when some are not.
   */
  clear(images: readonly (RowImage & { readonly op: Operation })[]): Promise<ReadonlySet<Operation>>
  /** Takes a mark off a row that is as it was read; false when it is not. A second round trip for the last trace of a row. */
  unmark(state: RowState, op: Operation): Promise<boolean>
  /** Rows with marks from before that time. */
  marked(before: Timestamp, limit: Count): Promise<readonly RowState[]>
  /** Sets an old mark's time to now; false when another process did. */
  claimMark(id: string, mark: Mark, now: Timestamp): Promise<boolean>
}
