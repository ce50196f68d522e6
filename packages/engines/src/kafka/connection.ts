import {
  backoffMs,
  type Clock,
  ClosedError,
  InvalidArgumentError,
  type Logger,
  type Milliseconds,
  silentLogger,
  systemClock,
  TimeoutError,
  wait,
} from '@parlance/core'
import { type Admin, Kafka as KafkaClient, type KafkaConfig, logLevel } from 'kafkajs'
import { AdminLine } from './admin-line.ts'
import { awake } from './awake.ts'
import { convertKafkaError, KafkaUnavailableError } from './errors.ts'
import { logThrough } from './library-log.ts'
import { Sockets } from './sockets.ts'
import { describeTopic, type KafkaTopicLayout, type KafkaTopicSpec, makeTopics } from './topics.ts'

/** What a connection to a Kafka cluster needs. */
export interface KafkaOptions {
  /** `host:port` of some brokers; the others are found through them. */
  readonly brokers: readonly string[]
  /** The name under which the brokers log and limit us. @defaultValue parlance */
  readonly clientId?: string
  readonly ssl?: NonNullable<KafkaConfig['ssl']>
  readonly sasl?: NonNullable<KafkaConfig['sasl']>
  /** @defaultValue 3000 */
  readonly connectTimeoutMs?: Milliseconds
  /** @defaultValue 10 000 */
  readonly requestTimeoutMs?: Milliseconds
  readonly logger?: Logger
  readonly clock?: Clock
}

/** What a health probe says. */
export interface KafkaHealth {
  readonly healthy: boolean
  /** One line for people: what is wrong and the cure, or how fast the answer came. */
  readonly words: string
}

/** A topic that a health probe looks at. */
export interface KafkaTopicNeed {
  readonly name: string
  readonly minInSyncReplicas: number
}

/** A connection to a Kafka cluster. */
export interface Kafka {
  /** The brokers as they were given, for messages. */
  readonly where: string
  readonly requestTimeoutMs: Milliseconds
  /**
   * A client of the library of its own, with the cluster's address, credentials and bounds. No round trip.
   *
   * One for each producer and consumer: two consumers of one client share what they know of committed offsets.
   */
  client(): KafkaClient
  /** Runs administrative work; a lost connection is made again, up to 3 tries. Errors are converted. */
  administer<T>(work: (admin: Admin) => Promise<T>): Promise<T>
  /**
   * Makes the topics that are missing and resolves when each of their partitions has a leader. One round trip per topic
   * that exists, three or more per one that is made.
   */
  ensureTopics(specs: readonly KafkaTopicSpec[]): Promise<KafkaTopicLayout[]>
  /**
   * Asks the cluster for its brokers, and where the topics are. Never throws, never takes longer than a request may.
   * One round trip, and one per topic.
   */
  health(topics?: readonly KafkaTopicNeed[]): Promise<KafkaHealth>
  /**
   * Closes the administrative connection, then cuts what is left of the others: producers and consumers are their owners' to close,
   * before. Idempotent.
   */
  close(): Promise<void>
}

/**
 * Connects to a Kafka cluster. Two round trips.
 *
 * @throws KafkaUnavailableError (retryable) when no broker answers; KafkaAccessError when the credentials are refused.
 */
export async function openKafka(options: KafkaOptions): Promise<Kafka> {
  if (options.brokers.length === 0 || options.brokers.some((broker) => !/^[^\s:,]+:\d+$|^\[[^\]]+\]:\d+$/.test(broker)))
    throw new InvalidArgumentError('brokers must be a list of host:port, for example ["127.0.0.1:9092"]')
  const connection = new Connection(options)
  try {
    await connection.administer((admin) => admin.describeCluster())
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}

const tries = 3
/** Leaders are elected within seconds; a broker that does not answer is not worth so many tries. */
const triesWhileElecting = 8
const closeLimitMs: Milliseconds = 3000

class Connection implements Kafka {
  readonly where: string
  readonly requestTimeoutMs: Milliseconds
  readonly #config: KafkaConfig
  readonly #sockets = new Sockets()
  readonly #clock: Clock
  readonly #logger: Logger
  #line: AdminLine
  #closing: Promise<void> | undefined

