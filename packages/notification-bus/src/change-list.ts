import type { Count } from '@parlance/core'

/** A place in a change list. A position of another epoch, or below the list's floor, is answered with `full`. */
export interface Position {
  /** 24 hex digits; a list that was lost and begun again has another one. */
  readonly epoch: string
  /** The list's version when it was read; a list nobody touched is at version 1. */
  readonly version: number
  /**
   * Only between two pages of one delta: the version at which the reader began.
   *
   * An element inserted on the way and changed later is found at its later version only; a reader that pages has not seen
   * it yet and must be told that it is an insert.
   */
  readonly from?: number
}

/** What happened to one element. */
export type ChangeKind = 'put' | 'remove'

/** One change to append: the element's key is opaque to the list, at most 1 KiB. */
export interface Change {
  readonly list: string
  readonly element: string
  readonly kind: ChangeKind
}

/**
 * What changed since a position: only the last change of each element, oldest first.
 *
 * An element put for the first time after the position (or removed and put again) is in `inserted`, one that was there
 * before in `updated`. A reader may hold an inserted one already, and may not hold a removed one; it always holds an updated
 * one. `more` is true when the page ended before the head: ask again from `position`, as it is.
 */
export type ListDelta =
  | {
      readonly kind: 'delta'
      readonly inserted: readonly string[]
      readonly updated: readonly string[]
      readonly removed: readonly string[]
      readonly position: Position
      readonly more: boolean
    }
  /** The reader must page through all rows, then continue from `position`, which was read before the rows. */
  | { readonly kind: 'full'; readonly position: Position }

/** What an append may be given besides its changes. */
export interface AppendOptions {
  /**
   * Names the append, 1 to 128 characters: given again, it appends nothing to the lists that took it already.
   *
   * For whoever repeats an append because it does not know how the first one ended. A list remembers its latest
   * {@link rememberedOperations}; one repeated after that appends again, so that readers fetch its elements once more. One
   * of more than 1000 changes, or 64 KiB, of one list may count as several.
   */
  readonly operation?: string
}

/** How many operations each list remembers at least. */
export const rememberedOperations: Count = 256

/**
 * Incremental sync: a dense stream of versions per list; version n+1 is never visible before n.
 *
 * Whoever holds data read at or after `position.version` and applies the next delta ends up with the list as it is.
 */
export interface ChangeLists {
  /**
   * Appends changes in order; one version each. Resolves once durable.
   *
   * The changes of one list appear in the order of the calls, also of calls that do not wait for each other. When it fails
   * with a retryable error, any of the lists may have taken its changes or a first part of them: repeat it, under an
   * `operation` when nothing may be appended twice.
   *
   * @throws OverloadedError when too many changes wait to be written.
   */
  append(changes: readonly Change[], options?: AppendOptions): Promise<void>
  /** Changes after `position`, at most `limit` elements; without a position always `full`. O(changes), never O(list). */
  since(list: string, position: Position | undefined, limit?: Count): Promise<ListDelta>
  /** Positions of many lists, in the order asked. One read. */
  positions(lists: readonly string[]): Promise<Position[]>
}
