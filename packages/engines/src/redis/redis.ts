import {
  type Clock,
  type Count,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
} from '@parlance/core'
import { parseRedisUrl } from './address.ts'
import { makeClient } from './client-options.ts'
import { ClusterTopology } from './cluster-topology.ts'
import { Gathering } from './gathering.ts'
import { healthOf, type RedisHealth } from './health.ts'
import { type RedisArgument, redisCommand, type RedisOutcome, type RedisReply, type RedisStep } from './step.ts'
import { type RedisListener, Subscriber } from './subscriber.ts'
import { SingleTopology, type Topology } from './topology.ts'

export interface RedisOptions {
  /**
   * `redis://user:password@host:port/database`; several hosts with commas, or `redis+cluster://`, for a Cluster;
   * `redis+sentinel://host:port,host:port/master-name/database`; `rediss` in place of `redis` for TLS.
   */
  readonly url: string
  /** Begins every key and channel made by {@link Redis.name}. @defaultValue 'parlance:' */
  readonly prefix?: string
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
  /** Time for one connection, handshake included. @defaultValue 5000 */
  readonly connectTimeoutMs?: Milliseconds
  /** Time for one answer, and how long commands wait for a connection that is being made again. @defaultValue 3000 */
  readonly commandTimeoutMs?: Milliseconds
  /** More commands than this without an answer are refused with an OverloadedError. @defaultValue 100 000 */
  readonly maxPendingCommands?: Count
  /** How often the subscriber's connection is asked whether it still is one. @defaultValue 5000 */
  readonly probeMs?: Milliseconds
}

/**
 * A connection to Redis: one server, the master that sentinels name, or a Cluster.
 *
 * The steps of one turn of the event loop travel together: one pipelined round trip per node, nodes at the same time. A step
 * is sent once: when the connection ends before its answer, it fails as unavailable, and whether it was done is unknown. Steps
 * given while the connection is being made again wait for it, for at most the command timeout; later ones fail at once.
 */
export class Redis {
  readonly prefix: string
  readonly #label: string
  readonly #clock: Clock
  readonly #topology: Topology
  readonly #gathering: Gathering
  readonly #subscriber: Subscriber
  readonly #onNewIncarnation: Set<() => void>

  private constructor(options: RedisOptions) {
    const { clock = systemClock, logger = silentLogger, metrics = noMetrics } = options
    const { connectTimeoutMs = 5_000, commandTimeoutMs = 3_000, maxPendingCommands = 100_000 } = options
    this.prefix = options.prefix ?? 'parlance:'
    const address = parseRedisUrl(options.url)
    this.#label = address.label
    this.#clock = clock
    const incarnations = metrics.counter(
      'parlance_redis_new_incarnations_total',
      'Times a server took over that may have lost acknowledged writes: a restart or a failover.',
    )
    const listeners = new Set<() => void>()
    const parts = {
      address,
      clock,
      logger,
      connectTimeoutMs,
      commandTimeoutMs,
      onNewIncarnation: () => {
        incarnations.add()
        logger.warn(`${address.label} was started again or failed over: writes that were acknowledged may be lost`)
        for (const listener of listeners) listener()
      },
    }
    this.#onNewIncarnation = listeners
    this.#topology = address.kind === 'cluster' ? new ClusterTopology(parts) : new SingleTopology(parts)
    this.#gathering = new Gathering(this.#topology, address.label, maxPendingCommands)
    this.#subscriber = new Subscriber({
      ...parts,
      label: `${address.label} (channels)`,
      probeMs: options.probeMs ?? 5_000,
      makeClient: () => {
        const node = address.hosts[Math.floor(Math.random() * address.hosts.length)]
        return makeClient(address, connectTimeoutMs, node)
      },
    })
  }

  /**
   * Connects.
   *
   * @throws RedisAddressError, RedisAccessError or RedisUnavailableError, whose words name the cure; nothing is left open.
   */
  static async open(options: RedisOptions): Promise<Redis> {
    const redis = new Redis(options)
    try {
      await redis.#topology.whenOpen()
      return redis
    } catch (error) {
      await redis.close()
      throw error
    }
  }

  /** The name of a key or channel of ours. */
  name(...parts: readonly string[]): string {
    return this.prefix + parts.join(':')
  }

  /** Carries out one step; its round trip is shared with the other steps of this turn. Throws what went wrong. */
  async run(step: RedisStep): Promise<RedisReply> {
    return replyOf(await this.#gathering.run(step))
  }

  /** Carries out steps, each on its own, in one round trip per node; outcomes in their order. Never throws for one of them. */
  runAll(steps: readonly RedisStep[]): Promise<RedisOutcome[]> {
    return Promise.all(steps.map((step) => this.#gathering.run(step)))
  }

  /**
   * Sends a message to whoever listens at this moment; resolves with nothing known about who did. One round trip.
   *
   * Messages of one channel are passed on in the order of these calls: on a Cluster they all go through one node.
   */
  async publish(channel: string, message: RedisArgument): Promise<void> {
    replyOf(await this.#gathering.run(redisCommand('PUBLISH', channel, message)))
  }

  /**
   * Listens to a channel, over the one connection for all of them; resolves once it is heard. One round trip.
   *
   * Messages published while that connection is down are lost; `interrupted` and `subscribed` say when that was.
   * Returns how to stop.
   */
  subscribe(channel: string, listener: RedisListener): Promise<() => Promise<void>> {
    return this.#subscriber.subscribe(channel, listener)
  }

  /** The servers' incarnations as one text: it is another after a restart or failover. Undefined while some are not reached. */
  incarnation(): string | undefined {
    const connections = this.#topology.connections()
    const named = connections.flatMap(({ server }) => (server === undefined ? [] : [server.incarnation]))
    if (named.length === 0 || named.length < connections.length) return undefined
    return named.sort((one, other) => (one < other ? -1 : 1)).join('.')
  }

  /**
   * Calls `listener` each time a server took over that may have lost acknowledged writes, before a step is sent to it on a
   * single server, soon after on a Cluster. Returns how to stop.
   */
  onNewIncarnation(listener: () => void): () => void {
    this.#onNewIncarnation.add(listener)
    return () => void this.#onNewIncarnation.delete(listener)
  }

  /** Asks every node whether it serves, and says in words what is wrong. One round trip; never throws. */
  health(): Promise<RedisHealth> {
    return healthOf(this.#label, this.#clock, this.#topology.connections(), this.#subscriber.connection)
  }

  /** Steps given and not answered. */
  get pendingCommands(): Count {
    return this.#gathering.pending
  }

  /** Ends all connections; steps without an answer fail. Nothing stays open. */
  async close(): Promise<void> {
    this.#gathering.close()
    await Promise.all([this.#subscriber.close(), this.#topology.close()])
  }
}

/** {@link Redis.open} as a function. */
export function openRedis(options: RedisOptions): Promise<Redis> {
  return Redis.open(options)
}

function replyOf(outcome: RedisOutcome): RedisReply {
  if (outcome.ok) return outcome.reply
  throw outcome.error
}