  constructor(options: KafkaOptions) {
    const { brokers, clientId = 'parlance', ssl, sasl, logger = silentLogger, clock = systemClock } = options
    this.where = `Kafka at ${brokers.join(',')}`
    this.requestTimeoutMs = options.requestTimeoutMs ?? 10_000
    this.#clock = clock
    this.#logger = logger
    this.#config = {
      brokers: [...brokers],
      clientId,
      ...(ssl !== undefined && { ssl }),
      ...(sasl !== undefined && { sasl }),
      connectionTimeout: options.connectTimeoutMs ?? 3000,
      authenticationTimeout: options.connectTimeoutMs ?? 3000,
      requestTimeout: this.requestTimeoutMs,
      enforceRequestTimeout: true,
      socketFactory: this.#sockets.make,
      logLevel: logLevel.WARN,
      logCreator: logThrough(logger),
      retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 1000, factor: 0.5, multiplier: 2 },
    }
    this.#line = new AdminLine(this.client().admin())
  }

  client(): KafkaClient {
    return new KafkaClient(this.#config)
  }

  administer<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    return awake(this.#administer(work))
  }

  ensureTopics(specs: readonly KafkaTopicSpec[]): Promise<KafkaTopicLayout[]> {
    return this.administer((admin) => makeTopics(admin, specs, this.#clock, this.requestTimeoutMs))
  }

  async health(topics: readonly KafkaTopicNeed[] = []): Promise<KafkaHealth> {
    const startedAt = this.#clock.elapsed()
    try {
      const problems = await this.#bounded(this.#problems(topics))
      if (problems.length > 0) return { healthy: false, words: `${this.where}: ${problems.join('; ')}` }
      const tookMs = Math.round(this.#clock.elapsed() - startedAt)
      return { healthy: true, words: `${this.where} answered in ${tookMs} ms` }
    } catch (error) {
      return { healthy: false, words: convertKafkaError(error, this.where).message }
    }
  }

  close(): Promise<void> {
    this.#closing ??= Promise.race([this.#line.end(), wait(this.#clock, closeLimitMs)]).finally(() =>
      this.#sockets.close(),
    )
    return this.#closing
  }

  async #administer<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      if (this.#closing !== undefined) throw new ClosedError('the connection to Kafka is closed')
      const line = this.#line
      try {
        return await line.run(work)
      } catch (error) {
        const converted = convertKafkaError(error, this.where)
        const isElecting = converted.details['protocol'] !== undefined
        if (!(converted instanceof KafkaUnavailableError) || attempt === (isElecting ? triesWhileElecting : tries))
          throw converted
        this.#renew(line)
        await wait(this.#clock, backoffMs(attempt, { firstMs: 100, maxMs: 1000 }))
      }
    }
  }

  /** The library keeps what it heard of leaders for minutes; a new client asks again. Calls on the old one may end. */
  #renew(used: AdminLine): void {
    if (used !== this.#line) return
    this.#line = new AdminLine(this.client().admin())
    used.end().catch((error: unknown) => this.#logger.debug('closing a connection to Kafka failed', { error }))
  }

  async #problems(needs: readonly KafkaTopicNeed[]): Promise<string[]> {
    return this.administer(async (admin) => {
      const { brokers } = await admin.describeCluster()
      if (brokers.length === 0) return ['no broker is registered; start one']
      const layouts = await Promise.all(needs.map(({ name }) => describeTopic(admin, name)))
      return needs.flatMap((need, index) => problemsOf(need, layouts[index], brokers.length))
    })
  }

  async #bounded<T>(work: Promise<T>): Promise<T> {
    const late = new AbortController()
    const limit = wait(this.#clock, this.requestTimeoutMs, late.signal).then(
      () => {
        throw new TimeoutError(`${this.where} did not answer within ${this.requestTimeoutMs} ms: check the brokers`)
      },
      () => undefined as never,
    )
    try {
      return await Promise.race([work, limit])
    } finally {
      late.abort()
    }
  }
}

function problemsOf(need: KafkaTopicNeed, layout: KafkaTopicLayout | undefined, brokers: number): string[] {
  const { name, minInSyncReplicas } = need
  if (layout === undefined) return [`topic ${name} is missing; it is made on first use, or create it`]
  const partitionsWith = (matches: (partition: number) => boolean): string =>
    layout.leaders.flatMap((_, partition) => (matches(partition) ? [partition] : [])).join(', ')
  const orphans = partitionsWith((partition) => layout.leaders[partition]! < 0)
  const thin = partitionsWith((partition) => layout.inSync[partition]! < minInSyncReplicas)
  return [
    ...(orphans === '' ? [] : [`topic ${name} has no leader for partition ${orphans}; start the brokers that hold it`]),
    ...(thin === ''
      ? []
      : [
          `topic ${name} has fewer in-sync replicas than the ${minInSyncReplicas} asked for in partition ${thin} (${brokers} brokers are up); publishing there is refused until the missing brokers run`,
        ]),
  ]
}
