import type { Milliseconds } from '@parlance/core'
import type { Kafka } from '@parlance/engines/kafka'
import type { Producer, RecordMetadata, TopicMessages } from 'kafkajs'

/** What a partition acknowledged: topic and partition joined by a slash. */
export type Acknowledged = ReadonlySet<string>

/**
 * The idempotent producer in use, replaced when its numbering can no longer be trusted.
 *
 * The library numbers a batch again with the same numbers after a failure. That is safe as long as the next batch of
 * the partition is the same one; were it another, a broker that had stored the first would take it for a repetition and
 * drop it. So a batch whose fate is unknown is either sent again as it was, or given up together with the producer.
 */
export class ProducerLine {
  readonly #kafka: Kafka
  readonly #onReplaced: (error: unknown) => void
  #current: Producer
  #connected: Promise<void> | undefined
  #leaving: Promise<unknown> = Promise.resolve()

  constructor(kafka: Kafka, onReplaced: (error: unknown) => void) {
    this.#kafka = kafka
    this.#onReplaced = onReplaced
    this.#current = this.#make()
  }

  /** The producer of the moment; give it to {@link replace} when a batch sent on it was given up. */
  get current(): Producer {
    return this.#current
  }

  /** Sends once, acknowledged by all in-sync replicas. One round trip per broker concerned. */
  async send(topicMessages: TopicMessages[], timeoutMs: Milliseconds): Promise<Acknowledged> {
    await this.connect()
    const acknowledged: RecordMetadata[] = await this.#current.sendBatch({
      topicMessages,
      acks: -1,
      timeout: timeoutMs,
    })
    return new Set(acknowledged.map(({ topicName, partition }) => `${topicName}/${partition}`))
  }

  async connect(): Promise<void> {
    this.#connected ??= this.#current.connect()
    try {
      await this.#connected
    } catch (error) {
      this.#connected = undefined
      throw error
    }
  }

  /** Puts a new producer, numbering from the start, in the place of `used`; once for many that ask. */
  replace(used: Producer, error: unknown): void {
    if (used !== this.#current) return
    this.#onReplaced(error)
    this.#current = this.#make()
    this.#connected = undefined
    this.#leaving = Promise.allSettled([this.#leaving, used.disconnect()])
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#leaving, this.#current.disconnect()])
  }

  #make(): Producer {
    return this.#kafka.client().producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      metadataMaxAge: 60_000,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
      // One repetition is the least the library allows; the others are ours.
      retry: { retries: 1, initialRetryTime: 50, maxRetryTime: 200, factor: 0.5 },
    })
  }
}
