import {
  backoffMs,
  type Bytes,
  type Clock,
  type Count,
  type Counter,
  type Gauge,
  InvalidArgumentError,
  type Logger,
  type Metrics,
  pause,
} from '@parlance/core'
import type { EventLog, LogRecord } from '@parlance/notification-bus'
import { type Announced, decodeNote } from './note-codec.ts'

/** What a {@link Publisher} needs. */
export interface PublisherOptions {
  readonly log: Pick<EventLog, 'publish'>
  /** Everything up to this number of a stream was published. */
  readonly onPublished: (stream: string, through: number) => void
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly random: () => number
  readonly maxWaiting: Count
  readonly maxWaitingBytes: Bytes
}

interface Waiting {
  readonly stream: string
  readonly seq: number
  readonly announced: readonly Announced[]
  readonly bytes: Bytes
}

/** How far a stream has come. */
interface Progress {
  queued: number
  published: number
}

const batchNotes: Count = 500
const batchBytes: Bytes = 4 * 1024 * 1024
const maxKnownStreams: Count = 20_000

/**
 * Publishes what notes say, in the order in which they were handed in: of each stream in the order of its numbers, many
 * streams together, one batch at a time. What the log does not take now is tried again until it does.
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #waiting: Waiting[] = []
  readonly #progress = new Map<string, Progress>()
  readonly #stop = new AbortController()
  readonly #waitingGauge: Gauge
  readonly #refusedCount: Counter
  #waitingBytes: Bytes = 0
  #running: Promise<void> | undefined
  #isFailing = false
  #isClosing = false

  constructor(options: PublisherOptions) {
    this.#options = options
    const { metrics } = options
    this.#waitingGauge = metrics.gauge('parlance_stream_unannounced', 'Batches stored and not yet announced')
    this.#refusedCount = metrics.counter(
      'parlance_stream_announcements_refused_total',
      'Announcements given up because the log refuses them for good',
    )
  }

  /** True when no more should be stored that will have to be announced. */
  get isFull(): boolean {
    return this.#waiting.length >= this.#options.maxWaiting || this.#waitingBytes >= this.#options.maxWaitingBytes
  }

  /** Hands in notes of a stream, ascending; those handed in before are left out. */
  add(stream: string, notes: readonly { readonly seq: number; readonly note: Uint8Array }[]): void {
    const progress = this.#progressOf(stream)
    // Somebody still sees what was published already: say so again.
    if (notes.some(({ seq }) => seq <= progress.published)) this.#options.onPublished(stream, progress.published)
    for (const { seq, note } of notes) {
      if (seq <= progress.queued) continue
      progress.queued = seq
      this.#waiting.push({ stream, seq, announced: decodeNote(note), bytes: note.byteLength })
      this.#waitingBytes += note.byteLength
    }
    this.#waitingGauge.set(this.#waiting.length)
    if (this.#waiting.length > 0) this.#running ??= this.#run()
  }

  /** Resolves when nothing waits; at once when the log does not take anything now. What is left is found by others. */
  async close(): Promise<void> {
    this.#isClosing = true
    if (this.#isFailing) this.#stop.abort()
    await this.#running
  }

  #progressOf(stream: string): Progress {
    const known = this.#progress.get(stream)
    const progress = known ?? { queued: 0, published: 0 }
    this.#progress.delete(stream)
    this.#progress.set(stream, progress)
    if (known === undefined && this.#progress.size > maxKnownStreams)
      for (const [oldest, { queued, published }] of this.#progress) {
        if (queued === published && oldest !== stream) this.#progress.delete(oldest)
        break
      }
    return progress
  }

  async #run(): Promise<void> {
    // What was stored together is announced together.
    await Promise.resolve()
    for (let failures = 0; this.#waiting.length > 0 && !this.#stop.signal.aborted;) {
      const batch = this.#batch()
      try {
        await this.#publish(batch)
        failures = 0
        this.#isFailing = false
        this.#settle(batch)
      } catch (error) {
        failures++
        this.#isFailing = true
        if (this.#isClosing) this.#stop.abort()
        if (failures === 1)
          this.#options.logger.warn('announcements wait: the log does not take them', { error: String(error) })
        const delayMs = backoffMs(failures, { firstMs: 50, maxMs: 5_000, random: this.#options.random })
        await pause(this.#options.clock, delayMs, this.#stop.signal)
      }
    }
    this.#running = undefined
  }

  #batch(): Waiting[] {
    let bytes: Bytes = 0
    const end = this.#waiting.findIndex((one, index) => (bytes += one.bytes) > batchBytes && index > 0)
    return this.#waiting.slice(0, Math.min(batchNotes, end < 0 ? batchNotes : end))
  }

  async #publish(batch: readonly Waiting[]): Promise<void> {
    const byTopic = new Map<string, LogRecord[]>()
    for (const { announced } of batch)
      for (const { topic, records } of announced) {
        const known = byTopic.get(topic)
        if (known === undefined) byTopic.set(topic, [...records])
        else known.push(...records)
      }
    try {
      await Promise.all([...byTopic].map(([topic, records]) => this.#options.log.publish(topic, records)))
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error
      if (batch.length > 1) {
        // One of them is refused for good, and is not to stop the others.
        for (const one of batch) await this.#publish([one])
        return
      }
      const { stream, seq } = batch[0]!
      this.#refusedCount.add()
      this.#options.logger.error('an announcement is given up: the log refuses it', {
        stream,
        seq,
        error: error.message,
      })
    }
  }

  #settle(batch: readonly Waiting[]): void {
    this.#waiting.splice(0, batch.length)
    const through = new Map<string, number>()
    for (const { stream, seq, bytes } of batch) {
      this.#waitingBytes -= bytes
      through.set(stream, seq)
    }
    this.#waitingGauge.set(this.#waiting.length)
    for (const [stream, seq] of through) {
      const progress = this.#progress.get(stream)
      if (progress !== undefined) progress.published = Math.max(progress.published, seq)
      this.#options.onPublished(stream, seq)
    }
  }
}
