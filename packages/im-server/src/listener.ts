import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Logger, type Milliseconds, ParlanceError } from '@parlance/core'
import { defaultObjectLimits } from './domain/objects/object-limits.ts'

/** Time for a request to arrive whole: that of the slowest file that comes as one form. The API's own bodies have less. */
const requestMs: Milliseconds = defaultObjectLimits.formMs

/** A port cannot be listened on. */
export class ListenError extends ParlanceError {
  static override readonly code = 'IM_LISTEN'
}

const cures: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has it: stop that, or choose another port',
  EACCES: 'this user may not open it: choose a port above 1023',
  EADDRNOTAVAIL: 'this machine has no such address: set PARLANCE_HOST to one it has',
}

/**
 * An HTTP server and all its sockets.
 *
 * Node forgets a socket whose upgrade somebody takes over; this does not, so that closing ends in time whatever became of it.
 */
export class Listener {
  readonly server: Server
  readonly #logger: Logger
  readonly #sockets = new Set<Socket>()

  constructor(handle: RequestListener, logger: Logger) {
    this.#logger = logger
    this.server = createServer({ requestTimeout: requestMs }, handle)
    this.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** Listens and returns the port; with `setting` the error names what to change. */
  listen(host: string, port: number, setting: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const onFailure = (error: NodeJS.ErrnoException): void => {
        const cure = cures[error.code ?? ''] ?? error.message
        reject(
          new ListenError(`cannot listen on ${host}:${port}: ${cure} (${setting})`, {
            cause: error,
            details: { port, host },
          }),
        )
      }
      this.server.once('error', onFailure)
      this.server.listen(port, host, () => {
        this.server.off('error', onFailure)
        // One connection that cannot be accepted, for want of file descriptors for example, is no reason to end the process.
        this.server.on('error', (error) => this.#logger.error('a connection could not be accepted', { error }))
        resolve((this.server.address() as AddressInfo).port)
      })
    })
  }

  /**
   * Stops accepting and waits until every request is answered and every socket has gone; idle ones are closed at once, the others
   * when `signal` aborts.
   */
  close(signal: AbortSignal): Promise<void> {
    if (!this.server.listening) return Promise.resolve()
    return new Promise((resolve) => {
      const cutOff = (): void => {
        for (const socket of this.#sockets) socket.destroy()
        resolve()
      }
      this.server.close(() => {
        signal.removeEventListener('abort', cutOff)
        resolve()
      })
      this.server.closeIdleConnections()
      if (signal.aborted) cutOff()
      else signal.addEventListener('abort', cutOff, { once: true })
    })
  }
}
