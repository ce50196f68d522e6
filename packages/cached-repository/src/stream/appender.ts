import { type Count, InvalidArgumentError, OverloadedError, ParlanceError } from '@parlance/core'
import type { LogRecord } from '@parlance/notification-bus'
import type { AppendedEntry, NewEntry, StoredEntry } from '@parlance/seq-allocator'
import { InvalidRowError } from '../entity/errors.ts'
import { announcementOf } from './announcement.ts'
import type { StreamSchema } from './stream.ts'
import { assertMark, assertStreamName } from './stream-limits.ts'
import type { BatchEffects, LastMark, StreamBatch, StreamStore } from './stream-store.ts'

interface Call {
  readonly count: Count
  readonly resolve: (appended: AppendedEntry[]) => void
  readonly reject: (error: unknown) => void
}

/** Everything handed in for one stream since the last durable step began. */
interface Waiting {
  readonly name: string
  readonly rows: unknown[]
  readonly entries: NewEntry[]
  readonly marks: (readonly (readonly [view: string, value: string])[])[]
  readonly calls: Call[]
}

/** Hears of a stream's new entries at the moment they are durable, ascending. */
export type AppendedListener = (stream: string, entries: readonly StoredEntry[]) => void

const maxRowsPerCall: Count = 10_000
const maxWaitingRows: Count = 200_000

/** Gathers the appends to all streams of one kind into one batch per stream and durable step. */
export class Appender {
  readonly #schema: StreamSchema
  readonly #store: StreamStore
  readonly #fullName: (stream: string) => string
  readonly #onAppended: AppendedListener
  #waiting = new Map<string, Waiting>()
  #waitingRows: Count = 0
  #isScheduled = false

  constructor(
    schema: StreamSchema,
    store: StreamStore,
    fullName: (stream: string) => string,
    onAppended: AppendedListener,
  ) {
    this.#schema = schema
    this.#store = store
    this.#fullName = fullName
    this.#onAppended = onAppended
  }

  append(stream: string, rows: readonly unknown[]): Promise<AppendedEntry[]> {
    return new Promise((resolve, reject) => {
      assertStreamName(stream)
      if (rows.length === 0) return resolve([])
      this.#assertRoom(rows.length)
      const encoded = rows.map((row) => this.#encoded(row))
      let waiting = this.#waiting.get(stream)
      if (waiting === undefined) {
        waiting = { name: stream, rows: [], entries: [], marks: [], calls: [] }
        this.#waiting.set(stream, waiting)
      }
      encoded.forEach(({ entry, marks }, index) => {
        waiting.entries.push(entry)
        waiting.marks.push(marks)
        waiting.rows.push(rows[index])
      })
      waiting.calls.push({ count: rows.length, resolve, reject })
      this.#waitingRows += rows.length
      if (this.#isScheduled) return
      this.#isScheduled = true
      void this.#step()
    })
  }

  #assertRoom(count: Count): void {
    if (count > maxRowsPerCall)
      throw new InvalidArgumentError(`${count} rows in one append; it takes at most ${maxRowsPerCall}: split the call`)
    if (this.#waitingRows + count > maxWaitingRows)
      throw new OverloadedError(
        `${this.#waitingRows} rows wait to be appended to ${this.#schema.name}: try again later`,
      )
  }

  #encoded(row: unknown): { entry: NewEntry; marks: [string, string][] } {
    const { codec, repeat, last, name, maxEntryBytes } = this.#schema
    const payload = codec.encode(row)
    if (payload.byteLength > maxEntryBytes)
      throw new InvalidRowError(`an entry of ${name} has ${payload.byteLength} bytes; it may have ${maxEntryBytes}`)
    const marks: [string, string][] = []
    for (const [view, by] of last) {
      const value = by(row)
      if (value === undefined) continue
      assertMark(`the value of ${name}.${view}`, value, 0)
      marks.push([view, value])
    }
    if (repeat === undefined) return { entry: { payload }, marks }
    const repeatKey = repeat(row)
    assertMark(`the repeat key of ${name}`, repeatKey, 1)
    return { entry: { payload, repeatKey }, marks }
  }

  #take(): Waiting[] {
    const taken = [...this.#waiting.values()]
    this.#waiting = new Map()
    this.#waitingRows = 0
    this.#isScheduled = false
    return taken
  }

  async #step(): Promise<void> {
    try {
      await this.#store.append(() => this.#take().map((batch) => this.#batchOf(batch)))
    } catch (error) {
      // Nothing was taken.
      for (const batch of this.#take()) reject(batch, error)
    }
  }

  #batchOf(batch: Waiting): StreamBatch {
    return {
      stream: this.#fullName(batch.name),
      entries: batch.entries,
      effects: (appended) => this.#effects(batch, appended),
      committed: (appended) => {
        this.#report(batch, appended)
        resolve(batch, appended)
      },
      failed: (error) => this.#failed(batch, error),
    }
  }

