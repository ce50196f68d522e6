import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TimeoutError } from '@parlance/core'
import { type Server as WebSocketAcceptor, WebSocketServer } from 'ws'
import type { Admission } from './admission.ts'
import { Connection, type ConnectionContext } from './connection.ts'
import type { DevicePolicy } from './device-policy.ts'
import { GatewaySocket } from './gateway-socket.ts'
import { HandshakeTime, isWebSocketUpgrade, readRequest } from './handshake.ts'
import type { OpMessage } from './ops.ts'
import type { Handshake } from './options.ts'
import { type Refusal, type RefusalReason, refusals, refuse } from './refusal.ts'
import type { RegisteredSession, SessionRegistry } from './registry.ts'
import type { Session } from './session.ts'
import type { SessionTable } from './session-table.ts'
import type { UpgradeTaker } from './upgrade-routes.ts'
import { Visitors } from './visitors.ts'

/** What the reception needs to know. */
export interface ReceptionOptions<In extends OpMessage, Out> {
  readonly node: string
  readonly handshake: Handshake<In, Out>
  readonly registry: SessionRegistry
  readonly sessions: SessionTable<In, Out>
  readonly context: ConnectionContext<In, Out>
  readonly devicePolicy: DevicePolicy
  readonly addressOf: (request: IncomingMessage) => string
  readonly refusalOf: ((reason: RefusalReason) => Refusal | undefined) | undefined
  readonly onOpen: ((session: Session<In, Out>) => void) | undefined
  /** Ends a session that the device policy does not want any more. */
  readonly replace: (session: RegisteredSession) => void
  /** A socket, or a session that was never opened, is gone. */
  readonly onLeft: () => void
}

const stays = Promise.resolve(true)

type Accepted<In, Out> = Extract<Admission<In, Out>, { kind: 'accept' }>

/** Decides about clients that ask to be connected, and makes sessions of those that may. */
export class Reception<In extends OpMessage, Out> implements UpgradeTaker {
  readonly visitors: Visitors
  readonly #options: ReceptionOptions<In, Out>
  readonly #webSockets: WebSocketAcceptor<typeof GatewaySocket>
  readonly #subprotocols = new WeakMap<IncomingMessage, string>()
  #isClosed = false

