import type { Milliseconds } from '@parlance/core'
import type { LiveNode } from './registry.ts'

/**
 * Answers a call from another process.
 *
 * A {@link ParlanceError} that it throws reaches the caller as a {@link NodeCallError} with its code, message and retryable;
 * of any other error the caller learns only that there was one.
 */
export type NodeOpHandler = (payload: Uint8Array) => Promise<Uint8Array> | Uint8Array

/** Handlers by the name of their op. */
export type NodeOps = Readonly<Record<string, NodeOpHandler>>

/** Lets a process that holds sessions be called by others. */
export interface NodeHost {
  /** Where it is reached; goes into the node's announcement. */
  readonly address: string
  /** Another one after each start; goes into the node's announcement. */
  readonly incarnation: string
  /**
   * Adds handlers. Calls of one client are begun in the order they were made, each at most once, and may overlap.
   *
   * @throws InvalidArgumentError when an op has a handler already.
   */
  serve(ops: NodeOps): void
  /**
   * A client gave up deliveries to this node, which now may have missed them. Called at least once after that, behind
   * every call that the client made before. Returns how to stop listening.
   */
  onMissed(listener: () => void): () => void
  /**
   * Takes no more calls, answers those being handled, and lets go of everything. Idempotent.
   *
   * @param deadlineMs - what is not answered then stays unanswered. @defaultValue 5 000
   */
  stop(deadlineMs?: Milliseconds): Promise<void>
}

/** Refines a call. */
export interface NodeCallOptions {
  /** How long to try, connecting included. Infinity: until the node answers or is gone. @defaultValue 10 000 */
  readonly timeoutMs?: Milliseconds
  /** If this call is given up, the node is told, once it can be, that its sessions may have missed something. @defaultValue false */
  readonly isDelivery?: boolean
}

/** What came of a call to one of many nodes. */
export type NodeAnswer =
  | { readonly node: string; readonly payload: Uint8Array; readonly error?: never }
  | { readonly node: string; readonly error: unknown; readonly payload?: never }

/** Calls the processes that hold sessions. */
export interface NodeClient {
  /**
   * Calls a node and returns its answer. One round trip once the link stands.
   *
   * Calls to one node arrive in the order they were made. A link that breaks is made again, and what was not answered goes
   * over it again; the node begins each call once all the same.
   *
   * @throws NodeGoneError when the node's lease has ended: its sessions are gone with it.
   * @throws NodeUnreachableError (retryable) when it did not answer in time; `details.outcome` says whether it may have been called.
   * @throws NodeCallError when its handler failed, or it has none for `op`.
   * @throws OverloadedError (retryable) when too many bytes wait for this node already.
   * @throws InvalidArgumentError when the payload is larger than a frame may be.
   */
  call(node: string, op: string, payload: Uint8Array, options?: NodeCallOptions): Promise<Uint8Array>
  /**
   * Calls every live node; never fails for one of them alone.
   *
   * @throws what `nodes` threw.
   */
  broadcast(op: string, payload: Uint8Array, options?: NodeCallOptions): Promise<readonly NodeAnswer[]>
  /** Fails what was not answered, and lets go of everything. Idempotent. */
  stop(): Promise<void>
}

/** How the processes of a cluster call one another. */
export interface NodeLink {
  readonly host: NodeHost
  readonly client: NodeClient
}

/** Tells a client which nodes there are, for example a registry. */
export type NodesSource = () => Promise<readonly LiveNode[]>
