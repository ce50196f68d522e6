import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import { type Clock, heardLater, Lifecycle, type Milliseconds } from '@parlance/core'
import type { GatewayLimits } from '@parlance/gateway'
import { Composition } from './composition/token.ts'
import { provideDomain } from './composition/domain.ts'
import { provideObjects } from './composition/objects.ts'
import { provideEmbedded } from './composition/embedded.ts'
import { provideEveryday } from './composition/everyday.ts'
import { provideRelations } from './composition/relations.ts'
import type { StoreDurability } from './composition/backing.ts'
import { type Faults, type ImGateway, parts } from './composition/tokens.ts'
import { workOf } from './composition/work.ts'
import { type Config, type ConfigInput, isEmbedded, readConfig } from './config.ts'
import type { ImRepositories } from './domain/repositories.ts'
import type { ObjectStorage } from './domain/objects/object-storage.ts'
import type { Extension } from './extension/extension.ts'
import { noSuchPath, writeAnswer } from './api/answer.ts'
import { Attachments } from './embedding/attachments.ts'
import type { ImActions } from './embedding/host-actions.ts'
import type { Authenticate } from './embedding/identity.ts'
import { isBelow } from './embedding/mounted-request.ts'
import { Doors, type ImServerAddresses } from './doors.ts'
import { clientAddresses } from './embedding/client-addresses.ts'
import { createPage } from './page.ts'
import { createProbes } from './probes.ts'

/** How a server is made: its settings, and what only code can give. */
export interface ImServerOptions extends ConfigInput {
  readonly limits?: GatewayLimits
  /** Messages that may wait to be pushed before senders are told to wait. @defaultValue 50 000 */
  readonly pushBacklogMessages?: number
  /**
   * The login of the program that embeds the server. With it `POST /auth/session` gives who is signed in there a token; its answer
   * has 10 s.
   */
  readonly authenticate?: Authenticate | undefined
  /** Where the bytes of files are kept. @defaultValue a folder, as the settings say */
  readonly objectStorage?: ObjectStorage | undefined
  /** What a team adds: entities, routes, hooks. Set up in this order. */
  readonly extensions?: readonly Extension[] | undefined
  /** Ends the making, also while it waits for services: what was begun is undone, and the signal's reason is thrown. */
  readonly signal?: AbortSignal | undefined
  /** For tests only. */
  readonly faults?: Faults
}

/** A running IM server. */
export interface ImServer extends ImActions {
  readonly config: Config
  readonly repositories: ImRepositories
  /** @throws ClosedError in a process that holds no sessions. */
  readonly gateway: ImGateway
  /** Where the admin secret lies when the server made it itself. */
  readonly adminSecretPath: string | undefined
  /** The admin secret, for the process that embeds the server. */
  readonly adminSecret: string
  /** How durable what was acknowledged is, asked of the store itself. */
  storeDurability(): Promise<StoreDurability>
  /** Begins to serve; resolves when clients can connect. */
  listen(ports?: { readonly apiPort?: number; readonly wsPort?: number }): Promise<ImServerAddresses>
  /**
   * Serves below a path of somebody else's HTTP server, whatever framework runs on it: API, probes and WebSocket on its port. All
   * other requests and upgrades stay its own; the server is neither started nor stopped. Returns how to let go.
   *
   * @throws InvalidArgumentError when the path is none, or the root.
   */
  attach(server: Server | SecureServer, options: { readonly path: string }): () => void
  /**
   * Answers one request, for programs that route by themselves; WebSockets go to `gateway.handleUpgrade`. Nobody may have read
   * its body.
   *
   * @param options.path - what stands before our own paths in the request's `url`. @defaultValue nothing
   * @returns false when the request is not one of ours: it was not touched.
   */
  handle(request: IncomingMessage, response: ServerResponse, options?: { readonly path?: string }): boolean
  /** Drains: answers what was asked, tells clients to come back, stores everything, closes everything. Idempotent. */
  stop(deadlineMs?: number): Promise<void>
}

/**
 * Makes an IM server: on the embedded store, whose data folder it takes at once, or on MongoDB, Redis and Kafka as one process of
 * several. It serves once {@link ImServer.listen} is called.
 *
 * @throws ConfigError for wrong settings, SqliteLockedError when another server has the data folder, SqliteUnwritableError when it
 * cannot be written, the error of the first service that cannot be had, the reason of the `signal` that was given.
 */
