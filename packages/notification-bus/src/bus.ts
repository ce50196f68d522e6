import {
  type Clock,
  ClosedError,
  type Count,
  InvalidArgumentError,
  type Logger,
  type Metrics,
  noMetrics,
  silentLogger,
  systemClock,
} from '@parlance/core'
import { type ConsumeOptions, Consumption } from './consumption.ts'
import type { EventLog, LogSubscription, ReadRecord } from './event-log.ts'
import { encodeRecords, type Topic } from './topic.ts'

/** A running consumer. */
export interface Consumer {
  /** Waits for the batch being handled, then stops. Nothing is lost: the group goes on where it was. */
  close(): Promise<void>
}

/** Typed topics over an event log. */
export interface Bus {
  /** Resolves once the message is durable. Messages with the same key keep their order. */
  publish<T>(topic: Topic<T>, message: T): Promise<void>
  /** The same for many messages in one durable step. */
  publishMany<T>(topic: Topic<T>, messages: readonly T[]): Promise<void>
  /**
   * Consumes a topic for a group, at least once and in order per key, beginning where the group stopped last time.
   *
   * A batch whose handler rejects comes again after a backoff. After `attempts` failures its messages are handled one by
   * one; one that fails again, and one that cannot be decoded at once, goes to the topic's dead letters with the reason,
   * and the partition moves on; so it does, with an error logged, when the log refuses the letter for what it is. A
   * failure that calls itself retryable does not count. Resolves when everything published before the call has been
   * handled.
   */
  consume<T>(topic: Topic<T>, options: ConsumeOptions<T>): Promise<Consumer>
  /** Stops every consumer after the batch it is handling, and refuses further calls. */
  stop(): Promise<void>
}

/** What a bus needs. */
export interface BusOptions {
  readonly log: EventLog
  readonly logger?: Logger
  readonly metrics?: Metrics
  readonly clock?: Clock
}

/** Makes a bus over an event log. */
export function createBus(options: BusOptions): Bus {
  return new LogBus(options)
}

const defaultBatch: Count = 100

class LogBus implements Bus {
  readonly #log: EventLog
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #clock: Clock
  readonly #consumers = new Set<Promise<LogSubscription>>()
  readonly #stopping = new AbortController()

  constructor({ log, logger = silentLogger, metrics = noMetrics, clock = systemClock }: BusOptions) {
    this.#log = log
    this.#logger = logger
    this.#metrics = metrics
    this.#clock = clock
  }

  publish<T>(topic: Topic<T>, message: T): Promise<void> {
    return this.publishMany(topic, [message])
  }

  async publishMany<T>(topic: Topic<T>, messages: readonly T[]): Promise<void> {
    this.#assertRunning()
    await this.#log.publish(topic.name, encodeRecords(topic, messages))
    this.#metrics
      .counter('parlance_bus_published_total', 'Messages published', { topic: topic.name })
      .add(messages.length)
  }

  async consume<T>(topic: Topic<T>, options: ConsumeOptions<T>): Promise<Consumer> {
    this.#assertRunning()
    const { group, batch = defaultBatch, attempts } = options
    if (attempts !== undefined && (!Number.isSafeInteger(attempts) || attempts < 1))
      throw new InvalidArgumentError(`attempts must be a whole number from 1, not ${attempts}`)
    const labels = { topic: topic.name, group }
    const consumption = new Consumption(topic, options, {
      log: this.#log,
      clock: this.#clock,
      logger: this.#logger,
      handledCount: this.#metrics.counter('parlance_bus_handled_total', 'Messages handled or given up', labels),
      deadCount: this.#metrics.counter('parlance_bus_dead_total', 'Messages given up', labels),
    })
    const handler = (records: readonly ReadRecord[]) => consumption.handle(records)
    const starting = this.#log.subscribe(topic.name, group, handler, { maxBatch: batch, signal: this.#stopping.signal })
    this.#consumers.add(starting)
    const close = async (): Promise<void> => {
      await (await starting).close()
      this.#consumers.delete(starting)
    }
    try {
      await starting
    } catch (error) {
      this.#consumers.delete(starting)
      throw error
    }
    return { close }
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new ClosedError('the bus is stopped'))
    const started = await Promise.allSettled(this.#consumers)
    this.#consumers.clear()
    await Promise.all(started.flatMap((one) => (one.status === 'fulfilled' ? [one.value.close()] : [])))
  }

  #assertRunning(): void {
    if (this.#stopping.signal.aborted) throw new ClosedError('the bus is stopped')
  }
}
