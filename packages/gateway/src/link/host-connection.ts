import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Bytes, Clock, Milliseconds, Timer } from '@parlance/core'
import { LinkProtocolError } from '../errors.ts'
import { type Hello, type LinkSecret, nonceBytes, readHello } from './authentication.ts'
import { type Frame, frameKinds, frameOf, FrameReader, readAcknowledgement, readCall } from './frames.ts'
import type { AnswerSink, LinkMemory } from './link-memory.ts'

/** Why a client is not let in. */
export type LinkRefusal = 'secret' | 'incarnation' | 'stopping'

export interface HostConnectionOptions {
  readonly socket: Socket
  readonly secret: LinkSecret
  readonly clock: Clock
  readonly frameBytes: Bytes
  readonly handshakeMs: Milliseconds
  readonly heartbeatMs: Milliseconds
  /** Says no, or gives what is known of the link. Asked once, about a client that knows the secret. */
  readonly admit: (hello: Hello, connection: HostConnection) => { memory: LinkMemory; isKnown: boolean } | LinkRefusal
  readonly onRefused: (reason: LinkRefusal) => void
  readonly onBroken: (error: unknown) => void
  readonly onClosed: (connection: HostConnection) => void
}

/** A frame before the client has proved who it is. */
const helloBytes: Bytes = 1_024
/** Beats a connection may miss before it is taken for dead. */
const missedBeats = 3

/** One connection of a client to a host, from the challenge to its end. */
export class HostConnection implements AnswerSink {
  readonly #options: HostConnectionOptions
  readonly #nonce = randomBytes(nonceBytes)
  readonly #reader = new FrameReader(helloBytes)
  #memory: LinkMemory | undefined
  #timer: Timer
  #isListening = true

  constructor(options: HostConnectionOptions) {
    this.#options = options
    const { socket, clock, handshakeMs } = options
    socket.setNoDelay(true)
    this.#timer = clock.after(handshakeMs, () => socket.destroy())
    // What an error means is done when the socket closes, which follows.
    socket.on('error', (error) => error)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('drain', () => void socket.resume())
    socket.on('close', () => this.#closed())
    this.write(frameOf(frameKinds.challenge, this.#nonce))
  }

  get isAdmitted(): boolean {
    return this.#memory !== undefined
  }

  write(frame: readonly Uint8Array[]): void {
    const { socket } = this.#options
    if (!socket.writable) return
    let isRoom = true
    socket.cork()
    for (const part of frame) isRoom = socket.write(part)
    socket.uncork()
    // Who does not read the answers is not asked for more.
    if (!isRoom) socket.pause()
  }

  /** Takes no more calls. */
  stopListening(): void {
    this.#isListening = false
  }

  /** Writes what waits, and closes. */
  end(): void {
    this.#options.socket.end()
  }

  destroy(): void {
    this.#options.socket.destroy()
  }

  #receive(chunk: Buffer): void {
    if (!this.#isListening) return
    try {
      if (this.#memory !== undefined) this.#awaitBeat()
      for (const frame of this.#reader.read(chunk)) this.#take(frame)
    } catch (error) {
      this.#options.onBroken(error)
      this.destroy()
    }
  }

  #take({ kind, body }: Frame): void {
    if (!this.#isListening) return
    const memory = this.#memory
    if (memory === undefined) {
      if (kind !== frameKinds.hello) throw new LinkProtocolError('something else came where a hello had to')
      return this.#greet(readHello(body))
    }
    if (kind === frameKinds.call) memory.call(readCall(body))
    else if (kind === frameKinds.acknowledgement) memory.acknowledge(readAcknowledgement(body))
    else if (kind === frameKinds.ping) this.write(frameOf(frameKinds.pong))
    else throw new LinkProtocolError(`a frame of the unknown kind ${kind}`)
  }

  #greet(hello: Hello): void {
    const { secret, admit, frameBytes } = this.#options
    if (!secret.isHello(this.#nonce, hello)) return this.#refuse('secret')
    const admitted = admit(hello, this)
    if (typeof admitted === 'string') return this.#refuse(admitted)
    const { memory, isKnown } = admitted
    this.#memory = memory
    this.#reader.limitBytes = frameBytes
    this.#awaitBeat()
    this.write(frameOf(frameKinds.welcome, ...secret.welcome(this.#nonce, hello, { begun: memory.begun, isKnown })))
    memory.connect(this)
  }

  #refuse(reason: LinkRefusal): void {
    this.#options.onRefused(reason)
    this.#isListening = false
    this.write(frameOf(frameKinds.refusal, Buffer.from(reason)))
    this.#options.socket.destroySoon()
  }

  #awaitBeat(): void {
    const { clock, heartbeatMs, socket } = this.#options
    this.#timer.cancel()
    this.#timer = clock.after(heartbeatMs * missedBeats, () => socket.destroy())
  }

  #closed(): void {
    this.#timer.cancel()
    this.#isListening = false
    this.#memory?.disconnect(this)
    this.#options.onClosed(this)
  }
}
