import { connect as connectPlainly, isIP, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { ClosedError } from '@parlance/core'
import type { ISocketFactory } from 'kafkajs'

const keepAliveMs = 60_000

/**
 * Opens the library's connections, and knows all of them: while a broker comes back it loses sight of some, which no client of its
 * own closes any more, and which would keep the process alive.
 */
export class Sockets {
  readonly #open = new Set<Socket>()
  #isClosed = false

  readonly make: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    const name = isIP(host) === 0 ? { servername: host } : {}
    const secure = ssl as typeof ssl | undefined
    const socket = secure
      ? connectSecurely({ host, port, ...name, ...secure }, onConnect)
      : connectPlainly({ host, port }, onConnect)
    socket.setKeepAlive(true, keepAliveMs)
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    if (this.#isClosed) cut(socket)
    return socket
  }

  /** Ends every connection that is left; those asked for later fail. */
  close(): void {
    this.#isClosed = true
    for (const socket of this.#open) cut(socket)
  }
}

/** With an error: at a quiet end the library does not give up the timers of the connection. */
const cut = (socket: Socket): void => void socket.destroy(new ClosedError('the connection to Kafka is closed'))
