import {
  type BackoffOptions,
  type Bytes,
  type Clock,
  ClosedError,
  type Count,
  InvalidArgumentError,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
} from '@parlance/core'
import type { Kafka, KafkaHealth } from '@parlance/engines/kafka'
import type { EventLog, LogHandler, LogRecord, LogSubscription, SubscribeOptions } from '../event-log.ts'
import { assertRecords, assertSubscription, assertTopicName } from '../names.ts'
import { Publisher } from './publisher.ts'
import { Subscription } from './subscription.ts'
import { type KnownTopic, TopicRegistry } from './topic-registry.ts'

/** An event log in a Kafka cluster. */
export interface KafkaEventLog extends EventLog {
  /**
   * Makes the topics that are missing, so that nothing is made on first use. Round trips: one per topic that exists, three
   * or more per one that is made; together for all.
   */
  ensureTopics(topics: readonly string[]): Promise<void>
  /** Records of a topic that a group has not handled yet, whoever its members are. 3 round trips. */
  lagOf(topic: string, group: string): Promise<Count>
  /** Says what is wrong with the cluster, a topic used so far, or a consumer. Never throws. One round trip per topic. */
  health(): Promise<KafkaHealth>
  /** Sends what waits, closes every subscription; the connection stays open. Idempotent. */
  close(): Promise<void>
}

/** What an event log in Kafka needs. */
export interface KafkaEventLogOptions {
  readonly kafka: Kafka
  /** Comes before the names of topics and groups in Kafka: for clusters that are shared. @defaultValue none */
  readonly prefix?: string
  /** Partitions of a topic that is made here; one that exists keeps its own. @defaultValue 8 */
  readonly partitions?: Count
  /** Brokers that keep each record. @defaultValue 1 */
  readonly replication?: Count
  /** Brokers that must have stored a record before its publish resolves. @defaultValue the larger half of `replication` */
  readonly minInSyncReplicas?: Count
  /** Further settings of topics made here, for example `{ 'retention.ms': '604800000' }`. */
  readonly topicConfig?: Readonly<Record<string, string>>
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
  /** How long a publish is tried before it rejects. @defaultValue 30 000 */
  readonly deliveryMs?: Milliseconds
  /** Records that may wait to be published; more are refused with `CORE_OVERLOADED`. @defaultValue 100 000 */
  readonly maxQueuedRecords?: Count
  /** @defaultValue 64 MiB */
  readonly maxQueuedBytes?: Bytes
  /** How soon a member that died is missed. @defaultValue 10 000 */
  readonly sessionMs?: Milliseconds
  /** Offsets are stored at most so often; kill -9 repeats what was handled since. @defaultValue 50 */
  readonly offsetDelayMs?: Milliseconds
  /** Waits between two tries of a batch. @defaultValue up to 100 ms, doubling to 10 s */
  readonly backoff?: BackoffOptions
  /** A batch is cut when its payloads exceed this. @defaultValue 4 MiB */
  readonly maxBatchBytes?: Bytes
}

/** Opens an event log on a connection to Kafka. No round trip. */
export function createKafkaEventLog(options: KafkaEventLogOptions): KafkaEventLog {
  return new ClusterEventLog(options)
}

const maxRecordBytes: Bytes = 1024 * 1024
/** A record of the largest size, with what Kafka puts around it. */
const maxMessageBytes: Bytes = maxRecordBytes + 4096
const maxPrefixLength = 100
const lookMs: Milliseconds = 5000

class ClusterEventLog implements KafkaEventLog {
  readonly #options: KafkaEventLogOptions
  readonly #kafka: Kafka
  readonly #prefix: string
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #backoff: BackoffOptions
  readonly #minInSyncReplicas: Count
  readonly #topics: TopicRegistry
  readonly #publisher: Publisher
  readonly #subscriptions = new Map<string, Subscription | undefined>()
  #closing: Promise<void> | undefined

