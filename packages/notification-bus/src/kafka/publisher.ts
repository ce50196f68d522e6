import {
  backoffMs,
  type BackoffOptions,
  type Bytes,
  type Clock,
  ClosedError,
  type Count,
  type Histogram,
  InvalidArgumentError,
  latencyBucketsMs,
  type Logger,
  type Metrics,
  type Milliseconds,
  OverloadedError,
  type ParlanceError,
  pause,
  wait,
} from '@parlance/core'
import {
  awake,
  convertKafkaError,
  type Kafka,
  KafkaProducerLostError,
  KafkaTooLargeError,
} from '@parlance/engines/kafka'
import type { TopicMessages } from 'kafkajs'
import type { LogRecord } from '../event-log.ts'
import { partitionOf } from './partition-of.ts'
import { type OutgoingBatch, PartitionQueue, type PendingRecord, type Publication } from './partition-queue.ts'
import { type NumberedProducer, ProducerLine } from './producer-line.ts'
import type { KnownTopic, TopicRegistry } from './topic-registry.ts'

interface Failure {
  readonly batch: OutgoingBatch
  readonly producer: NumberedProducer
  readonly error: ParlanceError
  /** Whether the request had other batches too, so that the error may be one of theirs. */
  readonly isShared: boolean
}

/** What a publisher works with. */
export interface PublisherOptions {
  readonly kafka: Kafka
  readonly topics: TopicRegistry
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly backoff: BackoffOptions
  /** How long a batch is tried. */
  readonly deliveryMs: Milliseconds
  readonly maxQueuedBytes: Bytes
  readonly maxQueuedRecords: Count
  /** Most bytes of one partition's batch. */
  readonly maxBatchBytes: Bytes
}

// The library copies a batch once per record of it, so a batch must stay short.
const maxBatchRecords: Count = 500
const maxRequestRecords: Count = 4000
const maxRequestBytes: Bytes = 4 * 1024 * 1024
/** What a record takes besides its key and payload, at most. */
const recordOverheadBytes: Bytes = 40

