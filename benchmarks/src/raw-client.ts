import { createConnection, type Socket } from 'node:net'

import { ConnectionError } from './errors.ts'
import { emptyEnvelope, scanEnvelope } from './wire/envelope-scanner.ts'
import { FrameReader, type FrameSink, opcode } from './wire/frame-reader.ts'
import { type MessageSink, PushScanner } from './wire/push-scanner.ts'
import { clientFrame } from './wire/send-frame.ts'

const pushIdentifier = 2001
const kickIdentifier = 2002
const maxHandshakeBytes = 16 * 1024
const heartbeat = clientFrame(opcode.text, Buffer.from('{"type":"ping"}'))

// One connection is read at a time and every byte is used or copied before the next read, so all of them share this.
const receiveBuffer = Buffer.allocUnsafeSlow(256 * 1024)
const envelope = emptyEnvelope()
const pushScanner = new PushScanner()

/** Where a client logs in, and as whom. */
export interface RawClientOptions {
  readonly host: string
  readonly port: number
  readonly userID: string
  readonly token: string
  readonly platformID: number
}

/**
 * Hears what a client's connection receives. `lane` is the number the client was made with.
 *
 * All calls for one chunk of bytes come between {@link chunkBegins} and {@link chunkEnds}, in the order of the bytes.
 */
export interface RawClientSink {
  chunkBegins(lane: number): void
  /** The server answered request `number`; −1 when the answer carries no number. */
  answered(lane: number, number: number, errCode: number): void
  /** A chat message arrived; `number` is −1 when no workload sent it. */
  received(lane: number, number: number, seq: number, sendTimeMs: number): void
  chunkEnds(lane: number): void
  /** The connection ended without {@link RawClient.close}. */
  lost(lane: number, reason: Error): void
}

/**
 * A WebSocket client that costs next to nothing: it reads into one shared buffer, scans frames in place and hands on
 * numbers only. It speaks the JSON envelope of the official JavaScript client.
 */
export class RawClient implements FrameSink, MessageSink {
  readonly lane: number
  readonly #options: RawClientOptions
  readonly #sink: RawClientSink
  readonly #frames = new FrameReader()
  #socket: Socket | undefined
  #handshake: Buffer | undefined = Buffer.alloc(0)
  #login: { resolve: () => void; reject: (reason: Error) => void } | undefined
  #isClosed = false

  constructor(options: RawClientOptions, lane: number, sink: RawClientSink) {
    this.#options = options
    this.lane = lane
    this.#sink = sink
  }