  constructor(options: KafkaEventLogOptions) {
    const { kafka, prefix = '', partitions = 8, replication = 1, topicConfig = {} } = options
    const { clock = systemClock, logger = silentLogger, metrics = noMetrics } = options
    if (!/^[a-zA-Z0-9._-]*$/.test(prefix) || prefix.length > maxPrefixLength)
      throw new InvalidArgumentError(
        `prefix must be at most ${maxPrefixLength} letters, digits, dots, dashes and underscores`,
      )
    const minInSyncReplicas = options.minInSyncReplicas ?? Math.floor(replication / 2) + 1
    assertCount('partitions', partitions, 10_000)
    assertCount('replication', replication, 100)
    assertCount('minInSyncReplicas', minInSyncReplicas, replication)
    this.#options = options
    this.#kafka = kafka
    this.#prefix = prefix
    this.#clock = clock
    this.#logger = logger
    this.#metrics = metrics
    this.#backoff = options.backoff ?? { firstMs: 100, maxMs: 10_000 }
    this.#minInSyncReplicas = minInSyncReplicas
    this.#topics = new TopicRegistry({
      kafka,
      prefix,
      partitions,
      replication,
      minInSyncReplicas,
      maxMessageBytes,
      config: topicConfig,
      logger,
    })
    this.#publisher = new Publisher({
      kafka,
      topics: this.#topics,
      clock,
      logger,
      metrics,
      backoff: { firstMs: 100, maxMs: 1000 },
      deliveryMs: options.deliveryMs ?? 30_000,
      maxQueuedBytes: options.maxQueuedBytes ?? 64 * 1024 * 1024,
      maxQueuedRecords: options.maxQueuedRecords ?? 100_000,
      maxBatchBytes: maxRecordBytes,
    })
  }

  publish(topic: string, records: readonly LogRecord[]): Promise<void> {
    try {
      this.#assertOpen()
      assertTopicName('topic', topic)
      assertRecords(records)
      assertSizes(records)
    } catch (error) {
      return Promise.reject(error as Error)
    }
    if (records.length === 0) return Promise.resolve()
    const known = this.#topics.known(topic)
    if (known !== undefined) return this.#publisher.publish(known, records)
    return this.#topics.open(topic).then((opened) => this.#publisher.publish(opened, records))
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
    this.#subscriptions.set(key, undefined)
    let subscription: Subscription | undefined
    const close = async (): Promise<void> => {
      signal?.removeEventListener('abort', onAbort)
      await subscription?.close()
      if (this.#subscriptions.get(key) === subscription) this.#subscriptions.delete(key)
    }
    const onAbort = (): void => void close()
    try {
      const known = await this.#topics.open(topic)
      const targets = await this.#endsOf(known)
      this.#assertOpen()
      if (signal?.aborted) throw new ClosedError(`consuming ${topic} was stopped before it began`)
      subscription = new Subscription(this.#subscriptionOptions(topic, group, known, handler, maxBatch), targets)
      this.#subscriptions.set(key, subscription)
      signal?.addEventListener('abort', onAbort, { once: true })
      await subscription.start()
    } catch (error) {
      await close()
      throw error
    }
    return { close }
  }

  async ensureTopics(topics: readonly string[]): Promise<void> {
    this.#assertOpen()
    for (const topic of topics) assertTopicName('topic', topic)
    await this.#topics.openAll(topics)
  }

  async lagOf(topic: string, group: string): Promise<Count> {
    this.#assertOpen()
    assertTopicName('topic', topic)
    assertTopicName('group', group)
    const name = this.#topics.nameOf(topic)
    const consumerGroup = this.#groupName(topic, group)
    return this.#kafka.administer(async (admin) => {
      const [edges, [stored]] = await Promise.all([
        admin.fetchTopicOffsets(name),
        admin.fetchOffsets({ groupId: consumerGroup, topics: [name] }),
      ])
      const committed = new Map(stored?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
      return edges.reduce((sum, { partition, high, low }) => {
        const position = Math.max(Number(low), committed.get(partition) ?? 0)
        return sum + Math.max(0, Number(high) - position)
      }, 0)
    })
  }

  async health(): Promise<KafkaHealth> {
    const needs = this.#topics.names.map((name) => ({ name, minInSyncReplicas: this.#minInSyncReplicas }))
    const health = await this.#kafka.health(needs)
    if (!health.healthy) return health
    for (const [key, subscription] of this.#subscriptions)
      if (subscription?.problem !== undefined)
        return { healthy: false, words: `the consumer of ${key} joins again: ${subscription.problem.message}` }
    return health
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions.values()].map(async (subscription) => subscription?.close()))
    this.#subscriptions.clear()
    await this.#publisher.close(5000)
  }

  #subscriptionOptions(topic: string, group: string, known: KnownTopic, handler: LogHandler, maxBatch: Count) {
    const { sessionMs = 10_000, offsetDelayMs = 50, maxBatchBytes = 4 * 1024 * 1024 } = this.#options
    const labels = { topic, group }
    return {
      kafka: this.#kafka,
      topic: known.name,
      consumerGroup: this.#groupName(topic, group),
      handler,
      maxBatch,
      maxBatchBytes,
      backoff: this.#backoff,
      clock: this.#clock,
      logger: this.#logger,
      sessionMs,
      offsetDelayMs,
      lookMs,
      lag: this.#metrics.gauge('parlance_log_lag_records', 'Records that a group has not handled yet', labels),
      failures: this.#metrics.counter('parlance_log_failures_total', 'Batches whose consumer failed', labels),
      restarts: this.#metrics.counter('parlance_log_restarts_total', 'Times a consumer had to join anew', labels),
    }
  }

  async #endsOf({ name }: KnownTopic): Promise<Map<number, number>> {
    const ends = await this.#kafka.administer((admin) => admin.fetchTopicOffsets(name))
    return new Map(ends.map(({ partition, high }) => [partition, Number(high)]))
  }

  #groupName(topic: string, group: string): string {
    return `${this.#prefix}${group}:${topic}`
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError('the event log is closed')
  }
}

function assertCount(what: string, value: Count, max: Count): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > max)
    throw new InvalidArgumentError(`${what} must be a whole number from 1 to ${max}, not ${value}`)
}

function assertSizes(records: readonly LogRecord[]): void {
  for (const { key, payload } of records) {
    const bytes = Buffer.byteLength(key) + payload.byteLength
    if (bytes > maxRecordBytes)
      throw new InvalidArgumentError(`a record has ${bytes} bytes with its key, a log takes at most ${maxRecordBytes}`)
  }
}