  /** One call may be what the store refused, and the others are not to suffer from it: every call is handed in again, in order. */
  #failed(batch: Waiting, error: unknown): void {
    if (batch.calls.length === 1 || (error instanceof ParlanceError && error.retryable)) {
      reject(batch, error)
      return
    }
    const parts = callByCall(batch)
    this.#store
      .append(() => parts.map((part) => this.#batchOf(part)))
      .catch((refusal: unknown) => parts.forEach((part) => reject(part, refusal)))
  }

  #effects(batch: Waiting, appended: readonly AppendedEntry[]): BatchEffects {
    const marks = new Map<string, LastMark>()
    const fresh: unknown[] = []
    let first = 0
    appended.forEach(({ seq, repeated }, index) => {
      if (repeated) return
      if (first === 0) first = seq
      fresh.push(batch.rows[index])
      for (const [view, value] of batch.marks[index]!)
        marks.set(`${view}\0${value}`, { view: `${this.#schema.name}.${view}`, value, seq })
    })
    const records: LogRecord[] = announcementOf(this.#schema, batch.name, first, fresh)
    const announced = records.length === 0 ? [] : [{ topic: this.#schema.announce!.topic.name, records }]
    return { marks: [...marks.values()], announced }
  }

  #report(batch: Waiting, appended: readonly AppendedEntry[]): void {
    const fresh: StoredEntry[] = []
    appended.forEach(({ seq, repeated }, index) => {
      if (!repeated) fresh.push({ seq, payload: batch.entries[index]!.payload })
    })
    this.#onAppended(batch.name, compacted(fresh))
  }
}

/**
 * The entries with their bytes in one buffer of just their size. What an encoder returns is mostly a slice of a pooled
 * buffer, which it would keep alive as a whole for as long as the entry is held.
 */
function compacted(entries: readonly StoredEntry[]): StoredEntry[] {
  const bytes = Buffer.allocUnsafeSlow(entries.reduce((total, { payload }) => total + payload.byteLength, 0))
  let from = 0
  return entries.map(({ seq, payload }) => {
    bytes.set(payload, from)
    from += payload.byteLength
    return { seq, payload: bytes.subarray(from - payload.byteLength, from) }
  })
}

function callByCall({ name, rows, entries, marks, calls }: Waiting): Waiting[] {
  let end = 0
  return calls.map((call) => {
    const from = end
    end += call.count
    return {
      name,
      rows: rows.slice(from, end),
      entries: entries.slice(from, end),
      marks: marks.slice(from, end),
      calls: [call],
    }
  })
}

function resolve({ calls }: Waiting, appended: readonly AppendedEntry[]): void {
  let from = 0
  for (const call of calls) {
    call.resolve(appended.slice(from, from + call.count))
    from += call.count
  }
}

function reject({ calls }: Waiting, error: unknown): void {
  for (const call of calls) call.reject(error)
}
