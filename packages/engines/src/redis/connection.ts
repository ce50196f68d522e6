import {
  backoffMs,
  type Clock,
  ClosedError,
  deferred,
  type Logger,
  type Milliseconds,
  type ParlanceError,
  pause,
  type Timer,
} from '@parlance/core'
import { Command, type Pipeline, type Redis } from 'ioredis'
import {
  convertRedisError,
  cure,
  RedisAccessError,
  RedisReadOnlyError,
  RedisTimeoutError,
  RedisUnavailableError,
} from './errors.ts'
import type { RedisArgument, RedisOutcome, RedisReply, RedisServer } from './step.ts'

/** One command as it goes out. */
export interface Sent {
  readonly words: readonly RedisArgument[]
  readonly asBytes: boolean
}

export interface ConnectionOptions {
  readonly label: string
  readonly makeClient: () => Redis
  readonly clock: Clock
  readonly logger: Logger
  readonly connectTimeoutMs: Milliseconds
  readonly commandTimeoutMs: Milliseconds
  /** Called with each connection made, before anything else is sent on it. */
  readonly onOpen?: (client: Redis, server: RedisServer) => Promise<void> | void
  /** Called when it is open. */
  readonly onOpened?: () => void
  readonly onLost?: () => void
}

const backoff = { firstMs: 50, maxMs: 2_000 }

