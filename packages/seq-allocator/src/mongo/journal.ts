import {
  type Bytes,
  type Clock,
  type Count,
  InvalidArgumentError,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
  type Timer,
} from '@parlance/core'
import type { Mongo } from '@parlance/engines/mongo'
import type { AppendedEntry, Journal, NewEntry } from '../journal.ts'
import { assertEntries, assertStreamName } from '../limits.ts'
import type { MongoAppend } from './append.ts'
import { Collections } from './collections.ts'
import { blockID } from './documents.ts'
import { Reader } from './reader.ts'
import { type NotesListener, Writer } from './writer.ts'

/** Notes of a stream that are still to be settled, ascending. */
export interface UnsettledNotes {
  readonly stream: string
  readonly notes: readonly { readonly seq: number; readonly note: Uint8Array }[]
}

/**
 * A journal in MongoDB: any number of processes append to any stream.
 *
 * A stream's end is one document, and appending is one compare-and-set on it, durable on a majority: numbers, entries and
 * what goes with them at once, whoever else appends. Numbers that leave the end are sealed in blocks of 100 that never
 * change. A repeat key is recognised as long as its entry is kept. An append whose answer was lost is looked for before it
 * is sent again: it is stored once, also when its entries have no repeat keys.
 *
 * When an append fails with a retryable error, it may have been stored all the same: give it again with the same repeat keys.
 */
export interface MongoJournal extends Journal {
  /**
   * As {@link Journal.append}, with what goes with the entries.
   *
   * Everything that comes for a stream while a step for it is on its way goes with the next step; steps take up to 500
   * streams. One round trip for all streams of a step: those of one process that does not share them. One more when
   * something is given with a repeat key for a stream of more than 100 entries; one more for streams it did not append to
   * lately; two more when blocks are full; two more for each time that somebody else appended first.
   *
   * @throws OverloadedError when too much waits, or too many notes of the stream are not settled; InvalidArgumentError for
   * more than 10 000 entries or 8 MiB. What `attach` throws is thrown, and nothing was stored.
   */
  appendWith(append: MongoAppend): Promise<AppendedEntry[]>
  /** The highest number of an entry that had a tag, in the order asked; 0 for none. One query; one more for tags of sealed entries. */
  newest(pairs: readonly { readonly stream: string; readonly tag: string }[]): Promise<number[]>
  /**
   * Gives up every entry below `belowSeq`: nobody reads it any more when this resolves. Numbers are never given again;
   * repeat keys of entries given up may come again. Two round trips, and four for every 64 blocks that are deleted.
   */
  truncate(stream: string, belowSeq: number): Promise<void>
  /**
   * What the notes of a stream up to a number say was done. The next append leaves them out, and a moment later they are
   * deleted, those of all streams in one round trip. When that fails they are found again: whatever notes ask for must be
   * fit for being done twice.
   */
  settle(stream: string, through: number): void
  /**
   * Takes notes older than `olderThanMs` that nobody settled, for `claimMs` during which no other caller gets them. One
   * query and one round trip per stream. The notes of a stream that is appended to are handed to the listener anyway.
   */
  takeUnsettled(options: {
    readonly olderThanMs: Milliseconds
    readonly claimMs: Milliseconds
    readonly limit: Count
  }): Promise<UnsettledNotes[]>
  /** Takes nothing more, and resolves when everything taken is stored or refused. */
  drain(): Promise<void>
  /** Takes nothing more, finishes what was taken, and deletes the settled notes. Leaves the connection open. */
  close(): Promise<void>
}

/** What a journal in MongoDB needs. */
export interface MongoJournalOptions {
  readonly mongo: Mongo
  readonly clock?: Clock
  readonly metrics?: Metrics
  readonly logger?: Logger
  /** In [0, 1); seeded in tests. @defaultValue Math.random */
  readonly random?: () => number
  /** Streams whose end, with its repeat keys, is kept in memory; twenty keys each on average. @defaultValue 10 000 */
  readonly maxCachedStreams?: Count
  /** @defaultValue 1 MiB */
  readonly maxPayloadBytes?: Bytes
  /** With more bytes than this, the end of a stream is sealed before its block is full. @defaultValue 4 MiB */
  readonly maxTailBytes?: Bytes
  /** More entries waiting than this are refused with an OverloadedError. @defaultValue 100 000 */
  readonly maxPendingEntries?: Count
  /** @defaultValue 64 MiB */
  readonly maxPendingBytes?: Bytes
  /** How long an append is tried again while MongoDB is away or others are quicker. @defaultValue 15 000 */
  readonly giveUpMs?: Milliseconds
  /** Hears of every note that is kept, before the append it came with resolves, and of those that somebody left unsettled. */
  readonly onNotes?: NotesListener
}

const settleAfterMs: Milliseconds = 500
const truncationStep: Count = 64

