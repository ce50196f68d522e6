import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ParlanceError } from '@parlance/core'

/** A port cannot be listened on. */
export class ListenError extends ParlanceError {
  static override readonly code = 'IM_LISTEN'
}

const cures: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has it: stop that, or choose another port',
  EACCES: 'this user may not open it: choose a port above 1023',
  EADDRNOTAVAIL: 'this machine has no such address: set PARLANCE_HOST to one it has',
}

/** Listens and returns the port; with `setting` the error names what to change. */
export function listen(server: Server, host: string, port: number, setting: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const cure = cures[error.code ?? ''] ?? error.message
      reject(
        new ListenError(`cannot listen on ${host}:${port}: ${cure} (${setting})`, {
          cause: error,
          details: { port, host },
        }),
      )
    })
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}

/** Stops accepting and waits until every request is answered; idle connections are closed at once, the others when `signal` aborts. */
export function closeServer(server: Server, signal: AbortSignal): Promise<void> {
  if (!server.listening) return Promise.resolve()
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => server.closeAllConnections(), { once: true })
    server.close(() => resolve())
    server.closeIdleConnections()
  })
}
