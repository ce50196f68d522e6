import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
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
import { LinkProtocolError, NodeHostError } from '../errors.ts'
import type { NodeHost, NodeOps } from '../node-link.ts'
import { NodeOpTable } from '../node-op-table.ts'
import { type Hello, LinkSecret } from './authentication.ts'
import { HostConnection, type LinkRefusal } from './host-connection.ts'
import { LinkMemory } from './link-memory.ts'
import { defaultFrameBytes, defaultHeartbeatMs } from './defaults.ts'

/** How a process lets others call it. */
export interface NodeHostOptions {
  /** What all processes of the cluster know, and nobody else: 16 bytes or more. */
  readonly secret: string | Uint8Array
  /** Where it listens. Links are authenticated, not encrypted: listen on a private network. @defaultValue '127.0.0.1' */
  readonly host?: string
  /** @defaultValue any free port */
  readonly port?: number
  /** The name under which others reach it. @defaultValue `host`, unless that stands for every address */
  readonly advertisedHost?: string
  readonly ops?: NodeOps
  /** Largest call and answer; above it the connection is cut. @defaultValue 8 388 608 */
  readonly frameBytes?: Bytes
  /** From the connection to the proof that the client knows the secret. @defaultValue 5 000 */
  readonly handshakeMs?: Milliseconds
  /** How often clients make themselves heard; three times that in silence ends a connection. @defaultValue 3 000 */
  readonly heartbeatMs?: Milliseconds
  /** How long it is remembered what a client called whose connection broke. @defaultValue 120 000 */
  readonly rememberMs?: Milliseconds
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
}

/** Connections whose client has not proved who it is; above that the oldest is cut. */
const strangers = 64

/**
 * Listens for calls from other processes of the cluster.
 *
 * @throws InvalidArgumentError when the secret is short, or others could not know where to reach it.
 * @throws NodeHostError when it cannot listen there.
 */
export async function createNodeHost(options: NodeHostOptions): Promise<NodeHost> {
  const { host = '127.0.0.1', port = 0, advertisedHost } = options
  const secret = new LinkSecret(options.secret)
  if (advertisedHost === undefined && (host === '0.0.0.0' || host === '::'))
    throw new InvalidArgumentError(`${host} stands for every address; give advertisedHost, where other nodes reach it`)
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    const cure = 'give a free port and an address of this machine, or port 0 for any'
    throw new NodeHostError(`the node link cannot listen at ${host}:${port} (${(error as Error).message}); ${cure}`, {
      cause: error,
      details: { host, port },
    })
  }
  const name = advertisedHost ?? host
  const address = `${name.includes(':') ? `[${name}]` : name}:${(server.address() as AddressInfo).port}`
  const created = new DirectHost(options, secret, server, address)
  if (options.ops !== undefined) created.serve(options.ops)
  return created
}

interface RememberedLink {
  readonly memory: LinkMemory
  connection: HostConnection | undefined
  forgetting: Timer | undefined
}

class DirectHost implements NodeHost {
  readonly address: string
  readonly incarnation = randomBytes(12).toString('base64url')
  readonly #options: NodeHostOptions
  readonly #server: Server
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #ops: NodeOpTable
  readonly #missedListeners = new Set<() => void>()
  readonly #connections = new Set<HostConnection>()
  readonly #links = new Map<string, RememberedLink>()
  #stopping: Promise<void> | undefined

  constructor(options: NodeHostOptions, secret: LinkSecret, server: Server, address: string) {
    const { clock = systemClock, logger = silentLogger, metrics = noMetrics } = options
    this.#options = options
    this.#server = server
    this.#clock = clock
    this.#logger = logger
    this.#ops = new NodeOpTable(logger)
    this.address = address
    const { frameBytes = defaultFrameBytes, handshakeMs = 5_000, heartbeatMs = defaultHeartbeatMs } = options
    const refused = (reason: string) =>
      metrics.counter('gateway_link_refused_total', 'connections of other processes that were refused', { reason })
    server.on('connection', (socket) => {
      this.#makeRoom()
      const connection = new HostConnection({
        socket,
        secret,
        clock,
        frameBytes,
        handshakeMs,
        heartbeatMs,
        admit: (hello, admitted) => this.#admit(hello, admitted),
        onRefused: (reason) => {
          refused(reason).add()
          if (reason === 'secret')
            logger.warn('a process that does not know the secret of the node link was refused', {
              from: socket.remoteAddress,
            })
        },
        onBroken: (error) => {
          refused('protocol').add()
          const fields = { from: socket.remoteAddress, error: String(error) }
          if (error instanceof LinkProtocolError) logger.warn('a link was cut', fields)
          else logger.error('a link failed', fields)
        },
        onClosed: (closed) => this.#closed(closed),
      })
      this.#connections.add(connection)
    })
    server.on('error', (error) => logger.error('the node link does not listen any more', { error: String(error) }))
  }

  serve(ops: NodeOps): void {
    this.#ops.add(ops)
  }

  onMissed(listener: () => void): () => void {
    const own = (): void => listener()
    this.#missedListeners.add(own)
    return () => void this.#missedListeners.delete(own)
  }

  stop(deadlineMs: Milliseconds = 5_000): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs)
    return this.#stopping
  }

  async #stop(deadlineMs: Milliseconds): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()))
    for (const connection of this.#connections) connection.stopListening()
    let cutOff!: () => void
    const deadline = new Promise<void>((resolve) => (cutOff = resolve))
    const timer = this.#clock.after(deadlineMs, cutOff)
    const settled = Promise.all(Array.from(this.#links.values(), ({ memory }) => memory.settled()))
    await Promise.race([settled, deadline])
    for (const connection of this.#connections) connection.end()
    await Promise.race([closed, deadline])
    timer.cancel()
    for (const connection of this.#connections) connection.destroy()
    for (const { forgetting } of this.#links.values()) forgetting?.cancel()
    this.#links.clear()
    await closed
  }

  #makeRoom(): void {
    const unknown = [...this.#connections].filter(({ isAdmitted }) => !isAdmitted)
    if (unknown.length >= strangers) unknown[0]!.destroy()
  }

  #admit(hello: Hello, connection: HostConnection): { memory: LinkMemory; isKnown: boolean } | LinkRefusal {
    if (this.#stopping !== undefined) return 'stopping'
    if (hello.incarnation !== this.incarnation) return 'incarnation'
    const linkID = hello.linkID.toString('base64')
    const known = this.#links.get(linkID)
    if (known !== undefined) {
      known.forgetting?.cancel()
      known.connection?.destroy()
      known.connection = connection
      return { memory: known.memory, isKnown: true }
    }
    const answerBytes = (this.#options.frameBytes ?? defaultFrameBytes) - 64
    const memory = new LinkMemory(this.#ops, answerBytes, () => this.#missed())
    this.#links.set(linkID, { memory, connection, forgetting: undefined })
    return { memory, isKnown: false }
  }

  #missed(): void {
    for (const listener of this.#missedListeners) {
      try {
        listener()
      } catch (error) {
        this.#logger.error('a listener for missed deliveries threw', { error: String(error) })
      }
    }
  }

  #closed(connection: HostConnection): void {
    this.#connections.delete(connection)
    for (const [linkID, link] of this.#links) {
      if (link.connection !== connection) continue
      link.connection = undefined
      if (this.#stopping !== undefined) return
      link.forgetting = this.#clock.after(this.#options.rememberMs ?? 120_000, () => void this.#links.delete(linkID))
    }
  }
}
