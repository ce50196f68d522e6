import { type Count, ParlanceError } from '@parlance/core'
import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'
import type { LogRecord } from '@parlance/notification-bus'
import type { AppendedEntry, Journal, NewEntry, StoredEntry, StreamHead } from '@parlance/seq-allocator'
import type { LastMark, StreamBatch, StreamStore } from '../stream/stream-store.ts'

/** What an embedded stream store needs; all of it on one engine. */
export interface EmbeddedStreamStoreOptions {
  readonly engine: SqliteEngine
  readonly journal: Journal & {
    appendIn(appends: readonly { readonly stream: string; readonly entries: readonly NewEntry[] }[]): AppendedEntry[][]
    truncate(stream: string, belowSeq: number): Promise<void>
  }
  /** Where announcements go, in the transaction of their entries. */
  readonly log: { publishIn(topic: string, records: readonly LogRecord[]): void }
}

const tables = [
  `CREATE TABLE stream_last(
     view TEXT NOT NULL, stream TEXT NOT NULL, value TEXT NOT NULL, seq INTEGER NOT NULL,
     PRIMARY KEY(stream, view, value)) WITHOUT ROWID`,
]

/**
 * Opens the stream store of an engine: entries, marks and announcements of a moment are one transaction; batches of a moment
 * in which one was refused have one each.
 */
export function createEmbeddedStreamStore(options: EmbeddedStreamStoreOptions): StreamStore {
  options.engine.migrate('cached-repository/streams', tables)
  return new SqliteStreamStore(options)
}

class SqliteStreamStore implements StreamStore {
  readonly soleWriter = true
  readonly #engine: SqliteEngine
  readonly #journal: EmbeddedStreamStoreOptions['journal']
  readonly #log: EmbeddedStreamStoreOptions['log']
  readonly #mark: SqliteStatement<never>
  readonly #last: SqliteStatement<{ seq: number }>

  constructor({ engine, journal, log }: EmbeddedStreamStoreOptions) {
    this.#engine = engine
    this.#journal = journal
    this.#log = log
    this.#mark = engine.prepare('INSERT OR REPLACE INTO stream_last(view, stream, value, seq) VALUES (?, ?, ?, ?)')
    this.#last = engine.prepare('SELECT seq FROM stream_last WHERE stream = ? AND view = ? AND value = ?')
  }

  async append(take: () => readonly StreamBatch[]): Promise<void> {
    let taken: readonly StreamBatch[] | undefined
    try {
      await this.#engine.write(() => this.#store((taken = take())))
    } catch (error) {
      if (taken === undefined) throw error
      await this.#failed(taken, error)
    }
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

  async last(marks: readonly (Omit<LastMark, 'seq'> & { readonly stream: string })[]): Promise<number[]> {
    return marks.map(({ view, stream, value }) => this.#last.get(stream, view, value)?.seq ?? 0)
  }

  #store(batches: readonly StreamBatch[]): void {
    const appended = this.#journal.appendIn(batches)
    batches.forEach(({ stream, effects }, index) => {
      if (appended[index]!.every(({ repeated }) => repeated)) return
      const { marks, announced } = effects(appended[index]!)
      for (const { view, value, seq } of marks) this.#mark.run(view, stream, value, seq)
      for (const { topic, records } of announced) this.#log.publishIn(topic, records)
    })
    this.#engine.afterCommit(() => batches.forEach(({ committed }, index) => committed(appended[index]!)))
  }

  /** One of them may be what was refused, and the others are not to suffer from it: each gets a transaction of its own, in order. */
  async #failed(batches: readonly StreamBatch[], error: unknown): Promise<void> {
    if (batches.length === 1 || (error instanceof ParlanceError && error.retryable))
      for (const { failed } of batches) failed(error)
    else await Promise.all(batches.map((batch) => this.append(() => [batch]).catch(batch.failed)))
  }
}
