import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  type Clock,
  type Count,
  type Logger,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
  type Timer,
} from '@parlance/core'
import { closeCodes } from './close-codes.ts'
import { checkKick, ClusterSessions, sessionOps } from './cluster-sessions.ts'
import type { Connection, ConnectionContext } from './connection.ts'
import { allowAll } from './device-policy.ts'
import { createInProcessRegistry } from './embedded/in-process-registry.ts'
import { FanOut } from './fan-out.ts'
import { FlushList } from './flush-list.ts'
import type { DeliverOptions, Gateway } from './gateway.ts'
import { handshakeOf } from './handshake.ts'
import { Heartbeat } from './heartbeat.ts'
import { resolveLimits } from './limits.ts'
import { createMeasures, type Measures } from './measures.ts'
import { type OpMessage, OpRouter, type OpTable } from './ops.ts'
import type { GatewayOptions } from './options.ts'
import { PresenceBoard } from './presence-board.ts'
import { Reception } from './reception.ts'
import type { NodeMembership, RegisteredSession, SessionRegistry } from './registry.ts'
import type { Session } from './session.ts'
import type { KickOptions } from './session-control.ts'
import { matches, type SessionMatch } from './session-match.ts'
import { SessionTable } from './session-table.ts'
import { moveAway, spread } from './drain.ts'
import { UpgradeRoutes } from './upgrade-routes.ts'

/** The gateway: puts its parts together and answers for their end. */
export class GatewayServer<In extends OpMessage, Out> implements Gateway<In, Out> {
  readonly node: string
  readonly presence: PresenceBoard<In, Out>
  readonly #options: GatewayOptions<In, Out>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #measures: Measures
  readonly #registry: SessionRegistry
  readonly #router = new OpRouter<In, Out>()
  readonly #sessions = new SessionTable<In, Out>()
  readonly #fanOut = new FanOut(this.#sessions)
  readonly #heartbeat: Heartbeat<In, Out>
  readonly #reception: Reception<In, Out>
  readonly #cluster: ClusterSessions<Out>
  readonly #membership: NodeMembership
  readonly #resyncMs: Milliseconds
  #resyncing: Timer | undefined
  readonly #attached = new Set<() => void>()
  readonly #unregistering = new Set<Promise<void>>()
  #whenEmpty: (() => void) | undefined
  #stopping: Promise<void> | undefined

