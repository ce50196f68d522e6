import {
  type BackoffOptions,
  type Bytes,
  type Clock,
  ClosedError,
  type Count,
  type Gauge,
  InvalidArgumentError,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
} from '@parlance/core'
import type { SqliteEngine } from '@parlance/engines/sqlite'
import type { EmbeddedJournal } from '@parlance/seq-allocator/embedded'
import type { EventLog, LogHandler, LogRecord, LogSubscription, SubscribeOptions } from '../event-log.ts'
import { assertRecords, assertSubscription, assertTopicName } from '../names.ts'
import { keepsDeadLetters } from '../topic.ts'
import { type Offset, OffsetStore } from './offset-store.ts'
import { PartitionReader } from './partition-reader.ts'
import { encodeRecord, partitionOf } from './record-codec.ts'
import { Retention } from './retention.ts'
import { eventLogSchema } from './schema.ts'
import { streamOf, TopicTable } from './topic-table.ts'

/** An event log in the process's SQLite file. */
export interface EmbeddedEventLog extends EventLog {
  /**
   * Publishes inside `engine.write`, in the transaction of whatever else is written there.
   *
   * Subscribers get the records right after that commit, in a later turn of the event loop.
   */
  publishIn(topic: string, records: readonly LogRecord[]): void
  /** Forgets a group that will not come back, so that records are no longer kept for it. */
  forgetGroup(topic: string, group: string): Promise<void>
  /** Closes every subscription and stores their offsets. The log takes no more subscriptions. */
  close(): Promise<void>
}

/** What an embedded event log needs. */
export interface EmbeddedEventLogOptions {
  readonly engine: SqliteEngine
  /** Where the records are kept: stream `topic/<name>/<partition>`. */
  readonly journal: EmbeddedJournal
  /** Partitions of a topic first used from now on; a topic keeps the number it began with. @defaultValue 4 */
  readonly partitions?: Count
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
  /** Records per partition kept although every group has handled them. @defaultValue 1000 */
  readonly retainedRecords?: Count
  /**
   * Records per partition kept of a topic without a known group, and of dead letters, whoever consumes them: older
   * ones are given up unseen.
   *
   * @defaultValue 100 000
   */
  readonly maxUnconsumedRecords?: Count
  /** Offsets are stored at most so often. @defaultValue 50 */
  readonly offsetDelayMs?: Milliseconds
  /** Waits between two tries of a batch. @defaultValue up to 100 ms, doubling to 10 s */
  readonly backoff?: BackoffOptions
  /** A batch is cut when its payloads exceed this. @defaultValue 4 MiB */
  readonly maxBatchBytes?: Bytes
}

/** Opens the event log of an engine; one per engine. */
export function createEmbeddedEventLog(options: EmbeddedEventLogOptions): EmbeddedEventLog {
  options.engine.claim('the event log')
  options.engine.migrate('notification-bus/event-log', eventLogSchema)
  return new SqliteEventLog(options)
}

interface Subscription {
  readonly topic: string
  readonly group: string
  readonly lag: Gauge
  readers: readonly PartitionReader[]
}

const maxPartitions = 256

class SqliteEventLog implements EmbeddedEventLog {
  readonly #engine: SqliteEngine
  readonly #journal: EmbeddedJournal
  readonly #topics: TopicTable
  readonly #offsets: OffsetStore
  readonly #retention: Retention
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #backoff: BackoffOptions
  readonly #maxBatchBytes: Bytes
  readonly #subscriptions = new Map<string, Subscription>()
  #closed = false

