import type { Count } from '@parlance/core'
import type { Position } from '@parlance/notification-bus'
import type { NameList, PickNames, Row, RowFilter, RowOrder, ScalarNames } from './row.ts'
import type { SpreadTouch, Touch, TouchSpec } from './touch.ts'
import type { AnyRow } from './values.ts'

/**
 * Where a read may be answered.
 *
 * - `local`: this process's own cache first. Sees every write of this process that has returned; another process's
 *   writes once its announcement has arrived, at the latest after the local time to live.
 * - `shared`: the shared cache, strong: sees every write that has returned, of any process.
 * - `store`: the store itself.
 */
export type ReadLevel = 'local' | 'shared' | 'store'

/** Choices of one read. */
export interface ReadOptions {
  /** @defaultValue `'local'` */
  readonly read?: ReadLevel
}

/** A page of a list: `total` is the length of the whole list. */
export interface RowPage<R> {
  readonly rows: readonly Row<R>[]
  readonly total: Count
}

/** A declared list of rows. Called with the values of `by`, it gives the rows in order. */
export interface RowsMethod<A, R, K extends keyof R> {
  (by: A, options?: ReadOptions): Promise<readonly Row<R>[]>
  /** The keys alone, in the list's order; their rows are not read. */
  keys(by: A, options?: ReadOptions): Promise<readonly Readonly<Pick<R, K>>[]>
  /**
   * Rows `offset … offset + limit - 1` of the list: one query for their keys, then `getMany`; the rest of the list is not read.
   *
   * The length of the whole list is a count, cached as one. What is written meanwhile may be in one of them and not in the other.
   */
  page(by: A, range: { readonly offset?: Count; readonly limit: Count }, options?: ReadOptions): Promise<RowPage<R>>
}

/** A declared count: how many rows have these values of `by`. */
export type CountMethod<A> = (by: A, options?: ReadOptions) => Promise<Count>

/**
 * What changed in a list since a position: only the last change of each element.
 *
 * A row that is gone again when it is read is in `removed`. The rows are at least as new as `position`, which was read before them.
 */
export type RowDelta<R, K extends keyof R> =
  | {
      readonly kind: 'delta'
      readonly inserted: readonly Row<R>[]
      readonly updated: readonly Row<R>[]
      readonly removed: readonly Readonly<Pick<R, K>>[]
      readonly position: Position
      /** The page ended before the list's head: ask again from `position`. */
      readonly more: boolean
    }
  /** Nothing can be said about this position: page through all rows, then continue from `position`. */
  | { readonly kind: 'full'; readonly position: Position }

/** The same by keys alone. In a list with `touchedBy` look every key up: it may or may not be there, whatever group it is in. */
export type KeyDelta<K> =
  | {
      readonly kind: 'delta'
      readonly inserted: readonly Readonly<K>[]
      readonly updated: readonly Readonly<K>[]
      readonly removed: readonly Readonly<K>[]
      readonly position: Position
      readonly more: boolean
    }
  | { readonly kind: 'full'; readonly position: Position }

/** One change list of a declared entity. */
export interface RowChanges<R, K extends keyof R> {
  /** Changes after `position`, at most `limit` elements, with their rows. One read of the list, then one of the rows. */
  since(position?: Position, options?: { readonly limit?: Count }): Promise<RowDelta<R, K>>
  /** Changes after `position` by key; for rows that are put together from several entities. */
  keysSince(position?: Position, options?: { readonly limit?: Count }): Promise<KeyDelta<Pick<R, K>>>
  /** Where the list stands now. Read it before the rows. */
  position(): Promise<Position>
}

declare const method: unique symbol

/** A declared view; `M` is the method it becomes on the repository. */
export interface View<M> {
  readonly spec: ViewSpec
  readonly [method]?: M
}

/** Which views can be declared. */
export interface ViewKinds<R, K extends keyof R> {
  /** The rows with the same values of `by`, ordered, optionally only those `where` fits. */
  rows<const B extends NameList<R>>(declaration: {
    readonly by: B
    readonly order?: RowOrder<R>
    readonly where?: RowFilter<R>
  }): View<RowsMethod<PickNames<R, B>, R, K>>
  /** How many rows have the same values of `by`, optionally only those `where` fits. */
  count<const B extends NameList<R>>(declaration: {
    readonly by: B
    readonly where?: RowFilter<R>
  }): View<CountMethod<PickNames<R, B>>>
  /** A change list per value of `by`. `touchedBy` adds the changes of other entities; `by` must then be part of the key. */
  changes<const B extends NameList<R>>(declaration: {
    readonly by: B
    readonly touchedBy?: readonly (Touch<Pick<R, K>> | SpreadTouch<Partial<Pick<R, ScalarNames<R>>>, Pick<R, K>>)[]
  }): View<(by: PickNames<R, B>) => RowChanges<R, K>>
}

/** A view as the runtime sees it. */
export type ViewSpec = RowsSpec | CountSpec | ChangesSpec

/** {@link ViewKinds.rows} at run time. */
export interface RowsSpec {
  readonly kind: 'rows'
  readonly by: readonly string[]
  readonly order: readonly (readonly [field: string, direction: 'asc' | 'desc'])[]
  readonly where: AnyRow
}

/** {@link ViewKinds.count} at run time. */
export interface CountSpec {
  readonly kind: 'count'
  readonly by: readonly string[]
  readonly where: AnyRow
}

/** {@link ViewKinds.changes} at run time. */
export interface ChangesSpec {
  readonly kind: 'changes'
  readonly by: readonly string[]
  readonly touchedBy: readonly TouchSpec[]
}
