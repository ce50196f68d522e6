import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Count, Milliseconds } from '@parlance/core'
import type { OpMessage, OpTable } from './ops.ts'
import type { Presence } from './presence.ts'
import type { Session } from './session.ts'
import type { SessionControl } from './session-control.ts'

/** Refines whom a delivery reaches, and when. */
export interface DeliverOptions<In, Out> {
  /** Sessions for which it is true are left out. */
  readonly except?: (session: Session<In, Out>) => boolean
  /** Only sessions for which it is true are reached. */
  readonly only?: (session: Session<In, Out>) => boolean
  /**
   * The request that caused this message. If the named session is still handling it, the message reaches that session
   * after the answer; the others get it at once. Later deliveries to that session wait behind it, so that deliveries
   * never overtake one another.
   */
  readonly after?: { readonly sessionId: string; readonly requestKey: string }
}

/** Sessions over WebSocket. */
export interface Gateway<In extends OpMessage = OpMessage, Out = unknown> extends SessionControl<Out> {
  /** This node's name in the registry. */
  readonly node: string
  readonly presence: Presence<In, Out>
  /** Open sessions of this node. */
  readonly sessionCount: Count

  /**
   * Takes over the server's WebSocket upgrades at `path` and below it; of several gateways the one with the longest path. Other
   * upgrades are refused with 404, or left to the server's other upgrade listeners if it has any. Returns how to let go.
   *
   * @param options.path - @defaultValue '/', that is every upgrade
   */
  attach(server: Server, options?: { readonly path?: string }): () => void
  /** Takes over one upgrade, for servers that route upgrades themselves. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void

  /** Adds handlers, for example of an object that itself needs the gateway. */
  serve(ops: OpTable<In, Out>): void

  /**
   * Pushes a message to every session of the subjects on this node, each once, and returns how many it was queued to.
   *
   * It is encoded and framed once per codec. Sessions of this node have it in their queue before the call returns; it is
   * written at the end of the tick. A session that lets more than `limits.bufferedBytes` wait gets what its codec's
   * `slowConsumer` says instead. Deliveries to one session keep their order.
   */
  deliver(subjects: Iterable<string>, message: Out, options?: DeliverOptions<In, Out>): Promise<Count>
  /** The subject's sessions on this node. */
  sessionsOf(subject: string): readonly Session<In, Out>[]

  /**
   * Refuses new clients (503) and moves the others away: each session, at a random moment within the first half of the
   * time, takes no more requests, answers those it has within three quarters of it, and is closed with
   * `closeCodes.draining`. What is left at the deadline is cut off. The node leaves the cluster last. Nothing keeps the process
   * alive afterwards; a link and a registry that were given are stopped by who gave them. Idempotent.
   *
   * @param deadlineMs - @defaultValue 10 000
   */
  stop(deadlineMs?: Milliseconds): Promise<void>
}