  constructor(options: EmbeddedEventLogOptions) {
    const { engine, journal, partitions = 4, clock = systemClock, logger = silentLogger, metrics = noMetrics } = options
    if (!Number.isSafeInteger(partitions) || partitions < 1 || partitions > maxPartitions)
      throw new InvalidArgumentError(`partitions must be a whole number from 1 to ${maxPartitions}, not ${partitions}`)
    this.#engine = engine
    this.#journal = journal
    this.#clock = clock
    this.#logger = logger
    this.#metrics = metrics
    this.#backoff = options.backoff ?? { firstMs: 100, maxMs: 10_000 }
    this.#maxBatchBytes = options.maxBatchBytes ?? 4 * 1024 * 1024
    this.#topics = new TopicTable(engine, partitions)
    this.#retention = new Retention({
      journal,
      logger,
      retainedRecords: options.retainedRecords ?? 1000,
      maxUnconsumedRecords: options.maxUnconsumedRecords ?? 100_000,
    })
    this.#offsets = new OffsetStore({
      engine,
      clock,
      logger,
      delayMs: options.offsetDelayMs ?? 50,
      onStored: (offsets) => this.#trim(offsets),
    })
  }

  async publish(topic: string, records: readonly LogRecord[]): Promise<void> {
    this.#assertOpen()
    assertTopicName('topic', topic)
    assertRecords(records)
    if (records.length > 0) await this.#engine.write(() => this.#publish(topic, records))
  }

  publishIn(topic: string, records: readonly LogRecord[]): void {
    this.#engine.assertInWrite()
    assertTopicName('topic', topic)
    assertRecords(records)
    if (records.length > 0) this.#publish(topic, records)
  }

  async subscribe(
    topic: string,
    group: string,
    handler: LogHandler,
    { maxBatch, signal }: SubscribeOptions,
  ): Promise<LogSubscription> {
    this.#assertOpen()
    assertSubscription(topic, group, maxBatch)
    const key = `${topic}/${group}`
    if (this.#subscriptions.has(key))
      throw new InvalidArgumentError(`group ${group} consumes ${topic} already: close that subscription first`)
    const lag = this.#metrics.gauge('parlance_log_lag_records', 'Records that a group has not handled yet', {
      topic,
      group,
    })
    const subscription: Subscription = { topic, group, lag, readers: [] }
    this.#subscriptions.set(key, subscription)
    const onAbort = (): void => void this.#stop(subscription)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await this.#start(subscription, handler, maxBatch, signal)
    } catch (error) {
      signal?.removeEventListener('abort', onAbort)
      await this.#stop(subscription)
      throw error
    }
    return {
      close: () => {
        signal?.removeEventListener('abort', onAbort)
        return this.#stop(subscription)
      },
    }
  }

  async forgetGroup(topic: string, group: string): Promise<void> {
    if (this.#subscriptions.has(`${topic}/${group}`))
      throw new InvalidArgumentError(`group ${group} is consuming ${topic}: close its subscription first`)
    await this.#engine.write(() => this.#offsets.removeIn(topic, group))
    this.#trim(this.#offsets.read(topic))
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#subscriptions.values()].map((subscription) => this.#stop(subscription)))
    await this.#retention.close()
  }

  #publish(topic: string, records: readonly LogRecord[]): void {
    const partitions = this.#topics.requireIn(topic)
    const byPartition = new Map<number, { payload: Uint8Array }[]>()
    for (const record of records) {
      const partition = partitionOf(record.key, partitions)
      const entries = byPartition.get(partition)
      if (entries === undefined) byPartition.set(partition, [{ payload: encodeRecord(record) }])
      else entries.push({ payload: encodeRecord(record) })
    }
    const touched = [...byPartition.keys()]
    const appended = this.#journal.appendIn(
      touched.map((partition) => ({ stream: streamOf(topic, partition), entries: byPartition.get(partition)! })),
    )
    this.#engine.afterCommit(() => {
      for (const subscription of this.#subscriptions.values()) {
        if (subscription.topic !== topic) continue
        touched.forEach((partition, index) => subscription.readers[partition]?.wake(appended[index]!.at(-1)!.seq))
        measure(subscription)
      }
      touched.forEach((partition, index) =>
        this.#retention.cap(streamOf(topic, partition), appended[index]!.at(-1)!.seq, () =>
          this.#waitsForNobody(topic),
        ),
      )
    })
  }

  async #start(
    subscription: Subscription,
    handler: LogHandler,
    maxBatch: Count,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { topic, group } = subscription
    const partitions = await this.#engine.write(() => {
      const count = this.#topics.requireIn(topic)
      this.#offsets.addIn(topic, group, count)
      return count
    })
    this.#assertOpen()
    if (signal?.aborted) throw new ClosedError(`consuming ${topic} was stopped before it began`)
    const streams = Array.from({ length: partitions }, (_, partition) => streamOf(topic, partition))
    const stored = this.#offsets.read(topic).filter((offset) => offset.group === group)
    const labels = { topic, group }
    const failures = this.#metrics.counter('parlance_log_failures_total', 'Batches whose consumer failed', labels)
    subscription.readers = streams.map(
      (stream, partition) =>
        new PartitionReader({
          journal: this.#journal,
          stream,
          partition,
          handler,
          maxBatch,
          maxBatchBytes: this.#maxBatchBytes,
          backoff: this.#backoff,
          clock: this.#clock,
          position: stored.find((offset) => offset.partition === partition)?.offset ?? 0,
          onMoved: (_, offset) => {
            this.#offsets.move({ topic, group, partition, offset })
            measure(subscription)
          },
          onFailed: (_, error, attempt) => {
            failures.add()
            measure(subscription)
            this.#logger.warn('a consumer failed; its batch will be tried again', {
              topic,
              group,
              partition,
              attempt,
              error,
            })
          },
        }),
    )
    const heads = await this.#journal.heads(streams)
    const { readers } = subscription
    readers.forEach((reader, partition) => reader.wake(heads[partition]!.head))
    measure(subscription)
    await Promise.all(readers.map((reader, partition) => reader.reached(heads[partition]!.head)))
  }

  async #stop(subscription: Subscription): Promise<void> {
    await Promise.all(subscription.readers.map((reader) => reader.close()))
    await this.#offsets.flush()
    const key = `${subscription.topic}/${subscription.group}`
    if (this.#subscriptions.get(key) === subscription) this.#subscriptions.delete(key)
  }

  #waitsForNobody(topic: string): boolean {
    return keepsDeadLetters(topic) || this.#offsets.read(topic).length === 0
  }

  #trim(stored: readonly Offset[]): void {
    for (const topic of new Set(stored.map((offset) => offset.topic))) this.#retention.trim(this.#offsets.read(topic))
  }

  #assertOpen(): void {
    if (this.#closed) throw new ClosedError('the event log is closed')
  }
}

function measure({ readers, lag }: Subscription): void {
  lag.set(readers.reduce((sum, reader) => sum + reader.lag, 0))
}
