import { connect, createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'

/** Stands between a client and a server, and lets a test spoil what passes. */
export class TcpProxy {
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  /** Refuses new connections. */
  isDown = false
  /** Lets nothing pass, and does not say so. */
  isStuck = false
  /** Cuts the connection once so many bytes have passed in that direction. */
  cutAfterBytes: { toServer?: number; toClient?: number } = {}
  accepted = 0
  /** Pieces that passed, in both directions. */
  passed = 0

  private constructor(server: Server, target: { host: string; port: number }) {
    this.#server = server
    server.on('connection', (near) => {
      this.accepted++
      if (this.isDown) return void near.destroy()
      const far = connect(target)
      const pair = [near, far] as const
      this.#pairs.add(pair)
      const end = (): void => {
        near.destroy()
        far.destroy()
        this.#pairs.delete(pair)
      }
      for (const socket of pair) socket.on('error', end).on('close', end)
      const pass = (direction: 'toServer' | 'toClient', to: Socket) => (chunk: Buffer) => {
        if (this.isStuck) return
        this.passed++
        const leftBytes = this.cutAfterBytes[direction]
        if (leftBytes === undefined) return void to.write(chunk)
        to.write(chunk.subarray(0, leftBytes))
        this.cutAfterBytes[direction] = leftBytes - chunk.length
        if (chunk.length < leftBytes) return
        delete this.cutAfterBytes[direction]
        to.end(end)
      }
      near.on('data', pass('toServer', far))
      far.on('data', pass('toClient', near))
    })
  }

  static async to(address: string): Promise<TcpProxy> {
    const [host, port] = address.split(':')
    const server = createServer()
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    return new TcpProxy(server, { host: host!, port: Number(port) })
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get connections(): number {
    return this.#pairs.size
  }

  cut(): void {
    for (const [near, far] of this.#pairs) {
      near.destroy()
      far.destroy()
    }
  }

  async close(): Promise<void> {
    this.isDown = true
    this.cut()
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()))
  }
}
