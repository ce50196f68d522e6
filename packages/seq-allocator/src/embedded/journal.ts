import {
  type Bytes,
  type Count,
  type Counter,
  InvalidArgumentError,
  type Metrics,
  noMetrics,
  OverloadedError,
} from '@parlance/core'
import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'
import type { AppendedEntry, Journal, NewEntry, StoredEntry, StreamHead } from '../journal.ts'
import { assertCount, assertEntries, assertStreamName, maxReadBytes, maxReadEntries } from '../limits.ts'
import { cutToBytes, decodeChosen, decodeKey, decodeRange, encodeBatch } from './batch-codec.ts'
import { RepeatKeys } from './repeat-keys.ts'
import { journalSchema } from './schema.ts'
import { StreamTable } from './stream-table.ts'
import { maxBatchBytes, StreamWriter } from './stream-writer.ts'

/** Entries for one stream, in order. */
export interface StreamAppend {
  readonly stream: string
  readonly entries: readonly NewEntry[]
}

/**
 * A journal in the process's SQLite file.
 *
 * A repeat key is recognised while its entry is kept and among the newest `repeatWindow` entries with a key of the whole
 * journal, also after a restart.
 */
export interface EmbeddedJournal extends Journal {
  /**
   * Appends to many streams inside `engine.write`, in the transaction of whatever else is written there.
   *
   * Results are in the order given. They are durable when the write resolves; when it is undone, so are they.
   */
  appendIn(appends: readonly StreamAppend[]): AppendedEntry[][]
  /**
   * Gives up every entry below `belowSeq`: the floor rises at once, the space is freed in steps of bounded length.
   *
   * Numbers are never given again. Repeat keys of entries given up may come again.
   */
  truncate(stream: string, belowSeq: number): Promise<void>
}

/** What an embedded journal needs. */
export interface EmbeddedJournalOptions {
  readonly engine: SqliteEngine
  readonly metrics?: Metrics
  /** Streams whose head is kept in memory. @defaultValue 50 000 */
  readonly maxCachedStreams?: Count
  /** @defaultValue 1 MiB */
  readonly maxPayloadBytes?: Bytes
  /**
   * More entries than this waiting for one commit are refused with an OverloadedError; an append that alone has more, with
   * an InvalidArgumentError.
   *
   * @defaultValue 100 000
   */
  readonly maxPendingEntries?: Count
  /**
   * Repeat keys of so many newest entries of all streams together are recognised, and up to twice as many. Takes 64 to
   * 128 bytes of memory for each, 67 (34 MB in all) with the default.
   *
   * @defaultValue 500 000
   */
  readonly repeatWindow?: Count
}

/** Opens the journal of an engine; one per engine. */
export function createEmbeddedJournal(options: EmbeddedJournalOptions): EmbeddedJournal {
  options.engine.claim('the journal')
  options.engine.migrate('seq-allocator/journal', journalSchema)
  return new SqliteJournal(options)
}

interface PendingAppends {
  readonly appends: StreamAppend[]
  entryCount: Count
  readonly appended: Promise<AppendedEntry[][]>
}

type BatchRow = { first: number; entries: Buffer }

/** Batches deleted in one transaction: bounds how long a truncation holds up the others. */
const truncationStep = 64

/** Batches that a sparse read holds in memory at once. */
const sparseReadStep = 64

/** Repeat keys outlive the entries of a truncated stream; their rows have the same numbers. */
const newestLog = `
  SELECT max(coalesce((SELECT max(id) FROM journal_log), 0), coalesce((SELECT max(log) FROM journal_repeats), 0)) AS newest`

class SqliteJournal implements EmbeddedJournal {
  readonly #engine: SqliteEngine
  readonly #streams: StreamTable
  readonly #repeats: RepeatKeys
  readonly #maxPayloadBytes: Bytes
  readonly #maxPendingEntries: Count
  readonly #insertLog: SqliteStatement<never>
  readonly #insertBatch: SqliteStatement<never>
  readonly #readBatches: SqliteStatement<BatchRow>
  readonly #readBatchesWithin: SqliteStatement<BatchRow>
  readonly #readBatchesOf: SqliteStatement<BatchRow>
  readonly #readBatchOf: SqliteStatement<BatchRow>
  readonly #oldBatches: SqliteStatement<{ first: number; count: number; log: number }>
  readonly #deleteBatch: SqliteStatement<never>
  readonly #deleteLog: SqliteStatement<never>
  readonly #appendedCount: Counter
  readonly #repeatedCount: Counter
  readonly #storedKey: (stream: number, seq: number) => Uint8Array | undefined
  #nextLog: number
  #pending: PendingAppends | undefined

