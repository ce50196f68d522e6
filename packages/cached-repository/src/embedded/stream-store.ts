import type { Count } from '@parlance/core'
import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'
import type { LogRecord } from '@parlance/notification-bus'
import type { AppendedEntry, Journal, StoredEntry, StreamHead } from '@parlance/seq-allocator'
import type { LastMark, StreamAppend, StreamBatch, StreamStore } from '../stream/stream-store.ts'

/** What an embedded stream store needs; all of it on one engine. */
export interface EmbeddedStreamStoreOptions {
  readonly engine: SqliteEngine
  readonly journal: Journal & {
    appendIn(appends: readonly StreamBatch[]): AppendedEntry[][]
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

/** Opens the stream store of an engine: entries, marks and announcements of a moment are one transaction. */
export function createEmbeddedStreamStore(options: EmbeddedStreamStoreOptions): StreamStore {
  options.engine.migrate('cached-repository/streams', tables)
  return new SqliteStreamStore(options)
}

class SqliteStreamStore implements StreamStore {
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

  append({ take, effects, committed }: StreamAppend): Promise<void> {
    return this.#engine.write(() => {
      const appended = this.#journal.appendIn(take())
      const { marks, announced } = effects(appended)
      for (const { view, stream, value, seq } of marks) this.#mark.run(view, stream, value, seq)
      for (const { topic, records } of announced) this.#log.publishIn(topic, records)
      this.#engine.afterCommit(() => committed(appended))
    })
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

  async last(marks: readonly Omit<LastMark, 'seq'>[]): Promise<number[]> {
    return marks.map(({ view, stream, value }) => this.#last.get(stream, view, value)?.seq ?? 0)
  }
}
