import { connect, createServer, type Server, type Socket } from 'node:net'

/** A way to a server that can be cut and mended, as a network is. */
export class Cable {
  readonly port: number
  readonly #server: Server
  readonly #sockets: Set<Socket>
  readonly #state: { isCut: boolean }

  private constructor(server: Server, sockets: Set<Socket>, state: { isCut: boolean }) {
    this.port = (server.address() as { port: number }).port
    this.#server = server
    this.#sockets = sockets
    this.#state = state
  }

  /** @param to - a WebSocket address, of which host and port count. */
  static async to(to: string): Promise<Cable> {
    const { hostname, port } = new URL(to)
    const sockets = new Set<Socket>()
    const state = { isCut: false }
    const server = createServer((near) => {
      if (state.isCut) return near.destroy()
      const far = connect(Number(port), hostname)
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(socket)
        socket.pipe(other)
        // Whatever ends the one end ends the other; why is of no interest here.
        socket.on('error', () => other.destroy())
        socket.on('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
      }
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    return new Cable(server, sockets, state)
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  /** Ends every connection, and lets nobody through until {@link mend}. */
  cut(): void {
    this.#state.isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  mend(): void {
    this.#state.isCut = false
  }

  close(): void {
    this.cut()
    this.#server.close()
  }
}