  constructor({
    engine,
    metrics = noMetrics,
    maxCachedStreams = 50_000,
    maxPayloadBytes = 1024 * 1024,
    maxPendingEntries = 100_000,
    repeatWindow = 500_000,
  }: EmbeddedJournalOptions) {
    this.#engine = engine
    this.#streams = new StreamTable(engine, maxCachedStreams)
    this.#repeats = new RepeatKeys(engine, repeatWindow)
    this.#maxPayloadBytes = maxPayloadBytes
    this.#maxPendingEntries = maxPendingEntries
    this.#insertLog = engine.prepare('INSERT INTO journal_log(id, entries) VALUES (?, ?)')
    this.#insertBatch = engine.prepare('INSERT INTO journal_batches(stream, first, count, log) VALUES (?, ?, ?, ?)')
    this.#readBatches = engine.prepare(`
      SELECT b.first, l.entries FROM journal_batches b JOIN journal_log l ON l.id = b.log
      WHERE b.stream = ?1 AND b.first <= ?3
        AND b.first >= (SELECT max(first) FROM journal_batches WHERE stream = ?1 AND first <= ?2)
      ORDER BY b.first LIMIT ?4`)
    this.#readBatchesWithin = engine.prepare(`
      WITH sized AS (
        SELECT b.first, b.log, length(l.entries) AS bytes FROM journal_batches b JOIN journal_log l ON l.id = b.log
        WHERE b.stream = ?1 AND b.first <= ?3
          AND b.first >= (SELECT max(first) FROM journal_batches WHERE stream = ?1 AND first <= ?2)
        ORDER BY b.first LIMIT ?4),
      summed AS (SELECT first, log, sum(bytes) OVER (ORDER BY first) - bytes AS before FROM sized)
      SELECT s.first, l.entries FROM summed s JOIN journal_log l ON l.id = s.log WHERE s.before <= ?5 ORDER BY s.first`)
    this.#readBatchesOf = engine.prepare(`
      SELECT b.first, l.entries FROM journal_batches b JOIN journal_log l ON l.id = b.log
      WHERE b.stream = ?1 AND b.first IN (
        SELECT (SELECT max(first) FROM journal_batches WHERE stream = ?1 AND first <= value) FROM json_each(?2))
      ORDER BY b.first`)
    this.#readBatchOf = engine.prepare(`
      SELECT b.first, l.entries FROM journal_batches b JOIN journal_log l ON l.id = b.log
      WHERE b.stream = ? AND b.first <= ? ORDER BY b.first DESC LIMIT 1`)
    this.#oldBatches = engine.prepare(`
      SELECT first, count, log FROM journal_batches WHERE stream = ? AND first <= ? ORDER BY first LIMIT ?`)
    this.#deleteBatch = engine.prepare('DELETE FROM journal_batches WHERE stream = ? AND first = ?')
    this.#deleteLog = engine.prepare('DELETE FROM journal_log WHERE id = ?')
    this.#nextLog = 1 + engine.prepare<{ newest: number }>(newestLog).get()!.newest
    this.#appendedCount = metrics.counter('parlance_journal_entries_total', 'Entries stored in the journal')
    this.#repeatedCount = metrics.counter('parlance_journal_repeats_total', 'Entries that were stored before')
    this.#storedKey = (stream, seq) => {
      const batch = this.#readBatchOf.get(stream, seq)
      return batch && decodeKey(batch.entries, batch.first, seq)
    }
  }

  async append(stream: string, entries: readonly NewEntry[]): Promise<AppendedEntry[]> {
    assertStreamName(stream)
    assertEntries(entries, this.#maxPayloadBytes)
    if (entries.length === 0) return []
    if (entries.length > this.#maxPendingEntries)
      throw new InvalidArgumentError(
        `an append may have at most ${this.#maxPendingEntries} entries, not ${entries.length}: split it`,
      )
    const pending = (this.#pending ??= this.#beginAppends())
    if (pending.entryCount + entries.length > this.#maxPendingEntries)
      throw new OverloadedError(`${pending.entryCount} entries wait to be appended: try again later`)
    pending.entryCount += entries.length
    const index = pending.appends.push({ stream, entries }) - 1
    return (await pending.appended)[index]!
  }

  appendIn(appends: readonly StreamAppend[]): AppendedEntry[][] {
    this.#engine.assertInWrite()
    for (const { stream, entries } of appends) {
      assertStreamName(stream)
      assertEntries(entries, this.#maxPayloadBytes)
    }
    const writers = new Map<string, StreamWriter>()
    this.#engine.afterRollback(() => {
      for (const [stream, writer] of writers) {
        writer.undo()
        this.#streams.evict(stream)
      }
    })
    const results = appends.map(({ stream, entries }) => {
      const writer = this.#writerOf(stream, writers)
      return entries.map((entry) => writer.add(entry))
    })
    for (const writer of writers.values()) this.#store(writer)
    this.#engine.afterCommit(() => {
      this.#repeats.turn(this.#nextLog)
      this.#count(results)
    })
    return results
  }

  async read(
    stream: string,
    first: number,
    last: number,
    limit: Count = 1000,
    maxBytes?: Bytes,
  ): Promise<StoredEntry[]> {
    assertCount('limit', limit, maxReadEntries)
    if (maxBytes !== undefined) assertCount('maxBytes', maxBytes, maxReadBytes)
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last))
      throw new InvalidArgumentError(`first and last must be whole numbers, not ${first} and ${last}`)
    const state = this.#streams.find(stream)
    if (state === undefined) return []
    const from = Math.max(first, state.floor + 1)
    const to = Math.min(last, state.head, from + limit - 1)
    if (from > to) return []
    const batches =
      maxBytes === undefined
        ? this.#readBatches.all(state.id, from, to, limit)
        : // The first batch may begin with entries that were not asked for.
          this.#readBatchesWithin.all(state.id, from, to, limit, maxBytes + maxBatchBytes)
    const entries = batches.flatMap((batch) => decodeRange(batch.entries, batch.first, from, to))
    return maxBytes === undefined ? entries : cutToBytes(entries, maxBytes)
  }

  async readMany(stream: string, seqs: readonly number[]): Promise<StoredEntry[]> {
    if (seqs.length > maxReadEntries || !seqs.every(Number.isSafeInteger))
      throw new InvalidArgumentError(`seqs must be whole numbers, at most ${maxReadEntries} of them`)
    const state = this.#streams.find(stream)
    if (state === undefined) return []
    const { floor, head } = state
    const wanted = new Set(seqs.filter((seq) => seq > floor && seq <= head).toSorted((left, right) => left - right))
    const entries: StoredEntry[] = []
    while (wanted.size > 0) {
      const step = [...wanted].slice(0, sparseReadStep)
      const found = this.#readBatchesOf
        .all(state.id, JSON.stringify(step))
        .flatMap((batch) => decodeChosen(batch.entries, batch.first, wanted))
      entries.push(...found)
      for (const seq of [...step, ...found.map((entry) => entry.seq)]) wanted.delete(seq)
    }
    return entries
  }

  async heads(streams: readonly string[]): Promise<StreamHead[]> {
    return this.#streams.findMany(streams).map((state) => ({ head: state?.head ?? 0, floor: state?.floor ?? 0 }))
  }

  async truncate(stream: string, belowSeq: number): Promise<void> {
    if (!Number.isSafeInteger(belowSeq))
      throw new InvalidArgumentError(`belowSeq must be a whole number, not ${belowSeq}`)
    while (!(await this.#engine.write(() => this.#truncateStep(stream, belowSeq))));
  }

  #beginAppends(): PendingAppends {
    const appends: StreamAppend[] = []
    const pending: PendingAppends = {
      appends,
      entryCount: 0,
      appended: this.#engine.write(() => {
        this.#pending = undefined
        return this.appendIn(appends)
      }),
    }
    pending.appended.catch(() => {
      if (this.#pending === pending) this.#pending = undefined
    })
    return pending
  }

  #writerOf(stream: string, writers: Map<string, StreamWriter>): StreamWriter {
    let writer = writers.get(stream)
    if (writer === undefined) {
      writer = new StreamWriter(this.#streams.require(stream), this.#repeats, this.#storedKey)
      writers.set(stream, writer)
    }
    return writer
  }

  #store(writer: StreamWriter): void {
    for (const { first, entries } of writer.finish()) {
      const log = this.#nextLog++
      this.#insertLog.run(log, encodeBatch(entries))
      this.#insertBatch.run(writer.state.id, first, entries.length, log)
      this.#repeats.store(log, first, entries)
    }
  }

  #count(results: readonly (readonly AppendedEntry[])[]): void {
    for (const entries of results) {
      const repeated = entries.reduce((count, entry) => count + Number(entry.repeated), 0)
      this.#appendedCount.add(entries.length - repeated)
      this.#repeatedCount.add(repeated)
    }
  }

  #truncateStep(stream: string, belowSeq: number): boolean {
    const state = this.#streams.find(stream)
    if (state === undefined) return true
    const floor = Math.min(belowSeq - 1, state.head)
    if (floor > state.floor) {
      this.#engine.afterRollback(() => this.#streams.evict(stream))
      this.#streams.raiseFloor(state, floor)
    }
    const old = this.#oldBatches.all(state.id, state.floor, truncationStep)
    const unused = old.filter((batch) => batch.first + batch.count - 1 <= state.floor)
    for (const { first, log } of unused) {
      this.#deleteBatch.run(state.id, first)
      this.#deleteLog.run(log)
    }
    return unused.length < truncationStep
  }
}
