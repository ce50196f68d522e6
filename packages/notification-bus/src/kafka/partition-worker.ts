import { backoffMs, type BackoffOptions, type Bytes, type Clock, ClosedError, type Count, pause } from '@parlance/core'
import type { LogHandler, ReadRecord } from '../event-log.ts'

/** What the worker of one partition works with. Offsets are Kafka's, from 0. */
export interface PartitionWorkerOptions {
  readonly partition: number
  /** The first offset that nobody has handled. */
  readonly position: number
  readonly handler: LogHandler
  readonly maxBatch: Count
  readonly maxBatchBytes: Bytes
  readonly backoff: BackoffOptions
  readonly clock: Clock
  /** The end of whoever handled the partition before in this process: one batch at a time. */
  readonly after: Promise<void>
  /** Called after each batch that was handled, never once the worker was abandoned. */
  onMoved(worker: PartitionWorker): void
  onFailed(partition: number, error: unknown, attempt: Count): void
  /** Called when a worker that was full takes records again. */
  onRoom(partition: number): void
}

/** Hands one partition to one handler: in order, one batch at a time, each batch until it succeeds. */
export class PartitionWorker {
  readonly partition: number
  readonly #options: PartitionWorkerOptions
  readonly #halting = new AbortController()
  #queue: ReadRecord[] = []
  #queuedBytes: Bytes = 0
  #position: number
  #expected: number
  #highWatermark = 0
  #running: Promise<void> | undefined
  #isFull = false
  #isAbandoned = false

  constructor(options: PartitionWorkerOptions) {
    this.#options = options
    this.partition = options.partition
    this.#position = options.position
    this.#expected = options.position
  }

  /** Everything before it was handled. */
  get position(): number {
    return this.#position
  }

  /** The offset that must come next. */
  get expected(): number {
    return this.#expected
  }

  get isFull(): boolean {
    return this.#isFull
  }

  /** Records that were not handled yet, as far as is known. */
  get lag(): Count {
    return Math.max(0, this.#highWatermark - this.#position)
  }

  /** Says where the partition ends. */
  sees(highWatermark: number): void {
    this.#highWatermark = Math.max(this.#highWatermark, highWatermark)
  }

  /** Goes on at another offset, because those before it are gone or begin anew. Only while nothing is queued is it exact. */
  jump(offset: number): void {
    this.#expected = offset
    if (this.#queue.length === 0) this.#position = offset
  }

  /** Takes records that follow the last ones; `next` is the offset after them. */
  accept(records: readonly ReadRecord[], next: number): void {
    if (this.#halting.signal.aborted) return
    for (const record of records) {
      if (record.offset <= this.#expected) continue
      this.#queue.push(record)
      this.#queuedBytes += record.payload.byteLength
    }
    this.#expected = Math.max(this.#expected, next)
    const { maxBatch, maxBatchBytes } = this.#options
    this.#isFull = this.#queue.length >= 2 * maxBatch || this.#queuedBytes >= maxBatchBytes
    this.#running ??= this.#run()
  }

  /** Stops after the batch being handled; resolves then. */
  async halt(): Promise<void> {
    if (!this.#halting.signal.aborted)
      this.#halting.abort(new ClosedError(`partition ${this.partition} is not handled here any more`))
    await this.#running
  }

  /** Says nothing more about its progress: the partition is somebody else's now. */
  abandon(): void {
    this.#isAbandoned = true
    void this.halt()
  }

  async #run(): Promise<void> {
    await this.#options.after
    while (this.#queue.length > 0 && !this.#halting.signal.aborted) {
      const batch = this.#take()
      if (!(await this.#handle(batch))) break
      this.#drop(batch)
      this.#position = batch.at(-1)!.offset
      if (!this.#isAbandoned) this.#options.onMoved(this)
      if (this.#queue.length > 0) await nextTurn()
    }
    this.#running = undefined
  }

  /** Tries until the batch succeeds; false when the worker was told to stop before. */
  async #handle(batch: readonly ReadRecord[]): Promise<boolean> {
    const { handler, partition, clock, backoff } = this.#options
    const { signal } = this.#halting
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await handler(batch)
        return true
      } catch (error) {
        this.#options.onFailed(partition, error, attempt)
      }
      await pause(clock, backoffMs(attempt, backoff), signal)
    }
    return false
  }

  #take(): ReadRecord[] {
    const { maxBatch, maxBatchBytes } = this.#options
    let bytes = 0
    let end = 0
    while (end < maxBatch && end < this.#queue.length) {
      bytes += this.#queue[end]!.payload.byteLength
      if (end > 0 && bytes > maxBatchBytes) break
      end++
    }
    return this.#queue.slice(0, end)
  }

  #drop(batch: readonly ReadRecord[]): void {
    this.#queue = this.#queue.slice(batch.length)
    for (const { payload } of batch) this.#queuedBytes -= payload.byteLength
    const { maxBatch, maxBatchBytes } = this.#options
    if (!this.#isFull || this.#queue.length > maxBatch || this.#queuedBytes > maxBatchBytes / 2) return
    this.#isFull = false
    if (!this.#isAbandoned) this.#options.onRoom(this.partition)
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
