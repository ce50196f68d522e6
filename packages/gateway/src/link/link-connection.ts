import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { Bytes, Clock, Milliseconds, Timer } from '@parlance/core'
import { LinkProtocolError } from '../errors.ts'
import { type LinkSecret, nonceBytes, type Welcome } from './authentication.ts'
import { type Frame, frameKinds, frameOf, FrameReader } from './frames.ts'

export interface LinkConnectionOptions {
  readonly address: string
  readonly incarnation: string
  readonly linkID: Buffer
  readonly secret: LinkSecret
  readonly clock: Clock
  readonly frameBytes: Bytes
  readonly connectMs: Milliseconds
  readonly heartbeatMs: Milliseconds
  readonly onWelcome: (welcome: Welcome) => void
  /** An answer or a failure. */
  readonly onAnswer: (frame: Frame) => void
  /** What was written has been taken off. */
  readonly onDrain: () => void
}

/** Beats a connection may miss before it is taken for dead. */
const missedBeats = 3

const refusals: Readonly<Record<string, string>> = {
  secret: 'it knows another secret; give every process of the cluster the same',
  incarnation: 'another process listens at its address now',
  stopping: 'it is stopping',
}

/** One connection to a host, from the first byte to its end. */
export class LinkConnection {
  /** Resolves with why it ended. Never rejects. */
  readonly ended: Promise<Error>
  readonly #options: LinkConnectionOptions
  readonly #socket: Socket
  readonly #reader: FrameReader
  readonly #nonce = randomBytes(nonceBytes)
  #hostNonce: Buffer | undefined
  #isWelcome = false
  #deadline: Timer
  #beat: Timer | undefined
  #reason: Error = new Error('the other end closed the connection')

  constructor(options: LinkConnectionOptions) {
    this.#options = options
    const { address, clock, frameBytes, connectMs, onDrain } = options
    const colon = address.lastIndexOf(':')
    this.#reader = new FrameReader(frameBytes)
    this.#socket = connect({
      host: address.slice(0, colon).replace(/^\[|\]$/g, ''),
      port: Number(address.slice(colon + 1)),
      noDelay: true,
    })
    this.#deadline = clock.after(connectMs, () => this.destroy(new Error(`no link within ${connectMs} ms`)))
    this.#socket.on('error', (error) => (this.#reason = error))
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    this.#socket.on('drain', onDrain)
    this.ended = new Promise((resolve) => {
      this.#socket.once('close', () => {
        this.#deadline.cancel()
        this.#beat?.cancel()
        resolve(this.#reason)
      })
    })
  }

  /** Bytes that the other end has not taken yet. */
  get waitingBytes(): Bytes {
    return this.#socket.writableLength
  }

  write(frame: readonly Uint8Array[]): void {
    if (!this.#socket.writable) return
    this.#socket.cork()
    for (const part of frame) this.#socket.write(part)
    this.#socket.uncork()
  }

  destroy(reason: Error): void {
    this.#reason = reason
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    try {
      if (this.#isWelcome) this.#awaitBeat()
      for (const frame of this.#reader.read(chunk)) this.#take(frame)
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  #take({ kind, body }: Frame): void {
    const { secret, linkID, incarnation, onWelcome, onAnswer } = this.#options
    if (kind === frameKinds.refusal) throw new LinkProtocolError(refusals[body.toString()] ?? 'it refused the link')
    if (this.#isWelcome) {
      if (kind !== frameKinds.pong) onAnswer({ kind, body })
      return
    }
    if (this.#hostNonce === undefined) {
      if (kind !== frameKinds.challenge || body.length !== nonceBytes)
        throw new LinkProtocolError('no node of this cluster listens at its address')
      this.#hostNonce = body
      return this.write(frameOf(frameKinds.hello, ...secret.hello(body, this.#nonce, linkID, incarnation)))
    }
    if (kind !== frameKinds.welcome) throw new LinkProtocolError('something else came where a welcome had to')
    const welcome = secret.readWelcome(this.#hostNonce, this.#nonce, linkID, body)
    this.#isWelcome = true
    this.#awaitBeat()
    this.#ping()
    onWelcome(welcome)
  }

  #awaitBeat(): void {
    const { clock, heartbeatMs } = this.#options
    this.#deadline.cancel()
    const silentMs = heartbeatMs * missedBeats
    this.#deadline = clock.after(silentMs, () => this.destroy(new Error(`nothing was heard for ${silentMs} ms`)))
  }

  #ping(): void {
    this.#beat = this.#options.clock.after(this.#options.heartbeatMs, () => {
      this.write(frameOf(frameKinds.ping))
      this.#ping()
    })
  }
}
