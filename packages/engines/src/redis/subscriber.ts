import { type Clock, ClosedError, type Logger, type Milliseconds, type Timer } from '@parlance/core'
import type { Redis } from 'ioredis'
import { Connection } from './connection.ts'
import { convertRedisError } from './errors.ts'

/** Somebody who listens to channels. */
export interface RedisListener {
  /** One message, in the order the publisher's node passed them on. */
  message(bytes: Buffer): void
  /**
   * The subscription works again after an interruption in which messages were lost; also called once at the beginning.
   *
   * Nothing is lost from here on; messages from just before may have come already.
   */
  subscribed(): void
  /** Messages are being lost. */
  interrupted?(): void
}

export interface SubscriberParts {
  readonly label: string
  readonly makeClient: () => Redis
  readonly clock: Clock
  readonly logger: Logger
  readonly connectTimeoutMs: Milliseconds
  readonly commandTimeoutMs: Milliseconds
  /** How often a silent connection is asked whether it is still one. */
  readonly probeMs: Milliseconds
}

/**
 * One connection for all subscriptions of the process; on a Cluster to any node, since channels are heard on each.
 *
 * A message published while the connection is down is lost. Listeners are told of every such interruption.
 */
export class Subscriber {
  readonly #parts: SubscriberParts
  readonly #listeners = new Map<string, Set<RedisListener>>()
  readonly #established = new Set<RedisListener>()
  #connection: Connection | undefined
  #client: Redis | undefined
  #probe: Timer | undefined
  #isClosed = false

  constructor(parts: SubscriberParts) {
    this.#parts = parts
  }

  /** Undefined before anybody subscribed. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  async subscribe(channel: string, listener: RedisListener): Promise<() => Promise<void>> {
    if (this.#isClosed) throw new ClosedError(`the connection to ${this.#parts.label} was closed`)
    const listeners = this.#listeners.get(channel) ?? new Set()
    this.#listeners.set(channel, listeners.add(listener))
    this.#connection ??= this.#connect()
    try {
      await this.#connection.whenOpen()
      await this.#client?.subscribe(channel)
    } catch (error) {
      await this.#unsubscribe(channel, listener)
      throw convertRedisError(error, this.#parts.label)
    }
    this.#established.add(listener)
    listener.subscribed()
    return () => this.#unsubscribe(channel, listener)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#probe?.cancel()
    await this.#connection?.close()
  }

  #connect(): Connection {
    const { logger } = this.#parts
    return new Connection({
      ...this.#parts,
      onOpen: async (client) => {
        client.on('messageBuffer', (channel: Buffer, bytes: Buffer) => this.#heard(channel.toString(), bytes))
        const channels = [...this.#listeners.keys()]
        if (channels.length > 0) await client.subscribe(...channels)
        this.#client = client
      },
      onOpened: () => {
        this.#awaitProbe()
        this.#tell('subscribed')
      },
      onLost: () => {
        this.#probe?.cancel()
        logger.warn('messages of channels may be missed until the connection is back')
        this.#tell('interrupted')
      },
    })
  }

  async #unsubscribe(channel: string, listener: RedisListener): Promise<void> {
    this.#established.delete(listener)
    const listeners = this.#listeners.get(channel)
    if (!listeners?.delete(listener) || listeners.size > 0) return
    this.#listeners.delete(channel)
    if (this.#connection?.server === undefined) return
    try {
      await this.#client?.unsubscribe(channel)
    } catch (error) {
      this.#parts.logger.debug('a channel could not be left; the connection ends it', { error })
    }
  }

  #tell(what: 'subscribed' | 'interrupted'): void {
    for (const listener of this.#established) this.#guarded(() => listener[what]?.())
  }

  #heard(channel: string, bytes: Buffer): void {
    for (const listener of this.#listeners.get(channel) ?? []) this.#guarded(() => listener.message(bytes))
  }

  /** What one listener throws neither ends the connection nor keeps the message from the others. */
  #guarded(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#parts.logger.error('a listener of a Redis channel failed', { error })
    }
  }

  /** A connection that is dead without having been closed would be silent for ever. */
  #awaitProbe(): void {
    const { clock, probeMs } = this.#parts
    this.#probe?.cancel()
    if (this.#isClosed) return
    this.#probe = clock.after(probeMs, () => {
      const connection = this.#connection
      if (connection?.server === undefined) return
      void connection.send([{ words: ['ping'], asBytes: false }]).then(() => {
        if (connection.server !== undefined) this.#awaitProbe()
      })
    })
  }
}
