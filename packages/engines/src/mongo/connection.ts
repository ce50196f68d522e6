import {
  type Clock,
  ClosedError,
  type Count,
  latencyBucketsMs,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  OverloadedError,
  silentLogger,
  systemClock,
} from '@parlance/core'
import {
  type Collection,
  type Db,
  type Document,
  type IndexDescription,
  MongoClient,
  type MongoClientOptions,
} from 'mongodb'
import { type MongoAddress, parseMongoAddress } from './address.ts'
import { WatchedClient } from './client.ts'
import { convertMongoError, MongoAddressError, MongoUnavailableError } from './errors.ts'

/** What a connection to MongoDB needs. */
export interface MongoOptions {
  /** `mongodb://…`; pool and time options set in it win over those below. */
  readonly url: string
  /** @defaultValue the database named in the URL, otherwise `parlance` */
  readonly database?: string
  /** Connections per server of the replica set. @defaultValue 50 */
  readonly maxConnections?: Count
  /** How long a call waits for a server that can take it. @defaultValue 5000 */
  readonly selectionTimeoutMs?: Milliseconds
  /** @defaultValue 5000 */
  readonly connectTimeoutMs?: Milliseconds
  /** How long one command may take; a write must be durable in half of it. @defaultValue 20 000 */
  readonly commandTimeoutMs?: Milliseconds
  /** Calls under way or waiting for a connection; more are refused with {@link OverloadedError}. @defaultValue 10 000 */
  readonly maxPending?: Count
  readonly logger?: Logger
  readonly clock?: Clock
  readonly metrics?: Metrics
}

/** One command on its way to the server: one round trip. */
export interface MongoCommand {
  readonly name: string
  readonly collection: string | undefined
}

/** What came back. */
export interface MongoReply {
  readonly name: string
  /** Documents that the reply carried. */
  readonly documents: Count
}

/** What a health probe says. */
export interface MongoHealth {
  readonly healthy: boolean
  /** One line for people: what is wrong and the cure, or how fast the answer came. */
  readonly words: string
}

/**
 * A connection to one database of a MongoDB replica set, a sharded cluster, or a single server.
 *
 * Writes are acknowledged when a majority has them on disk. Reads go to the primary and return what a majority holds:
 * whatever is read here ends in caches and on clients, so a failover must not be able to take it back. A reader sees the
 * writes acknowledged before. Only a primary that was cut off and does not know it yet may answer from the past, for
 * seconds; writes to it never succeed.
 */
export interface Mongo {
  readonly database: string
  /**
   * Runs `work` on the database; whatever the MongoDB library throws in it is converted.
   *
   * No round trip of its own. On a replica set the library repeats a write whose connection was lost, exactly once; on a
   * single server it does not, and the outcome of such a write is unknown.
   */
  run<T>(work: (database: Db) => Promise<T>): Promise<T>
  /** The same for one collection. */
  on<D extends Document, T>(collection: string, work: (collection: Collection<D>) => Promise<T>): Promise<T>
  /** Makes the indexes that are not there yet. One round trip. */
  ensureIndexes(collection: string, indexes: readonly IndexDescription[]): Promise<void>
  /** Tells of every command sent until the returned function is called. For tests that count round trips. */
  onCommand(listener: (command: MongoCommand) => void): () => void
  /** The same for every command that succeeded. For tests that count what is read. */
  onReply(listener: (reply: MongoReply) => void): () => void
  /** Asks the primary for a sign of life. Never throws; one round trip. */
  health(): Promise<MongoHealth>
  /** Closes every connection; calls on their way fail. Idempotent. */
  close(): Promise<void>
}

/**
 * Connects to MongoDB 4.4 or newer. Two round trips and those of the connections.
 *
 * @throws MongoAddressError, MongoUnavailableError (retryable), MongoAccessError or MongoVersionError; never with the
 * URL's password in it.
 */
