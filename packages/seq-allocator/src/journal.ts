import type { Bytes, Count } from '@parlance/core'

/** One thing to append to a stream. */
export interface NewEntry {
  readonly payload: Uint8Array
  /** Entries of one stream with the same repeat key are stored once; the window is the driver's, and documented there. */
  readonly repeatKey?: string
}

/** What became of one {@link NewEntry}. */
export interface AppendedEntry {
  /** Its number: 1 for the first entry of a stream, then without gaps. A repeat gets the number of the stored entry. */
  readonly seq: number
  /** True when an entry with the same repeat key was there already; nothing was stored for this one. */
  readonly repeated: boolean
}

/** An entry as stored. */
export interface StoredEntry {
  readonly seq: number
  readonly payload: Uint8Array
}

/** Where a stream ends. */
export interface StreamHead {
  /** The newest number; 0 for a stream nobody appended to. */
  readonly head: number
  /** The oldest number still kept is `floor + 1`. */
  readonly floor: number
}

/**
 * Dense streams: entries are numbered and stored in one step, so a stream never has a gap and never a number twice.
 *
 * The visible head never goes back and never exceeds what is durable. Everything appended in one call to one stream gets
 * consecutive numbers in the order given.
 */
export interface Journal {
  /** Appends to one stream; resolves once durable. One durable step, shared with every other append of the same moment. */
  append(stream: string, entries: readonly NewEntry[]): Promise<AppendedEntry[]>
  /**
   * Entries with `first <= seq <= last`, ascending, at most `limit` (1000). Numbers outside the stream are left out. One read.
   *
   * With `maxBytes`, the payloads have at most so many bytes together, unless the first alone has more: whoever wants the
   * rest asks again from the number behind the last one. What lies behind is not loaded.
   */
  read(stream: string, first: number, last: number, limit?: Count, maxBytes?: Bytes): Promise<StoredEntry[]>
  /**
   * The entries with these numbers, at most 10 000, ascending whatever order was asked, each once. Numbers outside the
   * stream are left out. One read.
   */
  readMany(stream: string, seqs: readonly number[]): Promise<StoredEntry[]>
  /** Heads of many streams, in the order asked. One read. */
  heads(streams: readonly string[]): Promise<StreamHead[]>
}
