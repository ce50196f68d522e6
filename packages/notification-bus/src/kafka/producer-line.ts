import type { Count, Milliseconds } from '@parlance/core'
import type { Kafka } from '@parlance/engines/kafka'
import type { Producer, TopicMessages } from 'kafkajs'

/** What a partition acknowledged: topic and partition joined by a slash. */
export type Acknowledged = ReadonlySet<string>

/** One producer with its numbering. */
export interface NumberedProducer {
  readonly producer: Producer
  connecting: Promise<void> | undefined
  sending: Count
}

/**
 * The idempotent producer in use, replaced when its numbering can no longer be trusted.
 *
 * The library numbers a batch again with the same numbers after a failure. That is safe as long as the next batch of
 * the partition is the same one; were it another, a broker that had stored the first would take it for a repetition and
 * drop it without a word. So a batch whose fate is unknown is either sent again as it was, or given up together with the
 * producer.
 */
export class ProducerLine {
  readonly #kafka: Kafka
  readonly #onReplaced: (error: unknown) => void
  readonly #leaving = new Set<NumberedProducer>()
  #current: NumberedProducer
  #isClosed = false

  constructor(kafka: Kafka, onReplaced: (error: unknown) => void) {
    this.#kafka = kafka
    this.#onReplaced = onReplaced
    this.#current = this.#make()
  }

  /** The producer of the moment; give it to {@link replace} when a batch sent on it was given up. */
  get current(): NumberedProducer {
    return this.#current
  }

  /** Sends once, acknowledged by all in-sync replicas. One round trip per broker concerned. */
  async send(on: NumberedProducer, topicMessages: TopicMessages[], timeoutMs: Milliseconds): Promise<Acknowledged> {
    on.sending++
    try {
      await connect(on)
      const acknowledged = await on.producer.sendBatch({ topicMessages, acks: -1, timeout: timeoutMs })
      return new Set(acknowledged.map(({ topicName, partition }) => `${topicName}/${partition}`))
    } finally {
      on.sending--
      this.#letGo(on)
    }
  }

  /** Puts a new producer, numbering from the start, in the place of `used`; once for many that ask. */
  replace(used: NumberedProducer, error: unknown): void {
    if (used !== this.#current) return
    this.#onReplaced(error)
    this.#current = this.#make()
    this.#leaving.add(used)
    this.#letGo(used)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const all = [this.#current, ...this.#leaving]
    await Promise.allSettled(all.map(({ producer }) => producer.disconnect()))
  }

  /** A producer that left is disconnected when nothing is under way on it: it would connect again to repeat that. */
  #letGo(left: NumberedProducer): void {
    if (left.sending > 0 || !(this.#leaving.delete(left) || this.#isClosed)) return
    void left.producer.disconnect().catch(this.#onReplaced)
  }

  #make(): NumberedProducer {
    const producer = this.#kafka.client().producer({
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
    return { producer, connecting: undefined, sending: 0 }
  }
}

async function connect(on: NumberedProducer): Promise<void> {
  on.connecting ??= on.producer.connect()
  try {
    await on.connecting
  } catch (error) {
    on.connecting = undefined
    throw error
  }
}
