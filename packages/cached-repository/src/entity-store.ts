import type { Count } from '@parlance/core'
import type { Change, LogRecord } from '@parlance/notification-bus'
import type { EntitySchema } from './entity/schema.ts'
import type { AnyRow } from './entity/values.ts'

/** A row as the store keeps it. */
export interface StoredRow {
  readonly row: AnyRow
  /** 1 when the row was inserted, then one more with every write. A row deleted and inserted again begins at 1. */
  readonly revision: number
}

/** One write; rows and changes are checked before they get here. */
export type EntityWrite =
  | { readonly kind: 'put'; readonly schema: EntitySchema; readonly row: AnyRow }
  | { readonly kind: 'insert'; readonly schema: EntitySchema; readonly row: AnyRow }
  | {
      readonly kind: 'patch'
      readonly schema: EntitySchema
      readonly key: AnyRow
      /** `undefined` clears a field. */
      readonly change: AnyRow
      readonly ifRevision: number | undefined
    }
  | {
      readonly kind: 'delete'
      readonly schema: EntitySchema
      readonly key: AnyRow
      /** Without it, a row that is not there is no failure. */
      readonly ifRevision?: number | undefined
    }
  /** Only a condition: its row stays as it is, and is no outcome. */
  | { readonly kind: 'require'; readonly schema: EntitySchema; readonly key: AnyRow; readonly ifRevision: number }
  /** The same for a condition on the row itself, which must be there; what it throws ends the step. It may be called again. */
  | {
      readonly kind: 'check'
      readonly schema: EntitySchema
      readonly key: AnyRow
      readonly condition: (row: AnyRow) => void
    }

/** Messages to publish in the same step as the rows. */
export interface Announced {
  readonly topic: string
  readonly records: readonly LogRecord[]
}

/** A part of a list. */
export interface KeyRange {
  readonly offset: Count
  readonly limit: Count
}

/** What one write did. */
export interface WriteOutcome {
  readonly before: StoredRow | undefined
  readonly after: StoredRow | undefined
}

/** A change to append to a list in the same step as the row. */
export interface ListChange extends Change {
  /** A removal that is a put after all when this row exists. */
  readonly unless?: { readonly schema: EntitySchema; readonly key: AnyRow }
}

/** A touch of many rows that a write asks for; it is spread afterwards, batch by batch. */
export interface SpreadRequest {
  /** Which touch of which view. */
  readonly touch: string
  /** Names {@link by}. */
  readonly place: string
  /** Names the row that changed. */
  readonly source: string
  /** Whose rows are touched. */
  readonly schema: EntitySchema
  /** The values that the touched rows have. */
  readonly by: AnyRow
}

/** A touch that waits to be spread. */
export interface WaitingSpread extends Pick<SpreadRequest, 'touch' | 'place' | 'source'> {
  /** Ascends with the time at which it was asked for. */
  readonly id: number
}

/** What one batch of a spread does, besides moving it on. */
export interface SpreadBatch {
  readonly changes: readonly Change[]
  readonly announced: readonly Announced[]
}

/** What goes with an atomic write. */
export interface WriteEffects {
  /**
   * Called within the step for each write that found or left a row: the list changes that follow from it. What it throws
   * undoes the step. Quick; may be called again when the step is begun again.
   */
  changes(schema: EntitySchema, before: AnyRow | undefined, after: AnyRow | undefined): readonly ListChange[]
  /**
   * Called within the step at the turn of each write that found or left a row, before the next write is done. Of what it asks
   * for, only touches of at least one row that is there at that moment are kept waiting.
   */
  spreads(schema: EntitySchema, before: AnyRow | undefined, after: AnyRow | undefined): readonly SpreadRequest[]
  /**
   * Called synchronously when the write is durable, before any reader of this process can see it or its list changes.
   * Not called when the write failed.
   */
  committed(outcomes: readonly WriteOutcome[]): void
  /**
   * Called after {@link committed} and before any list change is visible, by stores that others write to as well: resolves
   * when no process is served what the shared cache held before. Called again when it rejects.
   */
  told(): Promise<void>
  /** Published in the step, in order; nothing when absent. */
  readonly announced?: readonly Announced[]
}

/** What a store needs to do the rest of a step that another process left half done. */
export interface Succession {
  /** The effects of a step of which only the rows are known. */
  effectsOf(announced: readonly Announced[]): WriteEffects
  /** Says that touches may wait, which another process asked for. */
  wake(): void
}

/**
 * Where the rows of declared entities are kept.
 *
 * Rows are values: what is read equals what was written, field by field, with absent optional fields absent.
 */
export interface EntityStore {
  /** True when nobody else writes: then this process's own caches are never behind the store. */
  readonly soleWriter: boolean
  /**
   * Makes the store ready for an entity: creates what is missing, indexes for its views included. Idempotent.
   *
   * @throws {@link IncompatibleStoreError} when what is stored does not fit the declaration; a store that is elsewhere throws
   * it from every call for that entity instead.
   */
  open(schema: EntitySchema): void
  /** Rows in the order of the keys. One query. */
  getMany(schema: EntitySchema, keys: readonly AnyRow[]): Promise<(StoredRow | undefined)[]>
  /**
   * Keys of the rows of a `rows` view, each with the fields of the view's order, in that order: numbers and dates by value, false
   * before true, text by code points, then by the key. With a range, only that part. One query, answered by an index.
   */
  keysOf(schema: EntitySchema, view: string, by: AnyRow, range?: KeyRange): Promise<AnyRow[]>
  /** Number of rows of a `count` or `rows` view. One query, answered by an index. */
  countOf(schema: EntitySchema, view: string, by: AnyRow): Promise<Count>
  /**
   * Does all writes, appends all their list changes and publishes what is announced with them, or nothing: one atomic, durable
   * step. Writes see those before them. A condition has an outcome without rows.
   *
   * @throws {@link RowConflictError} for an insert of a key that is there, or where a row is at another revision than asked,
   * {@link RowNotFoundError} for a patch of no row and where a revision is asked of no row, OverloadedError when too many touches
   * wait to be spread. Nothing was written then.
   */
  apply(writes: readonly EntityWrite[], effects: WriteEffects): Promise<WriteOutcome[]>
  /** Touches that wait to be spread, by ascending id, those above `afterID` only. */
  waitingSpreads(afterID: number, limit: Count): Promise<WaitingSpread[]>
  /**
   * Does the next batch of a touch in one atomic, durable step: finds at most `limit` of its rows that had no turn yet, appends
   * what `batchOf` makes of their keys, and remembers how far it came; after the last one the touch is forgotten. Rows have
   * their turn in the order of their keys, so that none that stays is left out whatever comes and goes meanwhile. A touch asked
   * for again while it waits begins anew after its last batch.
   *
   * Resolves with the number of rows found; 0 when the touch does not wait any more.
   */
  spread(
    waiting: WaitingSpread,
    rows: { readonly schema: EntitySchema; readonly by: AnyRow },
    limit: Count,
    batchOf: (keys: readonly AnyRow[]) => SpreadBatch,
  ): Promise<Count>
  /** Given once, before the first write. Absent where no step is ever left half done. */
  succeed?(succession: Succession): void
}