  constructor(options: GatewayOptions<In, Out>) {
    const limits = resolveLimits(options.limits)
    this.#options = options
    this.node = options.node ?? randomBytes(9).toString('base64url')
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? silentLogger
    this.#measures = createMeasures(options.metrics ?? noMetrics)
    this.#registry = options.registry ?? createInProcessRegistry()
    if (options.ops !== undefined) this.#router.add(options.ops)
    const context: ConnectionContext<In, Out> = {
      limits,
      clock: this.#clock,
      logger: this.#logger,
      measures: this.#measures,
      flushes: new FlushList(),
      router: this.#router,
      reply: options.reply,
      requestKey: options.requestKey,
      unknownOp: options.unknownOp ?? 'close',
      undecodableFarewell: options.undecodableFarewell,
      onEnded: (connection, code, reason) => this.#ended(connection, code, reason),
    }
    this.presence = new PresenceBoard(this.#registry, this.#fanOut, options.presence, limits, this.#logger)
    this.#heartbeat = new Heartbeat(this.#sessions, limits, this.#clock, options.expiredFarewell)
    this.#reception = new Reception({
      node: this.node,
      handshake: handshakeOf(options, options.refusalOf),
      registry: this.#registry,
      sessions: this.#sessions,
      context,
      devicePolicy: options.devicePolicy ?? allowAll,
      addressOf: options.addressOf ?? ((request) => request.socket.remoteAddress ?? ''),
      refusalOf: options.refusalOf,
      onOpen: options.onOpen,
      replace: (session) => this.#replace(session),
      onLeft: () => this.#checkEmpty(),
    })
    const { link } = options
    this.#resyncMs = limits.resyncMs
    this.#cluster = new ClusterSessions(this.#registry, link?.client, this.#clock, this.node)
    link?.host.serve(
      sessionOps<Out>({
        kick: (...kick) => this.#kick(...kick),
        replace: (subject, session) => this.#replaceHere(subject, session),
      }),
    )
    link?.host.onMissed(() => this.#resync())
    this.#membership = this.#registry.join({
      name: this.node,
      incarnation: link?.host.incarnation ?? randomBytes(12).toString('base64url'),
      address: link?.host.address ?? '',
      onLapsed: () => this.#resync(),
    })
  }

  get sessionCount(): Count {
    return this.#sessions.size
  }

  attach(server: Server, { path = '/' }: { readonly path?: string } = {}): () => void {
    const release = UpgradeRoutes.of(server).add(path, this.#reception)
    const detach = (): void => {
      release()
      this.#attached.delete(detach)
    }
    this.#attached.add(detach)
    return detach
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#reception.receive(request, socket, head)
  }

  serve(ops: OpTable<In, Out>): void {
    this.#router.add(ops)
  }

  async deliver(subjects: Iterable<string>, message: Out, options: DeliverOptions<In, Out> = {}): Promise<Count> {
    return this.#fanOut.toSubjects(subjects, message, options)
  }

  async kick(subject: string, options: KickOptions<Out>): Promise<Count> {
    checkKick(options)
    const { match, farewell, code, reason } = options
    const kicked = this.#kick(subject, match, farewell, code, reason)
    return kicked + (await this.#cluster.kick(subject, options))
  }

  sessionsOf(subject: string): readonly Session<In, Out>[] {
    return this.#sessions.of(subject).filter((session) => session.isOpen)
  }

  stop(deadlineMs: Milliseconds = 10_000): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs)
    return this.#stopping
  }

  async #stop(deadlineMs: Milliseconds): Promise<void> {
    this.#reception.close()
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve
    })
    let cutOff!: () => void
    const deadline = new Promise<void>((resolve) => {
      cutOff = resolve
    })
    const timer = this.#clock.after(deadlineMs, cutOff)
    const moving = moveAway([...this.#sessions.all()], deadlineMs, this.#clock)
    this.#checkEmpty()
    await Promise.race([empty, deadline])
    moving.cancel()
    this.#heartbeat.stop()
    this.#resyncing?.cancel()
    this.#cluster.stop()
    for (const connection of this.#sessions.all()) connection.terminate()
    this.#reception.visitors.destroyAll()
    await empty
    await Promise.race([Promise.all(this.#unregistering), deadline])
    await Promise.race([this.#membership.leave(), deadline])
    timer.cancel()
    for (const detach of this.#attached) detach()
    this.presence.stop()
  }

  #kick(
    subject: string,
    match: SessionMatch | undefined,
    farewell: Out | undefined,
    code: number,
    reason: string,
  ): Count {
    let kicked = 0
    for (const session of this.#sessions.of(subject)) {
      if (!session.isOpen || !matches(match, session.registration)) continue
      session.dismiss(farewell, code, reason)
      kicked++
    }
    return kicked
  }

  #replace(session: RegisteredSession): void {
    const { id, subject, node } = session
    if (node === this.node) return this.#replaceHere(subject, id)
    this.#cluster.replace(session).catch((error: unknown) => {
      if (this.#stopping === undefined)
        this.#logger.error('a replaced session could not be ended', { session: id, node, error: String(error) })
    })
  }

  /** Whoever is not here has left already. */
  #replaceHere(subject: string, id: string): void {
    this.#sessions
      .of(subject)
      .find((one) => one.id === id)
      ?.dismiss(this.#options.replacedFarewell, closeCodes.replaced, 'another session took its place')
  }

  /** Messages may have passed by the sessions of this node. */
  #resync(): void {
    if (this.#stopping !== undefined) return
    const { resyncMessage } = this.#options
    this.#logger.warn('this node could not be found for a while; its sessions have to fetch what they missed', {
      sessions: this.#sessions.size,
    })
    this.#resyncing?.cancel()
    this.#resyncing = spread([...this.#sessions.all()], this.#resyncMs, this.#clock, (session) => {
      if (resyncMessage === undefined)
        session.finish(closeCodes.missed, 'messages may have been missed; reconnect and fetch them')
      else session.send(resyncMessage)
    })
  }

  #ended(connection: Connection<In, Out>, code: number, reason: string): void {
    this.#sessions.remove(connection)
    this.presence.forget(connection)
    this.#measures.sessions.set(this.#sessions.size)
    this.#measures.closed(code).add()
    const unregistering = this.#unregister(connection.registration)
    this.#unregistering.add(unregistering)
    void unregistering.finally(() => this.#unregistering.delete(unregistering))
    try {
      this.#options.onClose?.(connection, code, reason)
    } catch (error) {
      this.#logger.error('onClose threw', { error: String(error) })
    }
    this.#checkEmpty()
  }

  async #unregister(session: RegisteredSession): Promise<void> {
    try {
      await this.#registry.unregister(session)
    } catch (error) {
      this.#logger.warn('a session could not be unregistered', { session: session.id, error: String(error) })
    }
  }

  #checkEmpty(): void {
    if (this.#sessions.size === 0 && this.#reception.visitors.count === 0) this.#whenEmpty?.()
  }
}
