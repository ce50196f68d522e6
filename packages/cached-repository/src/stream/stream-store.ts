import type { Count } from '@parlance/core'
import type { LogRecord } from '@parlance/notification-bus'
import type { AppendedEntry, NewEntry, StoredEntry, StreamHead } from '@parlance/seq-allocator'

/** Entries to append to one stream, consecutively. */
export interface StreamBatch {
  /** The stream's full name. */
  readonly stream: string
  readonly entries: readonly NewEntry[]
}

/** The highest seq of a stream at which a `last` view had a value. */
export interface LastMark {
  readonly view: string
  readonly stream: string
  readonly value: string
  readonly seq: number
}

/** What is stored together with a batch. */
export interface BatchEffects {
  readonly marks: readonly LastMark[]
  readonly announced: readonly { readonly topic: string; readonly records: readonly LogRecord[] }[]
}

/** One durable step of a {@link StreamStore}. */
export interface StreamAppend {
  /** Called once, when the step begins: everything that was handed in until then travels in it. */
  readonly take: () => readonly StreamBatch[]
  /** What else to store, now that the numbers are known; `appended` is in the order of the batches. Pure and quick. */
  readonly effects: (appended: readonly (readonly AppendedEntry[])[]) => BatchEffects
  /**
   * Called synchronously when the step is durable, before any reader of this process can see it. Not called when it failed.
   */
  readonly committed: (appended: readonly (readonly AppendedEntry[])[]) => void
}

/**
 * Where the streams of declared stream entities are kept: a journal, the marks of their views, and their announcements.
 *
 * It takes streams' full names of 512 UTF-16 units, entries of 1 MiB, repeat keys and values of marks of 512 units, and
 * announcements of a million bytes.
 */
export interface StreamStore {
  /** Appends batches with all their effects, or nothing: one atomic, durable step, shared with others of the same moment. */
  append(step: StreamAppend): Promise<void>
  /** Entries with `first <= seq <= last`, ascending, at most `limit`. One read. */
  read(stream: string, first: number, last: number, limit?: Count): Promise<StoredEntry[]>
  /** Entries with these numbers, at most 10 000, ascending, each once; what is outside the stream is left out. One read. */
  readMany(stream: string, seqs: readonly number[]): Promise<StoredEntry[]>
  /** Heads in the order asked. One read. */
  heads(streams: readonly string[]): Promise<StreamHead[]>
  /** Raises a stream's floor to `belowSeq - 1`; what lies below is gone for every reader when this resolves. */
  truncate(stream: string, belowSeq: number): Promise<void>
  /** The seqs of marks, in the order asked; 0 where there is none. One read. */
  last(marks: readonly Omit<LastMark, 'seq'>[]): Promise<number[]>
}
