import { randomBytes } from 'node:crypto'
import {
  backoffMs,
  type Bytes,
  type Clock,
  ClosedError,
  type Count,
  type Counter,
  type Metrics,
  type Milliseconds,
  OverloadedError,
  ParlanceError,
} from '@parlance/core'
import type { AppendedEntry } from '../journal.ts'
import { Admission } from './admission.ts'
import type { MongoAppend, Part } from './append.ts'
import { type Batch, numberBatch, type NumberedBatch, settleBatch } from './batch.ts'
import type { Change, Collections, Verdict } from './collections.ts'
import { maxAppendBytes, type TailDocument } from './documents.ts'
import { type Lane, notesRefusal, tailAfter, takeParts } from './lane.ts'
import { sealedEntry, sealedRepeats } from './sealed.ts'
import { needsSealing, type Sealing, sealingOf } from './sealing.ts'
import { emptyTail, type Tail, tailOf, tailProjection } from './tail.ts'
import { TailCache } from './tail-cache.ts'

/** Hears of notes that are not known to be settled, in the order of their numbers; of some more than once. */
export type NotesListener = (
  stream: string,
  notes: readonly { readonly seq: number; readonly note: Uint8Array }[],
) => void

/** How a {@link Writer} is bounded. */
export interface WriterOptions {
  readonly collections: Collections
  readonly clock: Clock
  readonly metrics: Metrics
  readonly random: () => number
  readonly maxCachedStreams: Count
  readonly maxTailBytes: Bytes
  readonly maxPendingEntries: Count
  readonly maxPendingBytes: Bytes
  readonly giveUpMs: Milliseconds
  readonly onNotes: NotesListener
}

const streamsPerStep: Count = 500
const bytesPerStep: Bytes = 16 * 1024 * 1024
const stepsAtOnce: Count = 4
const cachedKeysPerStream: Count = 20

/**
 * Appends to many streams at once. What comes for a stream while a step for it is on its way goes with the next one, in
 * one compare-and-set.
 */
export class Writer {
  readonly #options: WriterOptions
  readonly #collections: Collections
  readonly #clock: Clock
  readonly #tails: TailCache
  readonly #admission: Admission
  readonly #lanes = new Map<string, Lane>()
  readonly #ready = new Set<Lane>()
  readonly #appendedCount: Counter
  readonly #repeatedCount: Counter
  readonly #lostCount: Counter
  #steps: Count = 0
  #isScheduled = false
  #closed: { resolve(): void; readonly done: Promise<void> } | undefined