/**
 * Gathers what is published in one turn of the event loop, and while a request is under way, into one request per broker.
 *
 * One batch per partition is under way at a time, so that order survives every repetition.
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #producer: ProducerLine
  readonly #queues = new Map<KnownTopic, PartitionQueue[]>()
  readonly #ready = new Set<PartitionQueue>()
  readonly #busyLeaders = new Set<number>()
  readonly #closing = new AbortController()
  readonly #requestMs: Histogram
  readonly #requestRecords: Histogram
  #queuedBytes: Bytes = 0
  #queuedRecords: Count = 0
  #isScheduled = false
  #onIdle: (() => void) | undefined

  constructor(options: PublisherOptions) {
    const { kafka, logger, metrics } = options
    this.#options = options
    this.#producer = new ProducerLine(kafka, (error) => logger.warn('a producer is replaced', { error }))
    this.#requestMs = metrics.histogram('parlance_log_request_ms', 'Requests that publish to Kafka', latencyBucketsMs)
    this.#requestRecords = metrics.histogram(
      'parlance_log_request_records',
      'Records of a request that publishes to Kafka',
      [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500],
    )
  }

  /** Resolves once every record is stored by all in-sync replicas. One round trip, shared with whatever goes out along. */
  publish(topic: KnownTopic, records: readonly LogRecord[]): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.reject(new ClosedError('the event log is closed'))
    const { maxQueuedBytes, maxQueuedRecords } = this.#options
    if (this.#queuedRecords + records.length > maxQueuedRecords || this.#queuedBytes > maxQueuedBytes)
      return Promise.reject(
        new OverloadedError(`${this.#queuedRecords} records wait to be published; Kafka is slower than its publishers`),
      )
    return new Promise((resolve, reject) => {
      const publication: Publication = { remaining: records.length, resolve, reject }
      for (const record of records) this.#push(topic, record, publication)
      this.#schedule()
    })
  }

  /** Sends what waits, for as long as `limitMs`; what is left then is rejected. */
  async close(limitMs: Milliseconds): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      if (this.#queuedRecords === 0) resolve()
      else this.#onIdle = resolve
    })
    await Promise.race([idle, wait(this.#options.clock, limitMs)])
    const closed = new ClosedError('the event log was closed before Kafka acknowledged it')
    this.#closing.abort(closed)
    for (const queue of this.#ready) this.#settle(queue.takeAll(), closed)
    await Promise.race([this.#producer.close(), wait(this.#options.clock, limitMs)])
  }

  #push(topic: KnownTopic, { key, payload }: LogRecord, publication: Publication): void {
    const keyBytes = Buffer.from(key)
    const partition = partitionOf(keyBytes, topic.leaders.length)
    const queue = this.#queueOf(topic, partition)
    const value = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    const bytes = keyBytes.byteLength + value.byteLength + recordOverheadBytes
    queue.push({ message: { key: keyBytes, value, partition }, bytes, publication })
    this.#queuedBytes += bytes
    this.#queuedRecords++
    if (!queue.isBusy) this.#ready.add(queue)
  }

  #queueOf(topic: KnownTopic, partition: number): PartitionQueue {
    let queues = this.#queues.get(topic)
    if (queues === undefined) {
      queues = topic.leaders.map((_, index) => new PartitionQueue(topic, index))
      this.#queues.set(topic, queues)
    }
    return queues[partition]!
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#dispatch()
    })
  }

  #dispatch(): void {
    const requests = new Map<number, OutgoingBatch[]>()
    const sizes = new Map<number, { records: Count; bytes: Bytes }>()
    for (const queue of this.#ready) {
      const { leader } = queue
      if (this.#busyLeaders.has(leader)) continue
      const size = sizes.get(leader) ?? { records: 0, bytes: 0 }
      if (size.records >= maxRequestRecords || size.bytes >= maxRequestBytes) continue
      const batch = queue.take(maxBatchRecords, this.#options.maxBatchBytes)
      queue.isBusy = true
      this.#ready.delete(queue)
      size.records += batch.records.length
      size.bytes += batch.records.reduce((sum, { bytes }) => sum + bytes, 0)
      sizes.set(leader, size)
      const batches = requests.get(leader)
      if (batches === undefined) requests.set(leader, [batch])
      else batches.push(batch)
    }
    for (const [leader, batches] of requests) void this.#request(leader, batches)
  }

  async #request(leader: number, batches: readonly OutgoingBatch[]): Promise<void> {
    this.#busyLeaders.add(leader)
    const failed = await this.#attempt(batches)
    this.#busyLeaders.delete(leader)
    // What failed goes on by itself: one partition that is refused holds up no other.
    for (const failure of failed) void awake(this.#insist(failure)).then(() => this.#release(failure.batch.queue))
    this.#dispatch()
  }

  /** Sends batches once. What was not acknowledged comes back with the reason, and stays busy; the rest is released. */
  async #attempt(batches: readonly OutgoingBatch[]): Promise<Failure[]> {
    const { clock } = this.#options
    const startedAt = clock.elapsed()
    const failed = await this.#send(batches)
    this.#requestMs.observe(clock.elapsed() - startedAt)
    this.#requestRecords.observe(batches.reduce((sum, { records }) => sum + records.length, 0))
    const again = new Set(failed.map(({ batch }) => batch))
    for (const batch of batches) {
      if (again.has(batch)) continue
      this.#settle(batch.records)
      this.#release(batch.queue)
    }
    return failed
  }

  async #send(batches: readonly OutgoingBatch[]): Promise<Failure[]> {
    const producer = this.#producer.current
    const fail = (batch: OutgoingBatch, error: unknown): Failure => ({
      batch,
      producer,
      error: convertKafkaError(error, `publishing to ${batch.queue.place}`),
      isShared: batches.length > 1,
    })
    try {
      const ackLimitMs = Math.ceil(this.#options.kafka.requestTimeoutMs / 2)
      const acknowledged = await this.#producer.send(producer, messagesOf(batches), ackLimitMs)
      // A send that was repeated while leaders moved may leave a partition out without a word.
      const missing = batches.filter(({ queue }) => !acknowledged.has(queue.place))
      return missing.map((batch) => fail(batch, new Error('Kafka did not acknowledge it')))
    } catch (error) {
      return batches.map((batch) => fail(batch, error))
    }
  }

  /** Sends one batch until it is acknowledged, refused, or out of time. */
  async #insist(first: Failure): Promise<void> {
    const { clock, deliveryMs, backoff, topics, logger } = this.#options
    const { batch } = first
    const deadline = clock.elapsed() + deliveryMs
    let failure: Failure | undefined = first.isShared ? (await this.#send([batch]))[0] : first
    for (let attempt = 1; failure !== undefined; attempt++) {
      const { error, producer }: Failure = failure
      if (error instanceof KafkaTooLargeError) return this.#split(batch, error)
      const isOver = !error.retryable || clock.elapsed() >= deadline || this.#closing.signal.aborted
      if (isOver || error instanceof KafkaProducerLostError) this.#producer.replace(producer, error)
      if (isOver) return this.#settle(batch.records, error)
      logger.warn('publishing is tried again', { place: batch.queue.place, attempt, error })
      topics.refresh(batch.queue.topic.name)
      await this.#pause(backoffMs(attempt, backoff))
      failure = (await this.#send([batch]))[0]
    }
    this.#settle(batch.records)
  }

  /** Finds the record that is too large: only its publisher is refused. The broker stored nothing of the batch. */
  async #split({ queue, records }: OutgoingBatch, error: KafkaTooLargeError): Promise<void> {
    if (records.length === 1) return this.#settle(records, new InvalidArgumentError(error.message, { cause: error }))
    const middle = Math.ceil(records.length / 2)
    for (const half of [records.slice(0, middle), records.slice(middle)]) {
      const batch = { queue, records: half }
      const [failure] = await this.#send([batch])
      if (failure === undefined) this.#settle(half)
      else await this.#insist(failure)
    }
  }

  async #pause(forMs: Milliseconds): Promise<void> {
    await pause(this.#options.clock, forMs, this.#closing.signal)
  }

  #release(queue: PartitionQueue): void {
    queue.isBusy = false
    if (queue.isEmpty) return
    if (this.#closing.signal.aborted) return this.#settle(queue.takeAll(), this.#closing.signal.reason as ClosedError)
    this.#ready.add(queue)
    this.#schedule()
  }

  #settle(records: readonly PendingRecord[], error?: ParlanceError): void {
    for (const { bytes, publication } of records) {
      this.#queuedBytes -= bytes
      this.#queuedRecords--
      publication.remaining--
      if (error !== undefined) publication.reject(error)
      else if (publication.remaining === 0) publication.resolve()
    }
    if (this.#queuedRecords === 0) this.#onIdle?.()
  }
}

function messagesOf(batches: readonly OutgoingBatch[]): TopicMessages[] {
  const byTopic = new Map<string, TopicMessages>()
  for (const { queue, records } of batches) {
    const { name } = queue.topic
    const messages = records.map(({ message }) => message)
    const known = byTopic.get(name)
    if (known === undefined) byTopic.set(name, { topic: name, messages })
    else known.messages.push(...messages)
  }
  return [...byTopic.values()]
}
