import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Lifecycle } from '@parlance/core'
import type { GatewayLimits } from '@parlance/gateway'
import { Composition } from './composition/token.ts'
import { provideDomain } from './composition/domain.ts'
import { provideEmbedded } from './composition/embedded.ts'
import { type Faults, type ImGateway, parts } from './composition/tokens.ts'
import { type Config, type ConfigInput, readConfig } from './config.ts'
import type { ImRepositories } from './domain/repositories.ts'
import { pushes } from './domain/messages/push-record.ts'
import { closeServer, listen } from './listener.ts'
import { createProbes } from './probes.ts'

/** How a server is made: its settings, and what only code can give. */
export interface ImServerOptions extends ConfigInput {
  readonly limits?: GatewayLimits
  /** Messages that may wait to be pushed before senders are told to wait. @defaultValue 50 000 */
  readonly pushBacklogMessages?: number
  /** For tests only. */
  readonly faults?: Faults
}

/** Where a server listens. */
export interface ImServerAddresses {
  /** Base of the HTTP API, for example `http://127.0.0.1:10002`. */
  readonly api: string
  /** What SDKs take as `wsAddr`. */
  readonly ws: string
}

/** What the store's live connection says of itself. */
export interface StoreDurability {
  /** `wal`: commits go to a log of their own. */
  readonly journalMode: string
  /** 2 is SQLite's FULL: every commit is flushed to the disk before it returns. */
  readonly synchronous: number
}

/** A running IM server. */
export interface ImServer {
  readonly config: Config
  readonly repositories: ImRepositories
  readonly gateway: ImGateway
  /** Where the admin secret lies when the server made it itself. */
  readonly adminSecretPath: string | undefined
  /** The admin secret, for the process that embeds the server. */
  readonly adminSecret: string
  /** How durable what was acknowledged is, asked of the store itself. */
  storeDurability(): StoreDurability
  /** Begins to serve; resolves when clients can connect. */
  listen(ports?: { readonly apiPort?: number; readonly wsPort?: number }): Promise<ImServerAddresses>
  /** Drains: answers what was asked, tells clients to come back, stores everything, closes everything. Idempotent. */
  stop(deadlineMs?: number): Promise<void>
}

/** How many push records one step handles. */
const pushBatch = 500

/**
 * Makes an IM server on the embedded store. It takes its data folder at once and serves once {@link ImServer.listen} is called.
 *
 * @throws ConfigError for wrong settings, SqliteLockedError when another server has the data folder, SqliteUnwritableError when it cannot be written.
 */
export async function createImServer(
  options: ImServerOptions = {},
  environment: NodeJS.ProcessEnv = process.env,
): Promise<ImServer> {
  const { limits = {}, faults = {}, pushBacklogMessages = 50_000, ...settings } = options
  const config = readConfig(settings, environment)
  const composition = new Composition()
  provideEmbedded(composition)
  provideDomain(composition)
  composition
    .provide(parts.config, () => config)
    .provide(parts.gatewayLimits, () => limits)
    .provide(parts.pushBacklogMessages, () => pushBacklogMessages)
    .provide(parts.faults, () => faults)

  const engine = composition.get(parts.engine)
  const secrets = composition.get(parts.secrets)
  const lifecycle = new Lifecycle(composition.get(parts.clock))
    .add({ name: 'storage', stop: () => engine.close() })
    .add({
      name: 'push',
      // What was stored before the start has no session to be pushed to: clients pull it. So the backlog is done before anybody can connect.
      start: async () =>
        void (await composition.get(parts.bus).consume(pushes, {
          group: 'push',
          batch: pushBatch,
          handler: (batch) => composition.get(parts.pusher).push(batch),
        })),
      stop: () => composition.get(parts.bus).stop(),
    })
    .add({ name: 'administrator', start: () => composition.get(parts.users).ensureAdmin(config.adminID) })
  try {
    await lifecycle.start()
  } catch (error) {
    await engine.close()
    throw error
  }

  const api = createServer((request, response) => serve(request, response))
  const ws = createServer((request, response) => serve(request, response))
  const probes = createProbes(composition)
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (probes(request, response) || composition.get(parts.api).handle(request, response)) return
    response
      .writeHead(404, { 'content-type': 'application/json' })
      .end('{"errCode":1004,"errMsg":"RecordNotFoundError","errDlt":"there is no such path"}')
  }

  let stopping: Promise<void> | undefined
  return {
    config,
    repositories: composition.get(parts.repositories),
    gateway: composition.get(parts.gateway),
    adminSecretPath: secrets.adminSecretPath,
    adminSecret: secrets.adminSecret,
    storeDurability() {
      const { journal_mode: journalMode } = engine.prepare<{ journal_mode: string }>('PRAGMA journal_mode').get()!
      const { synchronous } = engine.prepare<{ synchronous: number }>('PRAGMA synchronous').get()!
      return { journalMode, synchronous }
    },
    async listen(ports = {}) {
      const { host } = config
      const { apiPort = config.apiPort, wsPort = config.wsPort } = ports
      const gateway = composition.get(parts.gateway)
      const boundApi = await listen(api, host, apiPort, 'PARLANCE_API_PORT')
      if (wsPort === apiPort && wsPort !== 0) {
        gateway.attach(api)
        return addresses(host, boundApi, boundApi)
      }
      try {
        const boundWs = await listen(ws, host, wsPort, 'PARLANCE_WS_PORT')
        gateway.attach(ws)
        return addresses(host, boundApi, boundWs)
      } catch (error) {
        api.close()
        throw error
      }
    },
    stop(deadlineMs = config.stopDeadlineMs) {
      stopping ??= stopAll(deadlineMs, [api, ws], composition, lifecycle)
      return stopping
    },
  }
}

const addresses = (host: string, api: number, ws: number): ImServerAddresses => {
  const name = host.includes(':') ? `[${host}]` : host
  return { api: `http://${name}:${api}`, ws: `ws://${name}:${ws}` }
}

async function stopAll(
  deadlineMs: number,
  servers: readonly Server[],
  composition: Composition,
  lifecycle: Lifecycle,
): Promise<void> {
  const deadline = AbortSignal.timeout(deadlineMs)
  const closing = servers.map((server) => closeServer(server, deadline))
  await composition.get(parts.gateway).stop(deadlineMs / 2)
  await Promise.all(closing)
  composition.get(parts.declared).close()
  await lifecycle.stop(deadlineMs)
}
