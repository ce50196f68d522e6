import {
  type Bytes,
  type Clock,
  type Count,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  OverloadedError,
  silentLogger,
  systemClock,
  type Timer,
} from '@parlance/core'
import type { Mongo } from '@parlance/engines/mongo'
import type { EventLog } from '@parlance/notification-bus'
import type { StoredEntry, StreamHead } from '@parlance/seq-allocator'
import { type MongoJournal, openMongoJournal } from '@parlance/seq-allocator/mongo'
import type { LastMark, StreamBatch, StreamStore } from '../stream/stream-store.ts'
import { encodeNote } from './note-codec.ts'
import { Publisher } from './publisher.ts'

/** What a stream store in MongoDB needs. */
export interface MongoStreamStoreOptions {
  readonly mongo: Mongo
  /** Where announcements go. */
  readonly log: Pick<EventLog, 'publish'>
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
  /** In [0, 1); seeded in tests. @defaultValue Math.random */
  readonly random?: () => number
  /** How often it looks for announcements that a process which ended has left. @defaultValue 10 000 */
  readonly recoverEveryMs?: Milliseconds
  /** Announcements that are older were left behind. @defaultValue 10 000 */
  readonly leftAfterMs?: Milliseconds
  /** With more batches than this stored and not announced, appends are refused. @defaultValue 50 000 */
  readonly maxUnannounced?: Count
  /** The same in bytes. @defaultValue 64 MiB */
  readonly maxUnannouncedBytes?: Bytes
}

/**
 * Streams in MongoDB, announced in a log that any number of processes share: each batch with its marks and what it announces
 * is one compare-and-set on one document.
 *
 * An append resolves when it is durable; its announcement is kept with it until the log has it, and published right after,
 * for one stream in the order of the numbers. When the process ends in between, whoever appends to the stream next announces
 * it first; when nobody does, some process finds it within {@link MongoStreamStoreOptions.recoverEveryMs} and
 * {@link MongoStreamStoreOptions.leftAfterMs}. It may be announced twice then, or when two processes append to one stream.
 *
 * Round trips: those of {@link MongoJournal}; announcing is one `publish` per topic for up to 500 batches, and one command
 * for all streams that were announced within half a second.
 */
export interface MongoStreamStore extends StreamStore {
  readonly soleWriter: false
  /** Announces what others left unannounced for longer than `leftAfterMs`. Resolves with the number of streams found. */
  recover(leftAfterMs?: Milliseconds): Promise<Count>
  /**
   * Takes nothing more; finishes what was taken, and announces it unless the log takes nothing just now. What is left is
   * announced by others.
   */
  close(): Promise<void>
}

/** Opens the stream store of a database. One round trip. */
export async function openMongoStreamStore(options: MongoStreamStoreOptions): Promise<MongoStreamStore> {
  const { mongo, log, clock = systemClock, logger = silentLogger, metrics = noMetrics, random = Math.random } = options
  const journal = await openMongoJournal({
    mongo,
    clock,
    logger,
    metrics,
    random,
    onNotes: (stream, notes) => publisher.add(stream, notes),
  })
  const publisher = new Publisher({
    log,
    onPublished: (stream, through) => journal.settle(stream, through),
    clock,
    logger,
    metrics,
    random,
    maxWaiting: options.maxUnannounced ?? 50_000,
    maxWaitingBytes: options.maxUnannouncedBytes ?? 64 * 1024 * 1024,
  })
  return new JournalStreamStore(journal, publisher, {
    clock,
    logger,
    random,
    recoverEveryMs: options.recoverEveryMs ?? 10_000,
    leftAfterMs: options.leftAfterMs ?? 10_000,
  })
}

interface Sweeping {
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly recoverEveryMs: Milliseconds
  readonly leftAfterMs: Milliseconds
}

const claimMs: Milliseconds = 30_000
const streamsPerSweep: Count = 200

class JournalStreamStore implements MongoStreamStore {
  readonly soleWriter = false
  readonly #journal: MongoJournal
  readonly #publisher: Publisher
  readonly #sweeping: Sweeping
  #timer: Timer
  #sweep: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(journal: MongoJournal, publisher: Publisher, sweeping: Sweeping) {
    this.#journal = journal
    this.#publisher = publisher
    this.#sweeping = sweeping
    this.#timer = this.#sweepLater()
  }

  async append(take: () => readonly StreamBatch[]): Promise<void> {
    if (this.#publisher.isFull)
      throw new OverloadedError('too much waits to be announced, because the log does not take it: try again later')
    // Everything handed in during this turn goes together.
    await Promise.resolve()
    await Promise.all(take().map((batch) => this.#append(batch)))
  }

  read(stream: string, first: number, last: number, limit?: Count): Promise<StoredEntry[]> {
    return this.#journal.read(stream, first, last, limit)
  }

  readMany(stream: string, seqs: readonly number[]): Promise<StoredEntry[]> {
    return this.#journal.readMany(stream, seqs)
  }

  heads(streams: readonly string[]): Promise<StreamHead[]> {
    return this.#journal.heads(streams)
  }

  truncate(stream: string, belowSeq: number): Promise<void> {
    return this.#journal.truncate(stream, belowSeq)
  }

  last(marks: readonly (Omit<LastMark, 'seq'> & { readonly stream: string })[]): Promise<number[]> {
    return this.#journal.newest(marks.map(({ stream, view, value }) => ({ stream, tag: tagOf(view, value) })))
  }

  async recover(leftAfterMs: Milliseconds = this.#sweeping.leftAfterMs): Promise<Count> {
    let streams: Count = 0
    for (;;) {
      const left = await this.#journal.takeUnsettled({ olderThanMs: leftAfterMs, claimMs, limit: streamsPerSweep })
      for (const { stream, notes } of left) this.#publisher.add(stream, notes)
      streams += left.length
      if (left.length < streamsPerSweep || this.#isClosed) return streams
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer.cancel()
    await this.#sweep
    // First what was taken is stored, then announced; the journal deletes the notes of what was when it is closed.
    await this.#journal.drain()
    await this.#publisher.close()
    await this.#journal.close()
  }

  async #append({ stream, entries, effects, committed, failed }: StreamBatch): Promise<void> {
    try {
      await this.#journal.appendWith({
        stream,
        entries,
        attach: (appended) => {
          const { marks, announced } = effects(appended)
          return {
            tags: marks.map(({ view, value, seq }) => ({ tag: tagOf(view, value), seq })),
            ...(announced.length === 0 ? {} : { note: encodeNote(announced) }),
          }
        },
        committed,
      })
    } catch (error) {
      failed(error)
    }
  }

  #sweepLater(): Timer {
    const { clock, random, recoverEveryMs, logger } = this.#sweeping
    return clock.after(recoverEveryMs * (0.75 + random() / 2), () => {
      this.#sweep = this.recover()
        .catch((error: unknown) =>
          logger.warn('looking for what was left unannounced failed', { error: String(error) }),
        )
        .finally(() => {
          if (!this.#isClosed) this.#timer = this.#sweepLater()
        })
    })
  }
}

/** Neither view nor value has a NUL. */
export const tagOf = (view: string, value: string): string => `${view}\0${value}`
