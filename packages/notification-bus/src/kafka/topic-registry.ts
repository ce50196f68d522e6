import type { Bytes, Count, Logger } from '@parlance/core'
import type { Kafka, KafkaTopicLayout, KafkaTopicSpec } from '@parlance/engines/kafka'

/** How the topics of a log are made and named. */
export interface TopicRegistryOptions {
  readonly kafka: Kafka
  readonly prefix: string
  readonly partitions: Count
  readonly replication: Count
  readonly minInSyncReplicas: Count
  readonly maxMessageBytes: Bytes
  readonly config: Readonly<Record<string, string>>
  readonly logger: Logger
}

/** A topic as this process uses it; how many partitions it has stays for the life of the process. */
export interface KnownTopic {
  readonly name: string
  /** The leader of each partition as last heard. */
  leaders: readonly number[]
}

/** Makes topics on first use and remembers where their partitions are. */
export class TopicRegistry {
  readonly #options: TopicRegistryOptions
  readonly #known = new Map<string, KnownTopic>()
  readonly #opening = new Map<string, Promise<KnownTopic>>()
  readonly #refreshing = new Set<string>()

  constructor(options: TopicRegistryOptions) {
    this.#options = options
  }

  /** Kafka's name of one of our topics. */
  nameOf(topic: string): string {
    return this.#options.prefix + topic
  }

  /** The names, in Kafka, of the topics used so far. */
  get names(): string[] {
    return [...this.#known.values()].map(({ name }) => name)
  }

  /** The topic when it was opened before. No round trip. */
  known(topic: string): KnownTopic | undefined {
    return this.#known.get(topic)
  }

  /** Opens a topic, made if it is missing; see {@link Kafka.ensureTopics} for the round trips. */
  open(topic: string): Promise<KnownTopic> {
    let opening = this.#opening.get(topic)
    if (opening === undefined) {
      opening = this.#open(topic)
      this.#opening.set(topic, opening)
      opening.then(
        // Later, so that whoever waits for the opening comes before whoever finds the topic known: order per key.
        (known) => void setImmediate(() => this.#known.set(topic, known)),
        () => this.#opening.delete(topic),
      )
    }
    return opening
  }

  /** Opens many topics in one go. */
  async openAll(topics: readonly string[]): Promise<void> {
    await Promise.all(topics.map((topic) => this.open(topic)))
  }

  /** Asks again who leads the partitions of a topic, or makes it again when it was deleted; never throws. */
  refresh(name: string): void {
    const topic = name.slice(this.#options.prefix.length)
    if (this.#refreshing.has(topic)) return
    this.#refreshing.add(topic)
    void this.#layout(topic)
      .then(({ leaders }) => {
        const known = this.#known.get(topic)
        if (known?.leaders.length === leaders.length) known.leaders = leaders
      })
      .catch((error: unknown) => this.#options.logger.debug('cannot ask for the leaders of a topic', { topic, error }))
      .finally(() => this.#refreshing.delete(topic))
  }

  async #open(topic: string): Promise<KnownTopic> {
    const { name, leaders, inSync } = await this.#layout(topic)
    const { partitions, minInSyncReplicas, logger } = this.#options
    if (leaders.length !== partitions)
      logger.info('a topic keeps the number of partitions it has', { topic: name, has: leaders.length, partitions })
    if (inSync.some((replicas) => replicas < minInSyncReplicas))
      logger.warn('a topic has fewer in-sync replicas than asked for', { topic: name, minInSyncReplicas })
    return { name, leaders }
  }

  async #layout(topic: string): Promise<KafkaTopicLayout> {
    const { kafka, partitions, replication, minInSyncReplicas, maxMessageBytes, config } = this.#options
    const name = this.nameOf(topic)
    const spec: KafkaTopicSpec = { name, partitions, replication, minInSyncReplicas, maxMessageBytes, config }
    const [layout] = await kafka.ensureTopics([spec])
    return layout!
  }
}