export async function createImServer(
  options: ImServerOptions = {},
  environment: NodeJS.ProcessEnv = process.env,
): Promise<ImServer> {
  const { limits = {}, faults = {}, pushBacklogMessages = 50_000, ...others } = options
  const { authenticate, objectStorage, extensions = [], signal, ...settings } = others
  const config = readConfig(settings, environment)
  const composition = new Composition()
  provideDomain(composition)
  provideRelations(composition)
  provideObjects(composition)
  provideEveryday(composition)
  composition
    .provide(parts.config, () => config)
    .provide(parts.gatewayLimits, () => limits)
    .provide(parts.pushBacklogMessages, () => pushBacklogMessages)
    .provide(parts.bound, () => ({ wsPort: config.wsPort }))
    .provide(parts.faults, () => faults)
    .provide(parts.host, () => ({
      authenticate,
      addressesFor: (request) => clientAddresses(request, composition.get(parts.bound), config.publicURL),
    }))

  if (objectStorage !== undefined) composition.provide(parts.objectStorage, () => objectStorage)

  if (isEmbedded(config)) provideEmbedded(composition)
  else await provideServices(composition, signal)
  const backing = composition.get(parts.backing)
  try {
    return await assemble(composition, config, extensions, signal)
  } catch (error) {
    await backing.close()
    throw error
  }
}

/** Loaded only when there are services to speak to. */
async function provideServices(composition: Composition, signal?: AbortSignal): Promise<void> {
  const { openServices } = await import('./composition/services.ts')
  const { provideDistributed } = await import('./composition/distributed.ts')
  provideDistributed(composition, await openServices(composition, signal))
}

/** Puts the server on what it keeps its data in. */
async function assemble(
  composition: Composition,
  config: Config,
  extensions: readonly Extension[],
  signal: AbortSignal | undefined,
): Promise<ImServer> {
  const backing = composition.get(parts.backing)
  const secrets = composition.get(parts.secrets)
  const logger = composition.get(parts.logger)
  const clock = composition.get(parts.clock)
  const gateway = config.roles.includes('gateway') ? composition.get(parts.gateway) : undefined
  const probes = createProbes(composition)
  const bound = composition.get(parts.bound)
  const page = createPage({ folder: config.page, wsPort: () => bound.wsPort, logger })
  const answer = (request: IncomingMessage, response: ServerResponse): boolean =>
    probes(request, response) || composition.get(parts.api).handle(request, response)
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (answer(request, response) || page(request, response)) return
    writeAnswer(response, noSuchPath, 404)
  }
  const serveProbes = (request: IncomingMessage, response: ServerResponse): void => {
    if (!probes(request, response)) writeAnswer(response, noSuchPath, 404)
  }
  const doors = new Doors({ config, serve, serveProbes, gateway, bound, logger })
  const attachments = new Attachments(gateway, (request, response) => {
    // Who signs in without a password does so on the server's own port only: what stands before another one is not known.
    return !isBelow('/demo', request.url) && answer(request, response)
  })
  let deadlineMs = config.stopDeadlineMs
  const lifecycle = new Lifecycle(clock)
  for (const part of workOf(composition, extensions)) lifecycle.add(part)
  lifecycle.add({
    name: 'connections',
    stop: () => closeConnections(gateway, [doors, attachments], deadlineMs, clock),
  })
  signal?.throwIfAborted()
  const interrupt = (): void => void heardLater(lifecycle.stop(deadlineMs))
  signal?.addEventListener('abort', interrupt, { once: true })
  await lifecycle.start()
  signal?.removeEventListener('abort', interrupt)
  if (signal?.aborted === true) {
    await lifecycle.stop(deadlineMs)
    throw signal.reason
  }

  const actions = composition.get(parts.hostActions)
  let stopping: Promise<void> | undefined
  return {
    config,
    repositories: composition.get(parts.repositories),
    get gateway() {
      return composition.get(parts.gateway)
    },
    adminSecretPath: secrets.adminSecretPath,
    adminSecret: secrets.adminSecret,
    storeDurability: () => backing.durability(),
    listen: ({ apiPort = config.apiPort, wsPort = config.wsPort } = {}) => doors.open(apiPort, wsPort),
    ensureUser: (identity) => actions.ensureUser(identity),
    sendMessage: (message) => actions.sendMessage(message),
    sendNotification: (notification) => actions.sendNotification(notification),
    attach: (server, { path }) => attachments.attach(server, path),
    handle: (request, response, { path = '' } = {}) => attachments.handle(request, response, path),
    stop(givenMs = config.stopDeadlineMs) {
      if (stopping === undefined) {
        deadlineMs = givenMs
        stopping = lifecycle.stop(givenMs)
      }
      return stopping
    },
  }
}

/** Ends what clients have open within three quarters of the time, so that the rest is enough to store everything. */
async function closeConnections(
  gateway: ImGateway | undefined,
  listeners: readonly (Doors | Attachments)[],
  deadlineMs: Milliseconds,
  clock: Clock,
): Promise<void> {
  const cutOff = new AbortController()
  const timer = clock.after(deadlineMs * 0.75, () => cutOff.abort())
  const closing = listeners.map((listener) => listener.close(cutOff.signal))
  await gateway?.stop(deadlineMs / 2)
  await Promise.all(closing)
  timer.cancel()
}