export async function openMongo(options: MongoOptions): Promise<Mongo> {
  const address = parseMongoAddress(options.url)
  const database = options.database ?? address.database ?? 'parlance'
  const connection = new Connection(() => createClient(options, address), address.server, database, options)
  try {
    await connection.run((db) => db.command({ ping: 1 }))
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}

function createClient(options: MongoOptions, address: MongoAddress): MongoClient {
  const { maxConnections = 50, selectionTimeoutMs = 5000, connectTimeoutMs = 5000, commandTimeoutMs = 20_000 } = options
  const bounds: MongoClientOptions = {
    maxPoolSize: maxConnections,
    maxConnecting: 4,
    waitQueueTimeoutMS: commandTimeoutMs,
    serverSelectionTimeoutMS: selectionTimeoutMs,
    connectTimeoutMS: connectTimeoutMs,
    socketTimeoutMS: commandTimeoutMs,
  }
  const given = Object.fromEntries(Object.entries(bounds).filter(([option]) => !address.sets(option)))
  try {
    return new MongoClient(options.url, {
      appName: 'parlance',
      ...given,
      writeConcern: { w: 'majority', journal: true, wtimeoutMS: Math.ceil(commandTimeoutMs / 2) },
      readConcern: { level: 'majority' },
      readPreference: 'primary',
      monitorCommands: true,
    })
  } catch (error) {
    // Without the cause: what the library says about a URL may repeat parts of it.
    const kind = error instanceof Error ? error.name : 'an error'
    throw new MongoAddressError(
      `the URL of MongoDB is not understood (${kind}): its form is mongodb://user:password@host:27017/database?options; escape /, @ and : in user and password with %2F, %40 and %3A (PARLANCE_MONGO_URL)`,
    )
  }
}

class Connection implements Mongo {
  readonly database: string
  readonly #createClient: () => MongoClient
  readonly #server: string
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #listeners = new Set<(command: MongoCommand) => void>()
  readonly #replyListeners = new Set<(reply: MongoReply) => void>()
  readonly #maxPending: Count
  #client: WatchedClient
  /** Those that were replaced, until they are closed. */
  readonly #replaced = new Set<Promise<void>>()
  #pending = 0
  #isReachable = false
  #closing: Promise<void> | undefined

  constructor(createClient: () => MongoClient, server: string, database: string, options: MongoOptions) {
    const { logger = silentLogger, metrics = noMetrics, clock = systemClock, maxPending = 10_000 } = options
    this.database = database
    this.#createClient = createClient
    this.#server = server
    this.#clock = clock
    this.#logger = logger
    this.#metrics = metrics
    this.#maxPending = maxPending
    this.#client = this.#open()
  }

  async run<T>(work: (database: Db) => Promise<T>): Promise<T> {
    if (this.#pending >= this.#maxPending)
      throw new OverloadedError(`${this.#server}: ${this.#pending} calls are under way; try again later`)
    this.#pending++
    try {
      return await this.#client.run(work)
    } catch (error) {
      throw convertMongoError(error, this.#server)
    } finally {
      this.#pending--
    }
  }

  on<D extends Document, T>(collection: string, work: (collection: Collection<D>) => Promise<T>): Promise<T> {
    return this.run((database) => work(database.collection<D>(collection)))
  }

  async ensureIndexes(collection: string, indexes: readonly IndexDescription[]): Promise<void> {
    await this.on(collection, (on) => on.createIndexes([...indexes]))
  }

  onCommand(listener: (command: MongoCommand) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  onReply(listener: (reply: MongoReply) => void): () => void {
    this.#replyListeners.add(listener)
    return () => void this.#replyListeners.delete(listener)
  }

  async health(): Promise<MongoHealth> {
    const startedAt = this.#clock.elapsed()
    try {
      await this.run((database) => database.command({ ping: 1 }))
      return { healthy: true, words: `${this.#server} answered in ${Math.round(this.#clock.elapsed() - startedAt)} ms` }
    } catch (error) {
      return { healthy: false, words: (error as Error).message }
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.#client.close()
    } finally {
      this.#client.end(new ClosedError('the connection to MongoDB was closed; open a new one'))
      await Promise.all(this.#replaced)
    }
  }

  #open(): WatchedClient {
    const client = this.#createClient()
    const watched = new WatchedClient(client, this.database, this.#clock, (lost) => this.#replace(watched, lost))
    this.#measure(client)
    this.#report(client)
    return watched
  }

  #replace(stalled: WatchedClient, lost: string): void {
    const server = this.#server
    this.#logger.warn('the MongoDB library lost track of what it does; connecting anew', { server, lost })
    this.#metrics
      .counter('parlance_mongo_clients_replaced_total', 'Clients of the MongoDB library that had come to a standstill')
      .add()
    this.#client = this.#open()
    const reason = `the library that talks to ${server} lost track of ${lost} and was started anew: try again`
    stalled.end(new MongoUnavailableError(reason, { details: { server } }))
    const closing = stalled
      .close()
      .catch((error: unknown) => this.#logger.warn('a replaced MongoDB client did not close', { server, error }))
      .finally(() => this.#replaced.delete(closing))
    this.#replaced.add(closing)
  }

  #measure(client: MongoClient): void {
    const metrics = this.#metrics
    const name = 'parlance_mongo_command_ms'
    const help = 'Round trips to MongoDB by command'
    client.on('commandStarted', ({ commandName, command }) => {
      const collection: unknown = (command as Document)[commandName]
      for (const listener of this.#listeners)
        listener({ name: commandName, collection: typeof collection === 'string' ? collection : undefined })
    })
    client.on('commandSucceeded', ({ commandName, duration, reply }) => {
      metrics.histogram(name, help, latencyBucketsMs, { command: commandName }).observe(duration)
      for (const listener of this.#replyListeners)
        listener({ name: commandName, documents: documentsIn(reply as ReplyBody) })
    })
    client.on('commandFailed', ({ commandName }) =>
      metrics
        .counter('parlance_mongo_command_failures_total', 'Commands that MongoDB refused or never answered', {
          command: commandName,
        })
        .add(),
    )
  }

  #report(client: MongoClient): void {
    client.on('topologyDescriptionChanged', ({ newDescription }) => {
      const now = [...newDescription.servers.values()].some(({ isWritable }) => isWritable)
      if (now === this.#isReachable || this.#closing !== undefined) return
      this.#isReachable = now
      const server = this.#server
      if (now) this.#logger.info('MongoDB takes writes', { server })
      else this.#logger.warn('MongoDB has no server that takes writes', { server })
    })
  }
}

interface ReplyBody {
  readonly cursor?: { readonly firstBatch?: readonly unknown[]; readonly nextBatch?: readonly unknown[] }
  readonly value?: unknown
}

function documentsIn({ cursor, value }: ReplyBody): Count {
  if (cursor === undefined) return value === undefined || value === null ? 0 : 1
  return (cursor.firstBatch ?? cursor.nextBatch ?? []).length
}
