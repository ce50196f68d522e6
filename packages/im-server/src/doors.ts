import type { RequestListener } from 'node:http'
import type { Logger } from '@parlance/core'
import type { BoundPorts, ImGateway } from './composition/tokens.ts'
import type { Config } from './config.ts'
import { Listener } from './listener.ts'

/** Where a server listens; empty where this process does not serve that. */
export interface ImServerAddresses {
  /** Base of the HTTP API, for example `http://127.0.0.1:10002`. */
  readonly api: string
  /** What SDKs take as `wsAddr`. */
  readonly ws: string
  /** Base of `/healthz`, `/readyz` and `/metrics` where they have a port of their own, else empty. */
  readonly metrics: string
}

/** What the doors lead to. */
export interface DoorsOptions {
  readonly config: Config
  /** Answers at the API's and the gateway's port. */
  readonly serve: RequestListener
  /** Answers at the port for probes. */
  readonly serveProbes: RequestListener
  /** Absent where this process holds no sessions. */
  readonly gateway: Pick<ImGateway, 'attach'> | undefined
  /** Is told the ports. */
  readonly bound: BoundPorts
  readonly logger: Logger
}

/** The ports that a process has, by its roles. */
export class Doors {
  readonly #options: DoorsOptions
  readonly #api: Listener
  readonly #ws: Listener
  readonly #metrics: Listener

  constructor(options: DoorsOptions) {
    const { serve, serveProbes, logger } = options
    this.#options = options
    this.#api = new Listener(serve, logger)
    this.#ws = new Listener(serve, logger)
    this.#metrics = new Listener(serveProbes, logger)
  }

  /** Opens those that the roles need: all or, when one cannot be had, none. @throws ListenError naming the port and its setting. */
  async open(apiPort: number, wsPort: number): Promise<ImServerAddresses> {
    try {
      return await this.#open(apiPort, wsPort)
    } catch (error) {
      for (const listener of [this.#api, this.#ws, this.#metrics]) listener.server.close()
      throw error
    }
  }

  /** Stops accepting, and waits for what is being answered until `signal` aborts. */
  async close(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#api, this.#ws, this.#metrics].map((listener) => listener.close(signal)))
  }

  async #open(apiPort: number, wsPort: number): Promise<ImServerAddresses> {
    const { config, gateway, bound } = this.#options
    const { host, roles } = config
    const isShared = gateway !== undefined && roles.includes('api') && wsPort === apiPort && wsPort !== 0
    let [api, ws, metrics] = ['', '', '']
    if (roles.includes('api')) {
      bound.apiPort = await this.#api.listen(host, apiPort, 'PARLANCE_API_PORT')
      api = address('http', host, bound.apiPort)
    }
    if (isShared) {
      gateway.attach(this.#api.server)
      bound.wsPort = bound.apiPort!
      ws = address('ws', host, bound.wsPort)
    } else if (gateway !== undefined) {
      bound.wsPort = await this.#ws.listen(host, wsPort, 'PARLANCE_WS_PORT')
      gateway.attach(this.#ws.server)
      ws = address('ws', host, bound.wsPort)
    }
    if (config.metricsPort !== undefined || (api === '' && ws === '')) {
      const port = await this.#metrics.listen(host, config.metricsPort ?? 0, 'PARLANCE_METRICS_PORT')
      metrics = address('http', host, port)
    }
    return { api, ws, metrics }
  }
}

const address = (protocol: string, host: string, port: number): string =>
  `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`
