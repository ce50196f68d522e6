import type { Bytes } from '@parlance/core'
import type { AppendedEntry, NewEntry } from '../journal.ts'

/** What is stored together with the entries of an append. */
export interface Attachment {
  /** Raises the newest number of tags of the stream; the numbers are those of the append's own entries. */
  readonly tags?: readonly { readonly tag: string; readonly seq: number }[]
  /** What is still to be done about the entries: kept with them until it is settled. */
  readonly note?: Uint8Array
}

/** Entries for one stream, in order, and what goes with them. */
export interface MongoAppend {
  readonly stream: string
  readonly entries: readonly NewEntry[]
  /**
   * Called when the numbers are known and at least one entry is new; what it throws fails this append, of which nothing is
   * stored then. Pure and quick: it is called again when somebody else took the numbers first.
   */
  readonly attach?: (appended: readonly AppendedEntry[]) => Attachment
  /** Called synchronously when the append is durable; for one stream in the order of the numbers. */
  readonly committed?: (appended: readonly AppendedEntry[]) => void
}

/** An append on its way. */
export interface Part extends MongoAppend {
  readonly bytes: Bytes
  readonly deadline: number
  resolve(appended: AppendedEntry[]): void
  reject(error: unknown): void
}
