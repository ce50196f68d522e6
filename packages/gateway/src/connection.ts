import type { Duplex } from 'node:stream'
import {
  type Bytes,
  type Clock,
  InvalidArgumentError,
  type Logger,
  type Milliseconds,
  type Timestamp,
} from '@parlance/core'
import { closeCodes, fitReason, isSendableCloseCode } from './close-codes.ts'
import type { EncodedMessage, SessionCodec } from './codec.ts'
import type { FlushList } from './flush-list.ts'
import { buildFrame } from './frame.ts'
import type { GatewaySocket, SocketOwner } from './gateway-socket.ts'
import type { ResolvedLimits } from './limits.ts'
import type { Measures } from './measures.ts'
import type { OpMessage } from './ops.ts'
import type { RegisteredSession } from './registry.ts'
import { RequestIntake, type RequestRules } from './request-intake.ts'
import type { Session } from './session.ts'

/** What all connections of a gateway share. */
export interface ConnectionContext<In extends OpMessage, Out> extends RequestRules<In, Out> {
  readonly limits: ResolvedLimits
  readonly clock: Clock
  readonly logger: Logger
  readonly measures: Measures
  readonly flushes: FlushList
  /** Called exactly once per connection that was opened. */
  readonly onEnded: (connection: Connection<In, Out>, code: number, reason: string) => void
}

type State = 'opening' | 'open' | 'finishing' | 'closing' | 'ended'

interface Farewell {
  readonly code: number
  readonly reason: string
}

interface HeldPush {
  readonly frame: Buffer
  readonly requestKey: string | undefined
}

/** The one implementation of a session: its socket, what waits to be written to it, and how it ends. */
export class Connection<In extends OpMessage, Out> implements Session<In, Out>, SocketOwner {
  readonly registration: RegisteredSession
  readonly codec: SessionCodec<In, Out>
  readonly openedAt: Timestamp
  /** When the last frame came, and when the last ping went, on the monotonic clock. */
  heardAtMs: Milliseconds
  pingedAtMs: Milliseconds = 0
  /** The delivery that reached this connection last, so that none reaches it twice. */
  lastDelivery = 0
  /** Subjects whose presence it watches. */
  watching: Set<string> | undefined
  /** UTF-8 bytes of their names. */
  watchingBytes: Bytes = 0
  /** When its credential expires, on the wall clock. */
  expiresAtMs: Timestamp = Number.POSITIVE_INFINITY
  /** When a finishing connection is closed even if a request is still being handled. */
  finishByMs: Milliseconds = Number.POSITIVE_INFINITY

  readonly #context: ConnectionContext<In, Out>
  readonly #intake: RequestIntake<In, Out>
  #state: State = 'opening'
  #webSocket: GatewaySocket | undefined
  #socket: Duplex | undefined
  #queue: Buffer[] | undefined
  #queuedBytes: Bytes = 0
  #held: HeldPush[] | undefined
  #heldBytes: Bytes = 0
  #attributes: Map<string, unknown> | undefined
  #farewell: Farewell | undefined

  constructor(
    registration: RegisteredSession,
    codec: SessionCodec<In, Out>,
    context: ConnectionContext<In, Out>,
    attributes?: Readonly<Record<string, unknown>>,
  ) {
    this.registration = registration
    this.codec = codec
    this.#context = context
    this.openedAt = context.clock.now()
    this.heardAtMs = context.clock.elapsed()
    this.#intake = new RequestIntake(this, context)
    if (attributes !== undefined) this.#attributes = new Map(Object.entries(attributes))
  }

  get id(): string {
    return this.registration.id
  }

  get subject(): string {
    return this.registration.subject
  }

  get device(): string {
    return this.registration.device
  }

  get credential(): string {
    return this.registration.credential
  }

  get attributes(): Map<string, unknown> {
    this.#attributes ??= new Map()
    return this.#attributes
  }

  get bufferedBytes(): Bytes {
    return this.#queuedBytes + this.#heldBytes + (this.#socket?.writableLength ?? 0)
  }

