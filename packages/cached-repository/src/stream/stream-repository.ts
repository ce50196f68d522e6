import type { Count } from '@parlance/core'
import type { AppendedEntry, StreamHead } from '@parlance/seq-allocator'
import type { LastMethod, Stream } from './stream.ts'

/** One entry of a stream. `row` is decoded when it is first asked for, and kept; entries are immutable and shared. */
export interface Entry<Row> {
  readonly seq: number
  readonly bytes: Uint8Array
  readonly row: Row
}

/** The entries of one declared kind of stream. */
export interface EntryMethods<Row> {
  readonly stream: string
  /**
   * Appends rows in order and resolves once they are durable, with each one's number.
   *
   * Everything appended to one stream until the durable step begins is one batch with consecutive numbers. A row whose repeat
   * key was stored before is not stored again and gets the number of the stored one. All rows of a call are stored, or none;
   * a call that is refused fails alone. The name of a stream has at most 448 UTF-16 units.
   */
  append(stream: string, rows: readonly Row[]): Promise<AppendedEntry[]>
  /** Entries with `first <= seq <= last`, ascending, at most `limit` (at most 10 000). Numbers outside the stream are left out. */
  range(stream: string, first: number, last: number, options?: { readonly limit?: Count }): Promise<Entry<Row>[]>
  /** Entries by number, at most 10 000, in the order asked; `undefined` for a number outside the stream. */
  at(stream: string, seqs: readonly number[]): Promise<(Entry<Row> | undefined)[]>
  /** Heads of up to 200 000 streams, in the order asked. One read for every 10 000 of them. */
  heads(streams: readonly string[]): Promise<StreamHead[]>
  /** Gives up every entry below `belowSeq`, for good; numbers are never given again. */
  truncate(stream: string, belowSeq: number): Promise<void>
}

/** A stream entity's repository: its entries, and its views as methods. */
export type StreamRepository<Row, V> = EntryMethods<Row> & { readonly [N in keyof V]: LastMethod }

/** The repository that a declared stream gets. */
export type StreamRepositoryOf<S> = S extends Stream<infer Row, infer V> ? StreamRepository<Row, V> : never
