import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { readTarget } from './handshake.ts'

/** Whoever takes sockets over. */
export interface UpgradeTaker {
  receive(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Refuses a client whose address nobody serves. */
  turnAway(request: IncomingMessage, socket: Duplex): void
}

interface Route {
  /** The path without a slash at its end. */
  readonly base: string
  readonly taker: UpgradeTaker
}

const routesOf = new WeakMap<Server, UpgradeRoutes>()

/**
 * The gateways of one HTTP server, by path; the longest path that fits takes a client.
 *
 * Node lets go of a socket before it asks who takes the upgrade: no timeout watches it any more, and closing the server does not
 * see it. So a client that fits no path is refused here, unless the server has another listener that may want it.
 */
export class UpgradeRoutes {
  readonly #server: Server
  #routes: readonly Route[] = []
  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const pathname = readTarget(request.url)?.pathname
    const route = this.#routes.find(({ base }) => pathname === base || pathname?.startsWith(`${base}/`) === true)
    if (route !== undefined) route.taker.receive(request, socket, head)
    else if (this.#server.listenerCount('upgrade') === 1) this.#routes[0]!.taker.turnAway(request, socket)
  }

  private constructor(server: Server) {
    this.#server = server
  }

  static of(server: Server): UpgradeRoutes {
    let routes = routesOf.get(server)
    if (routes === undefined) {
      routes = new UpgradeRoutes(server)
      routesOf.set(server, routes)
    }
    return routes
  }

  /** @returns how to take it away again. */
  add(path: string, taker: UpgradeTaker): () => void {
    const route: Route = { base: path.endsWith('/') ? path.slice(0, -1) : path, taker }
    if (this.#routes.length === 0) this.#server.on('upgrade', this.#onUpgrade)
    this.#routes = [...this.#routes, route].toSorted((one, other) => other.base.length - one.base.length)
    return () => {
      this.#routes = this.#routes.filter((other) => other !== route)
      if (this.#routes.length === 0) this.#server.off('upgrade', this.#onUpgrade)
    }
  }
}