  constructor(options: WriterOptions) {
    const { metrics, maxCachedStreams, maxPendingEntries, maxPendingBytes } = options
    this.#options = options
    this.#collections = options.collections
    this.#clock = options.clock
    this.#admission = new Admission(maxPendingEntries, maxPendingBytes)
    this.#tails = new TailCache(maxCachedStreams, maxCachedStreams * cachedKeysPerStream)
    this.#appendedCount = metrics.counter('parlance_journal_entries_total', 'Entries stored in the journal')
    this.#repeatedCount = metrics.counter('parlance_journal_repeats_total', 'Entries that were stored before')
    this.#lostCount = metrics.counter(
      'parlance_journal_contended_total',
      'Appends that began again because somebody else appended first',
    )
  }

  append(append: MongoAppend): Promise<AppendedEntry[]> {
    return new Promise((resolve, reject) => {
      const { stream, entries } = append
      if (this.#closed !== undefined) throw new ClosedError('the journal was closed; open a new one')
      const { bytes, leave } = this.#admission.admit(entries)
      const lane = this.#laneOf(stream)
      lane.waiting.push({
        ...append,
        bytes,
        deadline: this.#clock.elapsed() + this.#options.giveUpMs,
        resolve: (appended) => {
          leave()
          this.#count(appended)
          resolve(appended)
        },
        reject: (error) => {
          leave()
          reject(error as Error)
        },
      })
      if (!lane.isBusy) this.#makeReady(lane)
    })
  }

  /** Notes of a stream up to this number need no keeping any more; the next append to it leaves them out. */
  settle(stream: string, through: number): void {
    this.#tails.settle(stream, through)
  }

  /** Takes nothing more and resolves when everything taken is settled. */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      let resolve = (): void => undefined
      const done = new Promise<void>((fulfil) => (resolve = fulfil))
      this.#closed = { resolve, done }
      this.#checkClosed()
    }
    return this.#closed.done
  }

  #count(appended: readonly AppendedEntry[]): void {
    const repeated = appended.reduce((count, entry) => count + Number(entry.repeated), 0)
    this.#appendedCount.add(appended.length - repeated)
    this.#repeatedCount.add(repeated)
  }

  #laneOf(stream: string): Lane {
    let lane = this.#lanes.get(stream)
    if (lane === undefined) {
      lane = { stream, waiting: [], sent: undefined, losses: 0, failures: 0, isBusy: false }
      this.#lanes.set(stream, lane)
    }
    return lane
  }

  #makeReady(lane: Lane): void {
    lane.isBusy = true
    this.#ready.add(lane)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#ready.size === 0 || this.#steps >= stepsAtOnce) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      while (this.#ready.size > 0 && this.#steps < stepsAtOnce) void this.#step(this.#takeReady())
    })
  }

  #takeReady(): Lane[] {
    const lanes: Lane[] = []
    let bytes: Bytes = 0
    for (const lane of this.#ready) {
      bytes += Math.min(
        maxAppendBytes,
        lane.waiting.reduce((sum, part) => sum + part.bytes, lane.sent?.bytes ?? 0),
      )
      if (lanes.length === streamsPerStep || (lanes.length > 0 && bytes > bytesPerStep)) break
      this.#ready.delete(lane)
      lanes.push(lane)
    }
    return lanes
  }

  async #step(lanes: readonly Lane[]): Promise<void> {
    this.#steps++
    const open = new Set(lanes)
    try {
      const tails = await this.#tailsOf(lanes)
      const changes = await this.#changesOf(open, tails)
      if (changes.length > 0) await this.#commit(open, changes)
    } catch (error) {
      for (const lane of open) this.#failed(lane, error)
    }
    this.#steps--
    this.#schedule()
    this.#checkClosed()
  }

  /** The tails as this process knows them, or else as they are; what was sent without an answer is decided by the latter. */
  async #tailsOf(lanes: readonly Lane[]): Promise<Map<Lane, Tail>> {
    const tails = new Map<Lane, Tail>()
    const unknown: Lane[] = []
    for (const lane of lanes) {
      const cached = this.#tails.take(lane.stream)
      if (cached === undefined || lane.sent !== undefined) unknown.push(lane)
      else tails.set(lane, cached)
    }
    const usual = unknown.filter(({ losses }) => losses < 2)
    const found = new Map<string, TailDocument>()
    const [read, ...fenced] = await Promise.all([
      usual.length === 0
        ? []
        : this.#collections.find<TailDocument>(
            usual.map(({ stream }) => stream),
            tailProjection,
          ),
      ...unknown.filter(({ losses }) => losses >= 2).map(({ stream }) => this.#collections.fence(stream)),
    ])
    for (const document of [...read, ...fenced]) if (document !== null) found.set(document._id, document)
    for (const lane of unknown) {
      const document = found.get(lane.stream)
      const tail = document === undefined ? emptyTail() : tailOf(document)
      tails.set(lane, tail)
      if (lane.sent === undefined) continue
      if (await this.#decide(lane, lane.sent, document)) this.#tellNotes(lane.stream, tail)
    }
    return tails
  }

  /** Whether a batch was stored is seen by the entry with its first number. */
  async #decide(lane: Lane, sent: Batch, tail: TailDocument | undefined): Promise<boolean> {
    if (tail === undefined || tail.head < sent.first) return false
    lane.sent = undefined
    const entry =
      sent.first >= tail.first
        ? tail.tail[sent.first - tail.first]
        : await sealedEntry(this.#collections, lane.stream, sent.first)
    const isStored = entry?.b === sent.id
    if (isStored) settleBatch(sent)
    else lane.waiting.unshift(...sent.parts.map(({ part }) => part))
    return isStored
  }

  async #changesOf(open: Set<Lane>, tails: ReadonlyMap<Lane, Tail>): Promise<Change[]> {
    const taken = new Map<Lane, Part[]>()
    for (const lane of open) if (lane.sent === undefined) taken.set(lane, takeParts(lane))
    try {
      const batches = await this.#batchesOf(taken, tails)
      for (const [lane, { batch, left }] of batches) {
        lane.waiting.unshift(...left)
        // Until the answer says otherwise.
        if (batch.entries.length > 0) lane.sent = batch
        else this.#stored(open, lane, tails.get(lane)!, batch)
      }
    } catch (error) {
      for (const [lane, parts] of taken) lane.waiting.unshift(...parts)
      throw error
    }
    const changes: Change[] = []
    for (const lane of open) {
      const tail = tails.get(lane)!
      const batch = lane.sent!
      const refusal = notesRefusal(lane.stream, tail, batch)
      if (refusal === undefined) changes.push({ stream: lane.stream, tail, batch, sealing: undefined })
      else this.#refused(open, lane, refusal)
    }
    return this.#sealed(open, changes)
  }

  async #batchesOf(
    taken: ReadonlyMap<Lane, readonly Part[]>,
    tails: ReadonlyMap<Lane, Tail>,
  ): Promise<Map<Lane, NumberedBatch>> {
    const tailOfLane = (lane: Lane): Tail => tails.get(lane)!
    const asked = Array.from(taken, ([lane, parts]) => ({ stream: lane.stream, tail: tailOfLane(lane), parts }))
    const sealed = await sealedRepeats(this.#collections, asked)
    const nowMs = this.#clock.now()
    const batches = new Map<Lane, NumberedBatch>()
    for (const [lane, parts] of taken) {
      const { head, keys } = tailOfLane(lane)
      const find = (key: string) => keys.get(key) ?? sealed(lane.stream, key)
      batches.set(lane, numberBatch(parts, { id: randomBytes(9).toString('base64url'), head, nowMs, find }))
    }
    return batches
  }

  /** Seals the tails that are full. Two round trips for all of them, none when none is. */
  async #sealed(open: Set<Lane>, changes: readonly Change[]): Promise<Change[]> {
    const { maxTailBytes } = this.#options
    const full = changes.filter(({ tail, batch }) => needsSealing(tail, batch.bytes, maxTailBytes))
    if (full.length === 0) return [...changes]
    const documents = await this.#collections.find<TailDocument>(
      full.map(({ stream }) => stream),
      { notes: 0 },
    )
    const byStream = new Map(documents.map((document) => [document._id, document]))
    const sealings = new Map<string, Sealing>()
    for (const { stream, tail, batch } of full) {
      const document = byStream.get(stream)
      if (document?.head === tail.head) sealings.set(stream, sealingOf(document, batch.bytes, maxTailBytes))
      else this.#lost(open, this.#lanes.get(stream)!)
    }
    await this.#collections.seal([...sealings.values()])
    const isFull = new Set(full)
    return changes.flatMap((change) => {
      const sealing = sealings.get(change.stream)
      return isFull.has(change) && sealing === undefined ? [] : [{ ...change, sealing }]
    })
  }

  async #commit(open: Set<Lane>, changes: readonly Change[]): Promise<void> {
    const verdicts = await this.#collections.compareAndSet(changes)
    changes.forEach((change, index) => {
      const lane = this.#lanes.get(change.stream)!
      const verdict: Verdict = verdicts[index]!
      if (verdict === 'stored') this.#stored(open, lane, tailAfter(change), change.batch)
      else if (verdict === 'lost' || verdict === 'unknown') this.#lost(open, lane)
      else this.#refused(open, lane, verdict.refused)
    })
  }

  #stored(open: Set<Lane>, lane: Lane, tail: Tail, batch: Batch): void {
    lane.sent = undefined
    lane.losses = 0
    lane.failures = 0
    this.#tails.set(lane.stream, tail)
    settleBatch(batch)
    this.#tellNotes(lane.stream, tail)
    this.#leave(open, lane)
  }

  #tellNotes(stream: string, { notes }: Tail): void {
    if (notes.length > 0)
      this.#options.onNotes(
        stream,
        notes.map(({ q, n }) => ({ seq: q, note: n })),
      )
  }

  /** Somebody else was first, or may have been: what was sent stays until it is seen what became of it. */
  #lost(open: Set<Lane>, lane: Lane): void {
    this.#lostCount.add()
    lane.losses++
    this.#again(
      open,
      lane,
      lane.losses < 2 ? 0 : this.#backoff(lane.losses - 1, 2, 1000),
      () => new OverloadedError(`too many append to ${lane.stream} at once: try again later`),
    )
  }

  #failed(lane: Lane, error: unknown): void {
    lane.failures++
    if (ParlanceError.is(error) && error.retryable)
      this.#again(undefined, lane, this.#backoff(lane.failures, 20, 1000), () => error)
    else this.#refused(undefined, lane, error)
  }

  #refused(open: Set<Lane> | undefined, lane: Lane, error: unknown): void {
    const parts = [
      ...(lane.sent?.parts.map(({ part }) => part) ?? []),
      ...(open === undefined ? lane.waiting.splice(0) : []),
    ]
    lane.sent = undefined
    for (const part of parts) part.reject(error)
    this.#leave(open, lane)
  }

  #backoff(attempt: Count, firstMs: Milliseconds, maxMs: Milliseconds): Milliseconds {
    return backoffMs(attempt, { firstMs, maxMs, random: this.#options.random })
  }

  #again(open: Set<Lane> | undefined, lane: Lane, delayMs: Milliseconds, reason: () => unknown): void {
    open?.delete(lane)
    const now = this.#clock.elapsed() + delayMs
    const late = (part: Part) => part.deadline < now
    if (lane.sent?.parts.every(({ part }) => late(part)) === true) {
      for (const { part } of lane.sent.parts) part.reject(reason())
      lane.sent = undefined
    }
    for (const part of lane.waiting.filter(late)) part.reject(reason())
    lane.waiting = lane.waiting.filter((part) => !late(part))
    if (lane.sent === undefined && lane.waiting.length === 0) this.#leave(open, lane)
    else if (delayMs === 0) this.#makeReady(lane)
    else this.#clock.after(delayMs, () => this.#makeReady(lane))
  }

  #leave(open: Set<Lane> | undefined, lane: Lane): void {
    open?.delete(lane)
    if (lane.waiting.length > 0) this.#makeReady(lane)
    else this.#lanes.delete(lane.stream)
  }

  #checkClosed(): void {
    if (this.#closed !== undefined && this.#lanes.size === 0) this.#closed.resolve()
  }
}
