import type { Count } from '@parlance/core'
import type { LogRecord } from '@parlance/notification-bus'
import type { AppendedEntry, NewEntry, StoredEntry, StreamHead } from '@parlance/seq-allocator'

/** The highest seq of a stream at which a `last` view had a value. */
export interface LastMark {
  readonly view: string
  readonly value: string
  readonly seq: number
}

/** What is stored together with a batch; the marks are of its stream, and their numbers of its new entries. */
export interface BatchEffects {
  readonly marks: readonly LastMark[]
  readonly announced: readonly { readonly topic: string; readonly records: readonly LogRecord[] }[]
}

/**
 * Entries to append to one stream, consecutively: stored with all effects, or not at all, whatever becomes of other batches.
 *
 * Either `committed` or `failed` is called, once.
 */
export interface StreamBatch {
  /** The stream's full name. */
  readonly stream: string
  readonly entries: readonly NewEntry[]
  /**
   * What else to store, now that the numbers are known; what it throws fails this batch. Not called when nothing of the batch
   * is new. Pure and quick: it is called again when somebody else took the numbers first.
   */
  readonly effects: (appended: readonly AppendedEntry[]) => BatchEffects
  /**
   * Called synchronously when the batch is durable, before any reader of this process can see it; for one stream in the order
   * of the numbers.
   */
  readonly committed: (appended: readonly AppendedEntry[]) => void
  /**
   * Called when the batch was refused, or when nothing can be known of it: after a retryable error it may have been stored
   * all the same, and giving it again with the same repeat keys is safe.
   */
  readonly failed: (error: unknown) => void
}

/**
 * Where the streams of declared stream entities are kept: a journal, the marks of their views, and their announcements.
 *
 * It takes streams' full names of 512 UTF-16 units, entries of 1 MiB, repeat keys and values of marks of 512 units, and
 * announcements of a million bytes.
 */
export interface StreamStore {
  /** True when nobody else appends: then what this process appended last is the end of a stream. */
  readonly soleWriter: boolean
  /**
   * Calls `take` once, when a step begins, and appends what it gives: each batch is one atomic, durable step, shared with
   * others of the same moment where the store can. Resolves when every batch was committed or has failed; rejects only when
   * nothing was taken.
   *
   * What a batch announces is published if and only if it was stored: in the same step, or soon after it, in the order of the
   * numbers of the stream, and then at least once.
   *
   * @throws OverloadedError when too much waits to be stored or announced.
   */
  append(take: () => readonly StreamBatch[]): Promise<void>
  /** Entries with `first <= seq <= last`, ascending, at most `limit`. One read. */
  read(stream: string, first: number, last: number, limit?: Count): Promise<StoredEntry[]>
  /** Entries with these numbers, at most 10 000, ascending, each once; what is outside the stream is left out. One read. */
  readMany(stream: string, seqs: readonly number[]): Promise<StoredEntry[]>
  /** Heads in the order asked. One read. */
  heads(streams: readonly string[]): Promise<StreamHead[]>
  /** Raises a stream's floor to `belowSeq - 1`; what lies below is gone for every reader when this resolves. */
  truncate(stream: string, belowSeq: number): Promise<void>
  /** The seqs of marks, in the order asked; 0 where there is none. One read, or two. */
  last(marks: readonly (Omit<LastMark, 'seq'> & { readonly stream: string })[]): Promise<number[]>
}