  constructor(options: ReceptionOptions<In, Out>) {
    this.#options = options
    this.visitors = new Visitors(options.onLeft)
    const { limits } = options.context
    const settings = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: limits.frameBytes,
      closeTimeout: limits.closeMs,
      WebSocket: GatewaySocket,
      handleProtocols: (_: Set<string>, request: IncomingMessage) => this.#subprotocols.get(request) ?? false,
    }
    this.#webSockets = new WebSocketServer(settings)
  }

  /** Refuses everybody from now on. */
  close(): void {
    this.#isClosed = true
  }

  receive(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', ignoreBrokenSocket)
    const address = this.#options.addressOf(request)
    const obstacle = this.#obstacle(request, address)
    this.visitors.enter(socket, address)
    if (obstacle !== undefined) return this.#refuse(socket, obstacle)
    this.#receive(request, socket, head, address).catch((error: unknown) => {
      this.#options.context.logger.error('a handshake failed', { error: String(error) })
      this.#refuse(socket, 'failed')
    })
  }

  /** Refuses a client whose address nobody serves. */
  turnAway(request: IncomingMessage, socket: Duplex): void {
    socket.on('error', ignoreBrokenSocket)
    this.visitors.enter(socket, this.#options.addressOf(request))
    this.#refuse(socket, 'notFound')
  }

  #obstacle(request: IncomingMessage, address: string): RefusalReason | undefined {
    const { limits } = this.#options.context
    if (this.#isClosed) return 'draining'
    if (!isWebSocketUpgrade(request)) return 'notWebSocket'
    if (this.visitors.count >= limits.connections) return 'full'
    if (this.visitors.from(address) >= limits.connectionsPerAddress) return 'tooManyFromAddress'
    return undefined
  }

  async #receive(request: IncomingMessage, socket: Duplex, head: Buffer, address: string): Promise<void> {
    const { handshake, context } = this.#options
    using time = new HandshakeTime(socket, context.clock, context.limits.handshakeMs)
    const asked = readRequest(request, address, time.signal)
    if (asked === undefined) return this.#refuse(socket, 'notWebSocket')
    try {
      const admission = await time.bound(Promise.resolve(handshake(asked)))
      if (admission.kind === 'refuse') this.#refuseWith(socket, admission, 'handshake')
      else if (admission.kind === 'refuse-after-upgrade') this.#explain(request, socket, head, admission)
      else await this.#welcome(request, socket, head, admission, time)
    } catch (error) {
      if (!time.signal.aborted) throw error
      if (time.signal.reason instanceof TimeoutError) this.#refuse(socket, 'tooLate')
    }
  }

  async #welcome(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    { identity, codec, greeting, confirm, expiresAtMs, attributes, subprotocol }: Accepted<In, Out>,
    time: HandshakeTime,
  ): Promise<void> {
    const { node, registry, sessions, context, onOpen } = this.#options
    const { subject, device, credential } = identity
    const registration: RegisteredSession = {
      id: randomBytes(12).toString('base64url'),
      node,
      subject,
      device,
      credential,
    }
    const connection = new Connection(registration, codec, context, attributes)
    if (expiresAtMs !== undefined) connection.expiresAtMs = expiresAtMs
    if (greeting !== undefined) connection.greet(greeting)
    // First here, then in the registry: whoever finds it there can deliver to it.
    sessions.add(connection)
    const registering = Promise.resolve(registry.register(registration))
    let isOpened = false
    try {
      const existing = await this.#registered(registering, time)
      const isConfirmed = existing === undefined || (await time.bound(confirm?.() ?? stays))
      const obstacle = this.#settle(connection, existing, isConfirmed)
      if (obstacle !== undefined) return this.#refuse(socket, obstacle)
      onOpen?.(connection)
      if (subprotocol !== undefined) this.#subprotocols.set(request, subprotocol)
      isOpened = this.#upgrade(request, socket, head, (webSocket) => {
        this.visitors.settled(socket)
        context.measures.sessions.set(sessions.size)
        connection.open(webSocket, socket)
      })
    } finally {
      if (!isOpened) this.#abandon(connection, registering)
    }
  }

  /** @returns the subject's other sessions, or undefined when the registry failed. */
  async #registered(
    registering: Promise<readonly RegisteredSession[]>,
    time: HandshakeTime,
  ): Promise<readonly RegisteredSession[] | undefined> {
    try {
      return await time.bound(registering)
    } catch (error) {
      if (time.signal.aborted) throw error
      this.#options.context.logger.error('a session could not be registered', { error: String(error) })
      return undefined
    }
  }

  /** Decides who stays: the session that came, and those it found. @returns why the client is refused although it was admitted. */
  #settle(
    connection: Connection<In, Out>,
    existing: readonly RegisteredSession[] | undefined,
    isConfirmed: boolean,
  ): RefusalReason | undefined {
    const { context, devicePolicy, replace } = this.#options
    const { registration } = connection
    if (existing === undefined) return 'unavailable'
    if (this.#isClosed) return 'draining'
    if (!isConfirmed) replace(registration)
    // Who was kicked meanwhile takes nobody's place: its client is told so once it is upgraded.
    if (!connection.isOpen) return undefined
    const leaving = devicePolicy(registration, existing)
    if (existing.length - leaving.length >= context.limits.sessionsPerSubject) return 'tooManySessions'
    for (const session of leaving) replace(session)
    return undefined
  }

  #abandon(connection: Connection<In, Out>, registering: Promise<unknown>): void {
    const { registry, sessions, context, onLeft } = this.#options
    sessions.remove(connection)
    onLeft()
    registering
      .then(() => registry.unregister(connection.registration))
      .catch((error: unknown) => context.logger.warn('a session could not be unregistered', { error: String(error) }))
  }

  #explain(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    { message, closeCode, reason }: Extract<Admission, { kind: 'refuse-after-upgrade' }>,
  ): void {
    this.#options.context.measures.refused('handshake').add()
    this.#upgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', ignoreBrokenSocket)
      if (message !== undefined) webSocket.send(message.bytes, { binary: message.binary })
      webSocket.close(closeCode, reason)
    })
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, use: (webSocket: GatewaySocket) => void): boolean {
    let isDone = false
    socket.off('error', ignoreBrokenSocket)
    this.#webSockets.handleUpgrade(request, socket as Socket, head, (webSocket) => {
      isDone = true
      use(webSocket)
    })
    return isDone
  }

  #refuse(socket: Duplex, reason: RefusalReason): void {
    this.#refuseWith(socket, this.#options.refusalOf?.(reason) ?? refusals[reason], reason)
  }

  #refuseWith(socket: Duplex, refusal: Refusal, reason: string): void {
    this.#options.context.measures.refused(reason).add()
    try {
      if (!socket.writable) socket.destroy()
      else refuse(socket, refusal)
    } catch (error) {
      this.#options.context.logger.error('a refusal could not be written', { error: String(error) })
      socket.destroy()
    }
  }
}

// A peer may vanish at any moment; the socket's close event, which follows, is what is acted upon.
function ignoreBrokenSocket(): void {
  return undefined
}