  get isOpen(): boolean {
    if (this.#webSocket !== undefined && this.#webSocket.readyState !== this.#webSocket.OPEN) return false
    return this.#state === 'opening' || this.#state === 'open' || this.#state === 'finishing'
  }

  /** Requests of this session that were begun and not answered, or wait to be begun. */
  get isBusy(): boolean {
    return this.#intake.isBusy
  }

  get isPaused(): boolean {
    return this.#intake.isPaused
  }

  /** The upgrade is done: writes what was queued meanwhile, and begins to read. */
  open(webSocket: GatewaySocket, socket: Duplex): void {
    this.#webSocket = webSocket
    this.#socket = socket
    this.heardAtMs = this.#context.clock.elapsed()
    webSocket.listen(this)
    if (this.#state === 'opening') this.#state = 'open'
    this.flush()
    if (this.#farewell !== undefined) this.#sendClose(this.#farewell)
  }

  send(message: Out): boolean {
    return this.#enqueue(this.#encode(message))
  }

  sendEncoded(bytes: Uint8Array, binary: boolean): boolean {
    return this.#enqueue(buildFrame(bytes, binary))
  }

  /** The first message on the wire. */
  greet(message: EncodedMessage): void {
    this.#enqueue(buildFrame(message.bytes, message.binary))
  }

  /**
   * Queues a push unless the peer is too slow; then its codec's policy is applied. With a request key the push, and every
   * push after it, waits until no request with that key is being handled.
   */
  push(frame: Buffer, requestKey?: string): boolean {
    if (!this.isOpen) return false
    if (this.bufferedBytes > this.#context.limits.bufferedBytes) {
      if (this.codec.slowConsumer === 'close') this.#closeSlow()
      else this.#context.measures.pushesDropped.add()
      return false
    }
    const mustWait = requestKey !== undefined && this.#intake.isHandling(requestKey)
    if (!mustWait && this.#held === undefined) return this.#enqueue(frame)
    this.#held ??= []
    this.#held.push({ frame, requestKey })
    this.#heldBytes += frame.length
    return true
  }

  /** A request was answered, or needs no answer: what waited behind it may go. */
  answered(): void {
    const held = this.#held
    if (held !== undefined) {
      let released = 0
      for (const { frame, requestKey } of held) {
        if (requestKey !== undefined && this.#intake.isHandling(requestKey)) break
        released++
        this.#heldBytes -= frame.length
        this.#enqueue(frame)
      }
      if (!this.isOpen) return
      this.#held = released === held.length ? undefined : held.slice(released)
    }
    if (this.#state === 'finishing' && !this.isBusy) this.#closeWith(this.#farewell!)
  }

  close(code: number, reason: string): void {
    this.#closeWith(checked(code, reason))
  }

  finish(code: number, reason: string, withinMs: Milliseconds = this.#context.limits.closeMs): void {
    if (this.#state !== 'opening' && this.#state !== 'open') return
    this.#farewell = checked(code, reason)
    this.finishByMs = this.#context.clock.elapsed() + withinMs
    this.#state = 'finishing'
    this.#intake.stopReading()
    if (this.#webSocket !== undefined && !this.isBusy) this.#closeWith(this.#farewell)
  }

  /** Ends it with last words. */
  dismiss(farewell: Out | undefined, code: number, reason: string): void {
    if (farewell !== undefined) this.send(farewell)
    this.close(code, reason)
  }

  /** Closes although a request is still being handled. */
  giveUpFinishing(): void {
    if (this.#farewell !== undefined) this.#closeWith(this.#farewell)
  }

  /** Cuts the connection off. */
  terminate(): void {
    this.#webSocket?.terminate()
  }

  ping(): void {
    this.pingedAtMs = this.#context.clock.elapsed()
    if (this.isOpen) this.#webSocket?.ping()
  }

  flush(): void {
    const queue = this.#queue
    const socket = this.#socket
    if (queue === undefined || socket === undefined) return
    const bytes = this.#queuedBytes
    this.#queue = undefined
    this.#queuedBytes = 0
    if (this.#webSocket!.readyState !== this.#webSocket!.OPEN) return
    if (queue.length === 1) socket.write(queue[0]!)
    else {
      socket.cork()
      for (const frame of queue) socket.write(frame)
      socket.uncork()
    }
    this.#context.measures.framesOut.add(queue.length)
    this.#context.measures.bytesOut.add(bytes)
  }

  received(data: Buffer, binary: boolean): void {
    if (this.#state !== 'open') return
    this.heardAtMs = this.#context.clock.elapsed()
    this.#intake.arrived(data, binary)
  }

  heard(): void {
    this.heardAtMs = this.#context.clock.elapsed()
    if (this.#state === 'open') this.#intake.arrivedControl()
  }

  failed(error: Error): void {
    this.#context.logger.debug('connection failed', { session: this.id, error: error.message })
  }

  ended(code: number, reason: string): void {
    if (this.#state === 'ended') return
    const farewell = this.#state === 'closing' ? this.#farewell : undefined
    this.#state = 'ended'
    this.#discard()
    this.#context.onEnded(this, farewell?.code ?? code, farewell?.reason ?? reason)
  }

  pauseReading(): void {
    this.#webSocket?.pause()
  }

  resumeReading(): void {
    this.#webSocket?.resume()
  }

  #encode(message: Out): Buffer {
    const { bytes, binary } = this.codec.encode(message)
    return buildFrame(bytes, binary)
  }

  #enqueue(frame: Buffer): boolean {
    if (!this.isOpen) return false
    if (this.bufferedBytes > this.#context.limits.hardBufferedBytes) {
      this.#closeSlow()
      return false
    }
    this.#queuedBytes += frame.length
    if (this.#queue === undefined) {
      this.#queue = [frame]
      if (this.#socket !== undefined) this.#context.flushes.add(this)
    } else this.#queue.push(frame)
    return true
  }

  #closeSlow(): void {
    this.#closeWith({ code: closeCodes.slowConsumer, reason: 'reads too slowly; reconnect and fetch what is missing' })
  }

  #closeWith(farewell: Farewell): void {
    if (!this.isOpen) return
    this.#farewell = farewell
    this.#state = 'closing'
    if (this.#webSocket === undefined) return
    this.flush()
    this.#sendClose(farewell)
  }

  #sendClose({ code, reason }: Farewell): void {
    this.#state = 'closing'
    this.#discard()
    // The peer's own close frame has to be read, or the connection would end only by its deadline.
    this.#webSocket?.resume()
    this.#webSocket?.close(code, reason)
  }

  #discard(): void {
    this.#intake.stop()
    this.#queue = undefined
    this.#queuedBytes = 0
    this.#held = undefined
    this.#heldBytes = 0
  }
}

function checked(code: number, reason: string): Farewell {
  if (!isSendableCloseCode(code))
    throw new InvalidArgumentError(`${code} may not be sent in a close frame; give one from 4000 to 4999`)
  return { code, reason: fitReason(reason) }
}