/**
 * One connection to one server, made again whenever it ends.
 *
 * Nothing is sent twice: what was on its way when the connection ended fails. Whoever comes while it is being made again
 * waits, until it has been down for the command timeout; from then on everyone fails at once, with the reason, until it is open.
 */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #closing = new AbortController()
  readonly #loop: Promise<void>
  #client: Redis | undefined
  #server: RedisServer | undefined
  #failure: ParlanceError | undefined
  #isDown = false
  #downTimer: Timer | undefined
  #opening = deferred()

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#awaitOpening()
    this.#loop = this.#run()
  }

  get label(): string {
    return this.#options.label
  }

  /** The server at the other end; undefined while there is no connection. */
  get server(): RedisServer | undefined {
    return this.#server
  }

  /** Why there is no connection. */
  get failure(): ParlanceError | undefined {
    return this.#server === undefined ? this.#failure : undefined
  }

  /** Resolves when the connection is open; throws the reason when it is down. */
  whenOpen(): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.reject(closed(this.label))
    if (this.#server !== undefined) return Promise.resolve()
    if (this.#isDown) return Promise.reject(this.#reason())
    return awake(this.#opening.promise)
  }

  /** Writes commands at once, in one piece; one answer each, in their order. Call only while open. */
  async send(commands: readonly Sent[]): Promise<RedisOutcome[]> {
    const client = this.#client
    if (client === undefined || this.#server === undefined)
      return commands.map(() => ({ ok: false, error: this.#reason() }))
    const { clock, commandTimeoutMs } = this.#options
    let timer: Timer | undefined
    const late = new Promise<'late'>((resolve) => {
      timer = clock.after(commandTimeoutMs, () => resolve('late'))
    })
    const answers = await Promise.race([pipelined(client, commands), late])
    timer?.cancel()
    if (answers === 'late') {
      cut(client)
      const text = `${this.label} did not answer within ${commandTimeoutMs} ms; the connection is made again`
      return commands.map(() => ({ ok: false, error: new RedisTimeoutError(text) }))
    }
    const outcomes = answers.map(([error, reply]): RedisOutcome =>
      error === null ? { ok: true, reply } : { ok: false, error: convertRedisError(error, this.label) },
    )
    if (outcomes.some((outcome) => !outcome.ok && outcome.error instanceof RedisReadOnlyError)) cut(client)
    return outcomes
  }

  /** Ends the connection; it is made again. */
  drop(): void {
    if (this.#client !== undefined) cut(this.#client)
  }

  /** Ends the connection for good; what is on its way fails. */
  async close(): Promise<void> {
    this.#closing.abort(closed(this.label))
    this.drop()
    await this.#loop
  }

  async #run(): Promise<void> {
    const { clock, logger, onOpen, onOpened, onLost } = this.#options
    const { signal } = this.#closing
    let wasLost = false
    for (let attempt = 1; !signal.aborted; attempt++) {
      const client = this.#options.makeClient()
      const ended = new Promise<void>((resolve) => void client.once('end', resolve))
      let lastError: unknown
      client.on('error', (error: unknown) => {
        lastError = error
      })
      this.#client = client
      try {
        const server = await this.#connected(client, () => lastError)
        await onOpen?.(client, server)
        signal.throwIfAborted()
        this.#opened(server)
        onOpened?.()
        if (wasLost) logger.info(`${this.label} is connected again`)
        wasLost = true
        attempt = 0
        await ended
        this.#server = undefined
        if (signal.aborted) break
        this.#failure = convertRedisError(lastError ?? new Error('the connection was cut'), this.label)
        logger.warn(`${this.label} lost the connection; connecting again`, { error: this.#failure })
        this.#awaitOpening()
        onLost?.()
      } catch (error) {
        cut(client)
        await ended
        if (signal.aborted) break
        this.#failure = convertRedisError(error, this.label)
        if (attempt === 1) logger.warn(this.#failure.message)
        if (!this.#failure.retryable) this.#goDown()
      }
      await pause(clock, backoffMs(attempt + 1, backoff), signal)
    }
    this.#server = undefined
    this.#downTimer?.cancel()
    this.#opening.reject(closed(this.label))
  }

  async #connected(client: Redis, lastError: () => unknown): Promise<RedisServer> {
    const { clock, connectTimeoutMs } = this.#options
    let isLate = false
    const timer = clock.after(connectTimeoutMs, () => {
      isLate = true
      cut(client)
    })
    try {
      await client.connect()
      const info = String(await client.info('server'))
      const incarnation = /^run_id:(\w+)/m.exec(info)?.[1]
      if (incarnation === undefined) throw new RedisAccessError(`${this.label} does not answer INFO with its run_id`)
      return { incarnation }
    } catch (error) {
      if (isLate) throw new RedisUnavailableError(`${this.label} accepted no connection within ${connectTimeoutMs} ms`)
      throw lastError() ?? error
    } finally {
      timer.cancel()
    }
  }

  #opened(server: RedisServer): void {
    this.#server = server
    this.#isDown = false
    this.#downTimer?.cancel()
    this.#opening.resolve()
  }

  #awaitOpening(): void {
    this.#opening = deferred()
    this.#downTimer = this.#options.clock.after(this.#options.commandTimeoutMs, () => this.#goDown())
  }

  #goDown(): void {
    this.#isDown = true
    this.#opening.reject(this.#reason())
  }

  #reason(): ParlanceError {
    return this.#failure ?? new RedisUnavailableError(`${this.label} does not answer: ${cure}`)
  }
}

type Answer = readonly [error: Error | null, reply: RedisReply]

/** One write for all; answers that never come are rejected when the connection ends. */
async function pipelined(client: Redis, commands: readonly Sent[]): Promise<readonly Answer[]> {
  // Its type leaves out the method that takes a command made by hand.
  const pipeline = client.pipeline() as unknown as Pipeline
  for (const { words, asBytes } of commands) pipeline.sendCommand(commandOf(words, asBytes))
  return (await pipeline.exec()) as readonly Answer[]
}

function commandOf([name, ...rest]: readonly RedisArgument[], asBytes: boolean): Command {
  const given = rest.map((word) =>
    typeof word === 'object' ? Buffer.from(word.buffer, word.byteOffset, word.byteLength) : word,
  )
  return new Command(String(name), given, { replyEncoding: asBytes ? null : 'utf8' })
}

/** Ends a connection now; a polite end would wait for a server that may be gone. Ending it twice would leave a timer behind. */
function cut(client: Redis): void {
  if (client.status === 'end' || client.stream?.destroyed) return
  client.disconnect()
  client.stream?.destroy()
}

function closed(label: string): ClosedError {
  return new ClosedError(`the connection to ${label} was closed`)
}

/** Timers of the clock keep no process alive; somebody who waits does. */
function awake<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, 60_000)
  return promise.finally(() => clearInterval(timer))
}
