import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { until } from '@parlance/testing'
import { WebSocket } from 'ws'
import {
  type CommonOptions,
  createGateway,
  type Gateway,
  type HandshakeRequest,
  json,
  type JsonMessage,
  type JsonRequest,
  type SessionCodec,
} from '@parlance/gateway'

export type TestGateway = Gateway<JsonRequest, JsonMessage>
export type TestOptions = CommonOptions<JsonRequest, JsonMessage>

/** A codec like `json` that only loses pushes when its client is slow. */
export const lossyJson: SessionCodec<JsonRequest, JsonMessage> = { ...json, name: 'lossy', slowConsumer: 'drop-pushes' }
/** A codec whose clients are never pinged. */
export const quietJson: SessionCodec<JsonRequest, JsonMessage> = { ...json, name: 'quiet', pings: false }

export const identify = ({ url }: HandshakeRequest) => {
  const subject = url.searchParams.get('user')
  if (subject === null) return undefined
  return {
    subject,
    device: url.searchParams.get('device') ?? 'web',
    credential: url.searchParams.get('credential') ?? `credential of ${subject}`,
  }
}

/** A gateway on a port of its own, and what has to be cleaned up with it. */
export class Site {
  readonly gateway: TestGateway
  readonly server: Server
  readonly #clients: Client[] = []

  constructor(gateway: TestGateway, server: Server) {
    this.gateway = gateway
    this.server = server
  }

  static async open(options: TestOptions = {}): Promise<Site> {
    const codecs = [json, lossyJson, quietJson] as const
    return Site.around(createGateway({ authenticate: identify, codecs, ...options }))
  }

  static async around(gateway: TestGateway): Promise<Site> {
    const server = createServer((_, response) => void response.end('http'))
    gateway.attach(server)
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    return new Site(gateway, server)
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** A client that is connected and greeted. */
  async connect(user: string, more: { query?: string; codec?: string } = {}): Promise<Client> {
    const client = this.dial(`/?user=${user}${more.query ?? ''}`, more.codec)
    await client.opened
    return client
  }

  dial(path: string, codec?: string): Client {
    const address = `ws://127.0.0.1:${this.port}${path}`
    const client = new Client(codec === undefined ? new WebSocket(address) : new WebSocket(address, codec))
    this.#clients.push(client)
    return client
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.webSocket.terminate()
    // Sockets that are gone already need no time, whatever clock the gateway has.
    const stopped = this.gateway.stop()
    this.server.closeAllConnections()
    await stopped
    await new Promise<void>((resolve) => void this.server.close(() => resolve()))
  }
}

/** The far end of a session, and everything that reached it. */
export class Client {
  readonly webSocket: WebSocket
  readonly received: JsonMessage[] = []
  readonly opened: Promise<void>
  readonly closed: Promise<{ code: number; reason: string; received: number }>
  pings = 0
  #id = 0

  constructor(webSocket: WebSocket) {
    this.webSocket = webSocket
    this.opened = new Promise((resolve, reject) => {
      webSocket.once('open', resolve)
      webSocket.once('error', reject)
    })
    this.opened.catch((error: unknown) => error)
    this.closed = new Promise((resolve) => {
      webSocket.once('close', (code, reason) =>
        resolve({ code, reason: reason.toString(), received: this.received.length }),
      )
    })
    webSocket.on('error', (error) => error)
    webSocket.on('ping', () => void this.pings++)
    webSocket.on('message', (data: Buffer) => void this.received.push(JSON.parse(data.toString()) as JsonMessage))
  }

  send(message: JsonRequest): void {
    this.webSocket.send(JSON.stringify(message))
  }

  /** Sends a request and waits for its answer. */
  async ask(op: string, data?: unknown): Promise<JsonMessage> {
    const id = ++this.#id
    this.send({ op, id, data })
    return until(`${op} is answered`, () => this.received.find((message) => message.id === id))
  }

  ops(): string[] {
    return this.received.map(({ op }) => op)
  }

  async receives(count: number): Promise<void> {
    await until(`${count} messages came`, () => this.received.length >= count)
  }
}