  /**
   * Connects; resolves when the server confirmed the login.
   *
   * @throws {@link ConnectionError} when the server refuses, or the connection ends first.
   */
  connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#login = { resolve, reject }
      const { host, port } = this.#options
      const callback = (bytes: number, buffer: Uint8Array): boolean => {
        this.#read(buffer as Buffer, bytes)
        return true
      }
      const socket = createConnection({ host, port, noDelay: true, onread: { buffer: receiveBuffer, callback } })
      this.#socket = socket
      socket.on('connect', () => socket.write(this.#upgradeRequest()))
      socket.on('error', (cause) => this.#end(new ConnectionError(`Socket error: ${cause.message}`, { cause })))
      socket.on('close', () => {
        if (!this.#isClosed) this.#end(new ConnectionError('The server closed the connection.'))
      })
    })
  }

  /** True from the confirmed login to the end of the connection. */
  get isOnline(): boolean {
    return !this.#isClosed && this.#handshake === undefined && this.#login === undefined
  }

  /** Hands finished client frames to the socket. */
  send(frames: Buffer): void {
    this.#socket?.write(frames)
  }

  /** Sends the heartbeat official clients send every ten seconds. */
  beat(): void {
    this.#socket?.write(heartbeat)
  }

  /**
   * Ends the connection with a reset, as a device that loses its network; {@link RawClientSink.lost} is not called.
   *
   * An orderly end would keep the local port busy for a minute, and thousands of connections would soon use them up.
   */
  close(): void {
    this.#isClosed = true
    this.#socket?.resetAndDestroy()
  }

  /** Takes one frame; called by the frame reader. */
  frame(kind: number, buffer: Buffer, start: number, end: number): void {
    if (kind === opcode.binary) this.#binary(buffer, start, end)
    else if (kind === opcode.text) this.#text(buffer.toString('utf8', start, end))
    else if (kind === opcode.ping)
      this.#socket?.write(clientFrame(opcode.pong, Buffer.from(buffer.subarray(start, end))))
    else if (kind === opcode.close) this.#end(closeReason(buffer, start, end))
  }

  /** Takes one message of a push; called by the scanner. */
  message(number: number, seq: number, sendTimeMs: number): void {
    this.#sink.received(this.lane, number, seq, sendTimeMs)
  }

  #read(buffer: Buffer, bytes: number): void {
    if (this.#isClosed) return
    try {
      if (this.#handshake !== undefined) {
        this.#upgrade(buffer, bytes)
        return
      }
      this.#sink.chunkBegins(this.lane)
      this.#frames.read(buffer, bytes, this)
      this.#sink.chunkEnds(this.lane)
    } catch (error) {
      this.#end(error instanceof Error ? error : new ConnectionError(String(error)))
    }
  }

  #upgrade(buffer: Buffer, bytes: number): void {
    const received = Buffer.concat([this.#handshake!, buffer.subarray(0, bytes)])
    const headEnd = received.indexOf('\r\n\r\n')
    if (headEnd === -1) {
      if (received.length > maxHandshakeBytes) throw new ConnectionError('The answer to the upgrade has no end.')
      this.#handshake = received
      return
    }
    const head = received.toString('latin1', 0, headEnd)
    if (!head.startsWith('HTTP/1.1 101')) {
      throw new ConnectionError(`The server did not upgrade: ${received.toString('utf8', 0, 400)}`)
    }
    this.#handshake = undefined
    const rest = received.subarray(headEnd + 4)
    if (rest.length > 0) this.#read(rest, rest.length)
  }

  #binary(buffer: Buffer, start: number, end: number): void {
    scanEnvelope(buffer, start, end, envelope)
    if (envelope.reqIdentifier === pushIdentifier) {
      pushScanner.scan(buffer, envelope.dataStart, envelope.dataEnd, this)
    } else if (envelope.reqIdentifier === kickIdentifier) {
      this.#end(new ConnectionError(`${this.#options.userID} was kicked: use each user on one platform only.`))
    } else {
      this.#sink.answered(this.lane, envelope.msgIncr, envelope.errCode)
    }
  }

  #text(text: string): void {
    if (this.#login === undefined) return
    const greeting = JSON.parse(text) as { errCode?: number; errMsg?: string; errDlt?: string }
    if (greeting.errCode !== 0) throw new ConnectionError(`Login of ${this.#options.userID} was refused: ${text}`)
    this.#login.resolve()
    this.#login = undefined
  }

  #end(reason: Error): void {
    if (this.#isClosed) return
    this.close()
    if (this.#login === undefined) this.#sink.lost(this.lane, reason)
    else this.#login.reject(reason)
  }

  #upgradeRequest(): string {
    const { host, port, userID, token, platformID } = this.#options
    const query = new URLSearchParams({
      sendID: userID,
      token,
      platformID: String(platformID),
      operationID: `benchmark-${this.lane}`,
      isBackground: 'false',
      isMsgResp: 'true',
      sdkType: 'js',
    })
    return [
      `GET /?${query.toString()} HTTP/1.1`,
      `Host: ${host}:${port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: cGFybGFuY2UtYmVuY2htYQ==',
      '\r\n',
    ].join('\r\n')
  }
}

function closeReason(buffer: Buffer, start: number, end: number): ConnectionError {
  const code = end - start >= 2 ? buffer.readUInt16BE(start) : 1005
  const reason = buffer.toString('utf8', Math.min(start + 2, end), end)
  return new ConnectionError(`The server closed the connection with ${code} ${reason}`, { details: { code } })
}
