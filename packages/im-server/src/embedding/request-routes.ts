import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { isBelow } from './mounted-request.ts'
import { answerWithoutUpgrade } from './unclaimed-upgrade.ts'

/** Takes a request over and answers it. */
export type RequestTaker = (request: IncomingMessage, response: ServerResponse) => void

interface Route {
  readonly base: string
  readonly take: RequestTaker
}

type Emit = (this: Server, event: string, ...values: unknown[]) => boolean
type Emitter = { emit: Emit }

/** The gateway's listener for upgrades, and ours: with no other one nobody else can want them. */
const ownUpgradeListeners = 2

const routesOf = new WeakMap<Server, RequestRoutes>()

/**
 * Who answers which paths of somebody else's HTTP server; the longest path that fits wins, everything else goes on as before.
 *
 * An emitter calls all its listeners, and a framework answers whatever it hears of. So a request below one of the paths is taken
 * before it is emitted: neither listeners of before nor later ones see it, body parsers among them, and all others stay as they are.
 */
export class RequestRoutes {
  readonly #server: Server
  #routes: readonly Route[] = []
  #release: (() => void) | undefined
  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex): void => {
    if (this.#routes.some(({ base }) => isBelow(base, request.url))) return
    if (this.#server.listenerCount('upgrade') === ownUpgradeListeners)
      answerWithoutUpgrade(this.#server, request, socket)
  }

  private constructor(server: Server) {
    this.#server = server
  }

  static of(server: Server): RequestRoutes {
    let routes = routesOf.get(server)
    if (routes === undefined) {
      routes = new RequestRoutes(server)
      routesOf.set(server, routes)
    }
    return routes
  }

  /** @returns how to take it away again. */
  add(base: string, take: RequestTaker): () => void {
    const route: Route = { base, take }
    this.#release ??= this.#intercept()
    if (this.#routes.length === 0) this.#server.on('upgrade', this.#onUpgrade)
    this.#routes = [...this.#routes, route].toSorted((one, other) => other.base.length - one.base.length)
    return () => {
      this.#routes = this.#routes.filter((other) => other !== route)
      if (this.#routes.length > 0) return
      this.#server.off('upgrade', this.#onUpgrade)
      this.#release?.()
    }
  }

  #take(event: string, values: readonly unknown[]): boolean {
    if (event !== 'request' && event !== 'checkContinue') return false
    const [request, response] = values as [IncomingMessage, ServerResponse]
    const route = this.#routes.find(({ base }) => isBelow(base, request.url))
    if (route === undefined) return false
    if (event === 'checkContinue') response.writeContinue()
    route.take(request, response)
    return true
  }

  #intercept(): () => void {
    const emitter = this.#server as unknown as Emitter
    const isOwn = Object.hasOwn(emitter, 'emit')
    const before = emitter.emit
    const take = this.#take.bind(this)
    const emit: Emit = function (event, ...values) {
      return take(event, values) || before.call(this, event, ...values)
    }
    emitter.emit = emit
    return () => {
      // Whoever wrapped it since keeps it; without routes it only passes on.
      if (emitter.emit !== emit) return
      this.#release = undefined
      if (isOwn) emitter.emit = before
      else delete (emitter as Partial<Emitter>).emit
    }
  }
}
