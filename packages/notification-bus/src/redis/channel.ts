import { randomUUID } from 'node:crypto'
import {
  type Bytes,
  type Clock,
  InvalidArgumentError,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
  type Timer,
} from '@parlance/core'
import type { Redis } from '@parlance/engines/redis'
import type { InvalidationChannel, InvalidationReceiver } from '../invalidation-channel.ts'
import { Receivers } from '../receivers.ts'
import { cutKeys, decodeAnnouncement, encodeAnnouncement } from './announcement.ts'
import { type ChannelMetrics, channelMetrics, type FlushReason } from './channel-metrics.ts'
import { Publishers } from './publishers.ts'

export interface RedisInvalidationChannelOptions {
  readonly redis: Redis
  /** Processes that give the same name, on connections with the same prefix, hear each other. @defaultValue 'invalidation' */
  readonly name?: string
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
  /** How often a process says that it lives, and up to which number it spoke. @defaultValue 1000 */
  readonly heartbeatMs?: Milliseconds
  /** A process unheard for so long is taken for gone, and what it said last for missed. At least two heartbeats. @defaultValue 5 heartbeats */
  readonly silentMs?: Milliseconds
  /** Keys of more than this are told in several messages. @defaultValue 64 KiB */
  readonly maxMessageBytes?: Bytes
}

/** The channel between the processes of one installation. */
export interface RedisInvalidationChannel extends InvalidationChannel {
  /** Says goodbye to the others and stops listening; the connection stays open. */
  close(): Promise<void>
}

/**
 * Opens the channel between processes over Redis pub/sub; on a Cluster over plain pub/sub on one connection.
 *
 * `publish` is one round trip, several messages travelling together. It tells the receivers of this process before it tells
 * the others; when those cannot be told it rejects (retryable), and nobody stays wrong for it: messages are numbered, so the
 * others notice the gap with the next message or heartbeat, and flush. They also flush when they were disconnected, and
 * again with every heartbeat while they are; so what a receiver keeps is never older than `silentMs` and a heartbeat more,
 * unless the publisher is cut off from Redis altogether.
 */
export async function openRedisInvalidationChannel(
  options: RedisInvalidationChannelOptions,
): Promise<RedisInvalidationChannel> {
  const channel = new RedisChannel(options)
  await channel.open()
  return channel
}

class RedisChannel implements RedisInvalidationChannel {
  readonly #redis: Redis
  readonly #channel: string
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #metrics: ChannelMetrics
  readonly #heartbeatMs: Milliseconds
  readonly #silentMs: Milliseconds
  readonly #maxMessageBytes: Bytes
  readonly #publisher = randomUUID()
  readonly #receivers = new Receivers()
  readonly #publishers: Publishers
  #number = 0
  #heardSelfAtMs: Milliseconds
  #isConnected = false
  #isClosed = false
  #timer: Timer | undefined
  #stop: (() => Promise<void>) | undefined

  constructor(options: RedisInvalidationChannelOptions) {
    const { redis, clock = systemClock, heartbeatMs = 1_000, maxMessageBytes = 64 * 1024 } = options
    const { silentMs = 5 * heartbeatMs } = options
    if (!(heartbeatMs >= 1 && silentMs >= 2 * heartbeatMs))
      throw new InvalidArgumentError(
        `heartbeatMs ${heartbeatMs} and silentMs ${silentMs}: 1 or more, and twice that or more`,
      )
    this.#redis = redis
    this.#channel = redis.name(options.name ?? 'invalidation')
    this.#clock = clock
    this.#logger = options.logger ?? silentLogger
    this.#metrics = channelMetrics(options.metrics ?? noMetrics)
    this.#heartbeatMs = heartbeatMs
    this.#silentMs = silentMs
    this.#maxMessageBytes = maxMessageBytes
    this.#publishers = new Publishers(silentMs)
    this.#heardSelfAtMs = clock.elapsed()
  }

  async open(): Promise<void> {
    this.#stop = await this.#redis.subscribe(this.#channel, {
      message: (bytes) => this.#heard(bytes),
      subscribed: () => {
        const nowMs = this.#clock.elapsed()
        this.#isConnected = true
        this.#heardSelfAtMs = nowMs
        this.#flush('connection')
        this.#publishers.began(nowMs)
      },
      interrupted: () => {
        this.#isConnected = false
        this.#flush('connection')
      },
    })
    await this.#tell([], false)
    this.#awaitBeat()
  }

  async publish(keys: readonly string[], except?: InvalidationReceiver): Promise<void> {
    const failures = this.#receivers.invalidate(keys, except)
    await Promise.all(cutKeys(keys, this.#maxMessageBytes).map((some) => this.#tell(some, false)))
    if (failures.length > 0) throw failures[0]
  }

  subscribe(receiver: InvalidationReceiver): () => void {
    return this.#receivers.add(receiver)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#timer?.cancel()
    try {
      await this.#tell([], true)
    } catch (error) {
      this.#logger.debug('the other processes could not be told goodbye; they will flush once', { error })
    }
    await this.#stop?.()
  }

  async #tell(keys: readonly string[], isLast: boolean): Promise<void> {
    if (keys.length > 0) this.#number++
    const message = encodeAnnouncement({ publisher: this.#publisher, number: this.#number, keys, isLast })
    try {
      await this.#redis.publish(this.#channel, message)
      this.#metrics.published.add()
    } catch (error) {
      this.#metrics.undelivered.add()
      throw error
    }
  }

  #heard(bytes: Uint8Array): void {
    const announcement = decodeAnnouncement(bytes)
    if (announcement === undefined) {
      this.#logger.warn('a message of the invalidation channel cannot be read; is another program using it?')
      this.#flush('unreadable')
      return
    }
    const nowMs = this.#clock.elapsed()
    if (announcement.publisher === this.#publisher) {
      this.#heardSelfAtMs = nowMs
      return
    }
    this.#metrics.received.add()
    if (this.#publishers.heard(announcement, nowMs)) this.#flush('gap')
    else if (announcement.keys.length > 0) this.#report(this.#receivers.invalidate(announcement.keys))
  }

  #awaitBeat(): void {
    this.#timer = this.#clock.after(this.#heartbeatMs, () => {
      if (this.#isClosed) return
      this.#beat()
      this.#awaitBeat()
    })
  }

  #beat(): void {
    const nowMs = this.#clock.elapsed()
    const unheardMs = nowMs - this.#heardSelfAtMs
    this.#metrics.stalenessMs.set(Math.max(unheardMs, this.#publishers.silenceMs(nowMs)))
    if (!this.#isConnected || unheardMs > this.#silentMs) this.#flush('connection')
    if (this.#publishers.forgetSilent(nowMs) > 0) this.#flush('silence')
    this.#tell([], false).catch((error: unknown) => {
      this.#logger.debug('a heartbeat of the invalidation channel could not be sent', { error })
    })
  }

  #flush(reason: FlushReason): void {
    this.#metrics.flushes[reason].add()
    this.#report(this.#receivers.flush())
  }

  #report(failures: readonly unknown[]): void {
    for (const error of failures) this.#logger.error('a cache of this process could not drop what changed', { error })
  }
}
