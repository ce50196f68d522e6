import type { IncomingMessage } from 'node:http'
import { type Clock, type Milliseconds, TimeoutError } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import { ImError } from '../domain/im-error.ts'

/** The client went away before its request was complete; nobody is there to be answered. */
export class ClientGoneError extends TimeoutError {
  static override readonly code: string = 'IM_CLIENT_GONE'
}

/** Bounds on reading one body. */
export interface BodyLimits {
  readonly bodyBytes: number
  /** Time from the first byte of the head to the last one of the body. */
  readonly bodyMs: Milliseconds
}

// What comes after a body grew too large is thrown away up to this multiple, so that a client that only reads after
// writing gets its answer; beyond it the connection is closed.
const discardFactor = 8

/**
 * Reads a request's body, keeping at most `bodyBytes` in memory.
 *
 * @throws {@link ImError} 1802 when it is larger, 1001 when it does not arrive in time.
 * @throws {@link ClientGoneError} when the connection ended within the body.
 */
export function readBody(request: IncomingMessage, limits: BodyLimits, clock: Clock): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > limits.bodyBytes * (discardFactor + 1)) return Promise.reject(tooLarge(limits.bodyBytes))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let byteCount = 0
    const timer = clock.after(limits.bodyMs, () => {
      reject(new ImError(errorCodes.ArgsError, `the body did not arrive within ${limits.bodyMs} ms; send it faster`))
    })
    const give = (settle: () => void): void => {
      timer.cancel()
      settle()
    }
    request.on('data', (chunk: Buffer) => {
      byteCount += chunk.length
      if (byteCount <= limits.bodyBytes) {
        chunks.push(chunk)
        return
      }
      chunks.length = 0
      if (byteCount > limits.bodyBytes * (discardFactor + 1)) request.destroy()
      give(() => reject(tooLarge(limits.bodyBytes)))
    })
    request.once('end', () => give(() => resolve(Buffer.concat(chunks, byteCount))))
    request.once('close', () =>
      give(() => reject(new ClientGoneError('the client closed the connection within its request'))),
    )
    request.once('error', (cause) =>
      give(() => reject(new ClientGoneError('the connection broke within a request', { cause }))),
    )
  })
}

const tooLarge = (bodyBytes: number): ImError =>
  new ImError(errorCodes.TooLargeError, `the body is larger than ${bodyBytes} bytes; send less at once`)
