import { type Clock, type Count, type Counter, InvalidArgumentError, type Logger, ParlanceError } from '@parlance/core'
import { deadLettersOf, letterRecord, reasonOf } from './dead-letter.ts'
import type { EventLog, ReadRecord } from './event-log.ts'
import type { Topic } from './topic.ts'

/** A message with its place. */
export interface Received<T> {
  readonly message: T
  readonly key: string
  /** Ascending within the partition; the same on every delivery. */
  readonly offset: number
}

/** Messages of one partition, in order. */
export interface Batch<T> {
  readonly topic: string
  readonly partition: number
  readonly messages: readonly T[]
  /** The same messages with their keys and places. */
  readonly received: readonly Received<T>[]
}

/** How a group consumes a topic. */
export interface ConsumeOptions<T> {
  /** Each group gets every message; within a group each partition has one consumer. */
  readonly group: string
  /** Most messages in one batch. @defaultValue 100 */
  readonly batch?: Count
  /** Failures of a batch before its messages are tried one by one, and those that fail again are buried. @defaultValue 8 */
  readonly attempts?: Count
  /** Handles a batch; the group's offset moves on only when this resolves. Must bear getting a message twice. */
  handler(batch: Batch<T>): Promise<void>
}

/** What one consumption works with. */
export interface ConsumptionContext {
  readonly log: EventLog
  readonly clock: Clock
  readonly logger: Logger
  readonly handledCount: Counter
  readonly deadCount: Counter
}

/** What is remembered of a batch that failed, until its partition moves on. */
interface FailedBatch {
  readonly offset: number
  readonly buried: Set<number>
  failures: Count
}

type Decoded<T> = { readonly record: ReadRecord; readonly received: Received<T> }

/** Turns a log's batches into typed ones, and buries what cannot be handled. */
export class Consumption<T> {
  readonly #topic: Topic<T>
  readonly #options: ConsumeOptions<T>
  readonly #context: ConsumptionContext
  readonly #attempts: Count
  readonly #failed = new Map<number, FailedBatch>()

  constructor(topic: Topic<T>, options: ConsumeOptions<T>, context: ConsumptionContext) {
    this.#topic = topic
    this.#options = options
    this.#context = context
    this.#attempts = options.attempts ?? 8
  }

  /** Handles one batch; rejects when it is to be delivered again. */
  async handle(records: readonly ReadRecord[]): Promise<void> {
    const [first] = records
    if (first === undefined) return
    const failed = this.#failedBatch(first)
    const decoded = await this.#decode(records, failed)
    if (decoded.length > 0) await this.#deliver(decoded, failed)
    this.#failed.delete(first.partition)
    this.#context.handledCount.add(records.length)
  }

  #failedBatch({ partition, offset }: ReadRecord): FailedBatch {
    const known = this.#failed.get(partition)
    if (known?.offset === offset) return known
    const fresh = { offset, buried: new Set<number>(), failures: 0 }
    this.#failed.set(partition, fresh)
    return fresh
  }

  async #decode(records: readonly ReadRecord[], failed: FailedBatch): Promise<Decoded<T>[]> {
    const decoded: Decoded<T>[] = []
    for (const record of records) {
      if (failed.buried.has(record.offset)) continue
      const { key, offset, payload } = record
      try {
        decoded.push({ record, received: { message: this.#topic.schema.decode(payload), key, offset } })
      } catch (error) {
        await this.#bury(record, error, failed)
      }
    }
    return decoded
  }

  async #deliver(decoded: readonly Decoded<T>[], failed: FailedBatch): Promise<void> {
    try {
      await this.#call(decoded)
    } catch (error) {
      if (isTransient(error) || ++failed.failures < this.#attempts) throw error
      if (decoded.length === 1) await this.#bury(decoded[0]!.record, error, failed)
      else await this.#deliverOneByOne(decoded, failed)
    }
  }

  async #deliverOneByOne(decoded: readonly Decoded<T>[], failed: FailedBatch): Promise<void> {
    for (const one of decoded) {
      try {
        await this.#call([one])
      } catch (error) {
        if (isTransient(error)) throw error
        await this.#bury(one.record, error, failed)
      }
    }
  }

  async #call(decoded: readonly Decoded<T>[]): Promise<void> {
    await this.#options.handler({
      topic: this.#topic.name,
      partition: decoded[0]!.record.partition,
      messages: decoded.map(({ received }) => received.message),
      received: decoded.map(({ received }) => received),
    })
  }

  async #bury(record: ReadRecord, error: unknown, failed: FailedBatch): Promise<void> {
    const { log, clock, logger, deadCount } = this.#context
    const { partition, offset, key, payload } = record
    const place = { topic: this.#topic.name, group: this.#options.group, partition, offset }
    const letter = { ...place, key, reason: reasonOf(error), failedAt: clock.now(), payload }
    try {
      await log.publish(deadLettersOf(this.#topic.name).name, [letterRecord(letter)])
      logger.error('a message was given up; it is kept as a dead letter', { ...place, error })
    } catch (refusal) {
      if (!isRefused(refusal)) throw refusal
      logger.error('a message was given up, and the log refuses to keep it as a dead letter', {
        ...place,
        error,
        refusal,
      })
    }
    failed.buried.add(offset)
    deadCount.add()
  }
}

// Trying again is what the error itself asks for: burying would lose the order of everything behind a short outage.
const isTransient = (error: unknown): boolean => ParlanceError.is(error) && error.retryable

// Refused for what it is, a letter will be so at every try, and nothing behind it may wait for that. Any other failure
// is the log's own, of which it may recover: giving up then would lose every letter of an outage.
const isRefused = (error: unknown): boolean => ParlanceError.is(error) && error.code === InvalidArgumentError.code
