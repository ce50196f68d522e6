import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Request, RequestLog } from './request-log.ts'
import type { Rounds } from './rounds.ts'
import type { ConnectionWire, ServiceWire } from './service-wire.ts'

/** How a service is put behind a proxy. */
export interface CountingProxyOptions {
  readonly service: string
  readonly wire: ServiceWire
  readonly target: { readonly host: string; readonly port: number }
  readonly log: RequestLog
  readonly rounds: Rounds
  /** What the client gets instead of a server's frame. */
  readonly change?: (frame: Buffer, proxyPort: number) => Buffer
}

/** A service behind sockets that count what a client asks of it. */
export class CountingProxy {
  readonly #options: CountingProxyOptions
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((client) => this.#pass(client))
  #mustHold: ((frame: Buffer) => boolean) | undefined
  readonly #held: { readonly server: Socket; readonly frame: Buffer }[] = []

  private constructor(options: CountingProxyOptions) {
    this.#options = options
  }

  static async start(options: CountingProxyOptions): Promise<CountingProxy> {
    const proxy = new CountingProxy(options)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get heldCount(): number {
    return this.#held.length
  }

  /** Keeps requests of a kind back until {@link release}; others pass. */
  hold(mustHold: (frame: Buffer) => boolean): void {
    this.#mustHold = mustHold
  }

  release(): void {
    this.#mustHold = undefined
    for (const { server, frame } of this.#held.splice(0)) server.write(frame)
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #pass(client: Socket): void {
    const { service, wire, target, log, rounds, change } = this.#options
    const server = connect(target.port, target.host)
    const connection = wire.connection()
    const waiting = new Map<number, Request>()
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.setNoDelay()
      // Either end may be cut at any time; the other learns of it.
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
        rounds.gaveUp(waiting.size)
        waiting.clear()
      })
    }
    framesOf(client, connection.requests, (frame) => {
      const asked = connection.requestOf(frame)
      if (asked !== undefined) {
        waiting.set(asked.id, log.asked(service, asked.names, connection))
        rounds.asked()
      }
      if (this.#mustHold?.(frame) === true) this.#held.push({ server, frame })
      else server.write(frame)
    })
    let isHeld = 0
    framesOf(server, connection.answers, (frame) => {
      const pass = (): void => void client.write(change?.(frame, this.port) ?? frame)
      const id = connection.answeredBy(frame)
      const request = id === undefined ? undefined : waiting.get(id)
      if (request !== undefined) {
        waiting.delete(id!)
        isHeld++
        rounds.answered(() => {
          isHeld--
          log.answered(request)
          pass()
        })
      } else if (connection.isOrdered && isHeld > 0) rounds.passLater(pass)
      else pass()
    })
  }
}

function framesOf(socket: Socket, endOf: ConnectionWire['requests'], take: (frame: Buffer) => void): void {
  let written: Buffer = Buffer.alloc(0)
  socket.on('data', (data: Buffer) => {
    written = Buffer.concat([written, data])
    for (let end = endOf(written); end !== undefined && end > 0; end = endOf(written)) {
      const frame = written.subarray(0, end)
      written = written.subarray(end)
      take(frame)
    }
  })
}
