import { backoffMs, type BackoffOptions, type Bytes, type Clock, ClosedError, type Count, wait } from '@parlance/core'
import type { Journal } from '@parlance/seq-allocator'
import type { LogHandler, ReadRecord } from '../event-log.ts'
import { decodeRecord } from './record-codec.ts'

/** What one reader of one partition works with. */
export interface PartitionReaderOptions {
  readonly journal: Journal
  readonly stream: string
  readonly partition: number
  readonly handler: LogHandler
  readonly maxBatch: Count
  readonly maxBatchBytes: Bytes
  readonly backoff: BackoffOptions
  readonly clock: Clock
  /** Records up to here were handled before. */
  readonly position: number
  /** Called after each batch that was handled. */
  onMoved(partition: number, position: number): void
  /** Called for each failure, before the wait for the next try. */
  onFailed(partition: number, error: unknown, attempt: number): void
}

interface Waiter {
  readonly target: number
  resolve(): void
  reject(error: unknown): void
}

/**
 * Hands one partition to one handler: in order, one batch at a time, each batch until it succeeds.
 *
 * Every batch starts in a turn of the event loop of its own, so that reading a long backlog holds up nobody.
 */
export class PartitionReader {
  readonly #options: PartitionReaderOptions
  readonly #closing = new AbortController()
  readonly #waiters: Waiter[] = []
  #position: number
  #head: number
  #running: Promise<void> | undefined

  constructor(options: PartitionReaderOptions) {
    this.#options = options
    this.#position = options.position
    this.#head = options.position
  }

  /** How many records the handler has not handled yet. */
  get lag(): Count {
    return this.#head - this.#position
  }

  /** Says that the partition now ends at `head`. */
  wake(head: number): void {
    this.#head = Math.max(this.#head, head)
    if (this.#running !== undefined || this.#closing.signal.aborted || this.lag <= 0) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      this.wake(this.#head)
    })
  }

  /** Resolves once everything up to `target` was handled; rejects when the reader is closed before. */
  reached(target: number): Promise<void> {
    if (this.#position >= target) return Promise.resolve()
    if (this.#closing.signal.aborted) return Promise.reject(this.#closing.signal.reason as Error)
    return new Promise((resolve, reject) => void this.#waiters.push({ target, resolve, reject }))
  }

  /** Waits for the batch being handled, then stops. */
  async close(): Promise<void> {
    if (!this.#closing.signal.aborted)
      this.#closing.abort(new ClosedError(`reading ${this.#options.stream} was stopped`))
    await this.#running
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#closing.signal.reason)
  }

  async #run(): Promise<void> {
    let batch: ReadRecord[] = []
    let attempt = 0
    while (this.lag > 0) {
      await nextTurn()
      if (this.#closing.signal.aborted) return
      try {
        if (batch.length === 0) batch = await this.#read()
        if (batch.length > 0) await this.#options.handler(batch)
      } catch (error) {
        attempt++
        this.#options.onFailed(this.#options.partition, error, attempt)
        if (!(await this.#pause(attempt))) return
        continue
      }
      attempt = 0
      this.#moveTo(batch.at(-1)?.offset ?? this.#position)
      batch = []
    }
  }

  async #read(): Promise<ReadRecord[]> {
    const { journal, stream, partition, maxBatch, maxBatchBytes } = this.#options
    const first = this.#position + 1
    const entries = await journal.read(stream, first, this.#position + maxBatch, maxBatch, maxBatchBytes)
    if (entries.length === 0) await this.#skipTrimmed()
    return entries.map(({ seq, payload }) => ({ ...decodeRecord(payload), partition, offset: seq }))
  }

  async #skipTrimmed(): Promise<void> {
    const [{ head, floor } = { head: 0, floor: 0 }] = await this.#options.journal.heads([this.#options.stream])
    if (floor <= this.#position && head > this.#position)
      throw new Error(`${this.#options.stream} has no record after ${this.#position} though it ends at ${head}`)
    this.#moveTo(Math.max(this.#position, Math.min(floor, head)))
    this.#head = head
  }

  #moveTo(position: number): void {
    if (position === this.#position) return
    this.#position = position
    this.#options.onMoved(this.#options.partition, position)
    for (const waiter of this.#waiters.filter(({ target }) => target <= position)) {
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
      waiter.resolve()
    }
  }

  async #pause(attempt: number): Promise<boolean> {
    const { clock, backoff } = this.#options
    try {
      await wait(clock, backoffMs(attempt, backoff), this.#closing.signal)
      return true
    } catch (error) {
      if (error === this.#closing.signal.reason) return false
      throw error
    }
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