/** Opens the journal of a database; makes its index. One round trip. */
export async function openMongoJournal(options: MongoJournalOptions): Promise<MongoJournal> {
  const collections = new Collections(options.mongo)
  await collections.prepare()
  return new DocumentJournal(collections, options)
}

class DocumentJournal implements MongoJournal {
  readonly #collections: Collections
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #reader: Reader
  readonly #writer: Writer
  readonly #maxPayloadBytes: Bytes
  #settled = new Map<string, number>()
  #clearing: Timer | undefined

  constructor(collections: Collections, options: MongoJournalOptions) {
    const { clock = systemClock, metrics = noMetrics, random = Math.random } = options
    const { maxCachedStreams = 10_000, maxPayloadBytes = 1024 * 1024, giveUpMs = 15_000 } = options
    const { maxTailBytes = 4 * 1024 * 1024 } = options
    const { maxPendingEntries = 100_000, maxPendingBytes = 64 * 1024 * 1024, onNotes = () => undefined } = options
    this.#collections = collections
    this.#clock = clock
    this.#logger = options.logger ?? silentLogger
    this.#maxPayloadBytes = maxPayloadBytes
    this.#reader = new Reader(collections)
    this.#writer = new Writer({
      collections,
      clock,
      metrics,
      random,
      maxCachedStreams,
      maxTailBytes,
      maxPendingEntries,
      maxPendingBytes,
      giveUpMs,
      onNotes,
    })
  }

  append(stream: string, entries: readonly NewEntry[]): Promise<AppendedEntry[]> {
    return this.appendWith({ stream, entries })
  }

  async appendWith(append: MongoAppend): Promise<AppendedEntry[]> {
    assertStreamName(append.stream)
    assertEntries(append.entries, this.#maxPayloadBytes)
    if (append.entries.length > 0) return this.#writer.append(append)
    append.committed?.([])
    return []
  }

  read(stream: string, first: number, last: number, limit?: Count, maxBytes?: Bytes) {
    return this.#reader.read(stream, first, last, limit, maxBytes)
  }

  readMany(stream: string, seqs: readonly number[]) {
    return this.#reader.readMany(stream, seqs)
  }

  heads(streams: readonly string[]) {
    return this.#reader.heads(streams)
  }

  newest(pairs: readonly { readonly stream: string; readonly tag: string }[]): Promise<number[]> {
    return this.#reader.newest(pairs)
  }

  async truncate(stream: string, belowSeq: number): Promise<void> {
    if (!Number.isSafeInteger(belowSeq))
      throw new InvalidArgumentError(`belowSeq must be a whole number, not ${belowSeq}`)
    const [bounds] = await this.heads([stream])
    const floor = Math.min(belowSeq - 1, bounds!.head)
    if (floor < 1) return
    if (floor > bounds!.floor) await this.#collections.raiseFloor(stream, floor)
    const through = blockID(stream, Math.max(floor, bounds!.floor))
    for (;;) {
      const blocks = await this.#collections.blocksBetween(blockID(stream, 0), through, truncationStep)
      if (blocks.length > 0) await this.#collections.deleteBlocks(stream, blocks)
      if (blocks.length < truncationStep) return
    }
  }

  settle(stream: string, through: number): void {
    this.#writer.settle(stream, through)
    this.#settled.set(stream, Math.max(through, this.#settled.get(stream) ?? 0))
    this.#clearing ??= this.#clock.after(settleAfterMs, () => void this.#clear())
  }

  async takeUnsettled({
    olderThanMs,
    claimMs,
    limit,
  }: {
    readonly olderThanMs: Milliseconds
    readonly claimMs: Milliseconds
    readonly limit: Count
  }): Promise<UnsettledNotes[]> {
    const now = this.#clock.now()
    const found = await this.#collections.noted(now - olderThanMs, now, limit)
    const taken = found.map(async ({ _id: stream, notes = [] }): Promise<UnsettledNotes[]> => {
      if (notes.length === 0) this.settle(stream, 0)
      else if (await this.#collections.claim(stream, now, now + claimMs))
        return [{ stream, notes: notes.map(({ q, n }) => ({ seq: q, note: n })) }]
      return []
    })
    return (await Promise.all(taken)).flat()
  }

  drain(): Promise<void> {
    return this.#writer.close()
  }

  async close(): Promise<void> {
    await this.drain()
    this.#clearing?.cancel()
    await this.#clear()
  }

  async #clear(): Promise<void> {
    this.#clearing = undefined
    const settled = this.#settled
    this.#settled = new Map()
    if (settled.size === 0) return
    try {
      await this.#collections.clearNotes(settled)
    } catch (error) {
      // They stay, and are found and settled again.
      this.#logger.warn('settled notes could not be deleted', { streams: settled.size, error: String(error) })
    }
  }
}
