import type { IncomingMessage } from 'node:http'
import { type Bytes, type Clock, type Milliseconds, ParlanceError } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import { ImError } from '../domain/im-error.ts'

/** The client went away before its request was complete; nobody is there to be answered. */
export class ClientGoneError extends ParlanceError {
  static override readonly code = 'IM_CLIENT_GONE'
}

/** Bounds on reading bodies. */
export interface BodyLimits {
  /** The largest body. */
  readonly bodyBytes: Bytes
  /** Time for a body to arrive. */
  readonly bodyMs: Milliseconds
  /** All bodies held at the same time; a request beyond it is refused with 1801. */
  readonly allBodiesBytes: Bytes
}

// What comes after a body grew too large is thrown away up to this multiple, so that a client that only reads after
// writing gets its answer; beyond it the connection is closed.
const discardFactor = 8

/** Reads bodies of requests, keeping no more in memory than the limits allow. */
export class Bodies {
  readonly #limits: BodyLimits
  readonly #clock: Clock
  #heldBytes: Bytes = 0

  constructor(limits: BodyLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /**
   * Reads one body; {@link release} it once it is dealt with.
   *
   * @throws {@link ImError} 1802 when it is too large, 1801 when too much is held already, 1001 when it does not arrive in time.
   * @throws {@link ClientGoneError} when the connection ended within the body.
   */
  read(request: IncomingMessage): Promise<Buffer> {
    const { bodyBytes, bodyMs } = this.#limits
    const dropBytes = bodyBytes * (discardFactor + 1)
    if (request.destroyed) return Promise.reject(new ClientGoneError('the client closed the connection'))
    if (Number(request.headers['content-length'] ?? 0) > dropBytes) return Promise.reject(tooLarge(bodyBytes))
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let byteCount = 0
      let isOver = false
      const fail = (error: Error): void => {
        if (isOver) return
        isOver = true
        timer.cancel()
        this.#heldBytes -= lengthOf(chunks)
        chunks.length = 0
        reject(error)
      }
      const timer = this.#clock.after(bodyMs, () => fail(tooSlow(bodyMs)))
      request.on('data', (chunk: Buffer) => {
        byteCount += chunk.length
        if (byteCount > dropBytes) request.destroy()
        if (isOver) return
        if (byteCount > bodyBytes) return fail(tooLarge(bodyBytes))
        if (this.#heldBytes + chunk.length > this.#limits.allBodiesBytes) return fail(tooMuchHeld())
        this.#heldBytes += chunk.length
        chunks.push(chunk)
      })
      request.once('end', () => {
        if (isOver) return
        isOver = true
        timer.cancel()
        resolve(Buffer.concat(chunks, byteCount))
      })
      request.once('close', () => fail(new ClientGoneError('the client closed the connection within its request')))
      request.once('error', (cause) => fail(new ClientGoneError('the connection broke within a request', { cause })))
    })
  }

  /** Makes room for other bodies. */
  release(body: Buffer): void {
    this.#heldBytes -= body.length
  }
}

const lengthOf = (chunks: readonly Buffer[]): Bytes => chunks.reduce((sum, chunk) => sum + chunk.length, 0)

const tooLarge = (bodyBytes: Bytes): ImError =>
  new ImError(errorCodes.TooLargeError, `the body is larger than ${bodyBytes} bytes; send less at once`)

const tooSlow = (bodyMs: Milliseconds): ImError =>
  new ImError(errorCodes.ArgsError, `the body did not arrive within ${bodyMs} ms; send it faster`)

const tooMuchHeld = (): ImError => new ImError(errorCodes.ServerBusyError, 'the server is busy: try again')
