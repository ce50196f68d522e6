import {
  type Bytes,
  type Clock,
  ClosedError,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
} from '@parlance/core'
import { broadcastBy } from '../broadcast.ts'
import type { NodeAnswer, NodeCallOptions, NodeClient, NodesSource } from '../node-link.ts'
import { LinkSecret } from './authentication.ts'
import { defaultFrameBytes, defaultHeartbeatMs } from './defaults.ts'
import { createLinkMeasures } from './link-measures.ts'
import { NodePeer, type PeerContext } from './node-peer.ts'

/** How a process calls others. */
export interface NodeClientOptions {
  /** What all processes of the cluster know, and nobody else: 16 bytes or more. */
  readonly secret: string | Uint8Array
  /** Tells where nodes are; asked at each connect and broadcast. For example `() => registry.nodes()`. */
  readonly nodes: NodesSource
  /** Largest call and answer, as the hosts have it. @defaultValue 8 388 608 */
  readonly frameBytes?: Bytes
  /** Bytes on their way to one node and not answered; further calls wait. @defaultValue 4 194 304 */
  readonly inFlightBytes?: Bytes
  /** Bytes that wait for one node; above that calls fail with an OverloadedError. @defaultValue 33 554 432 */
  readonly waitingBytes?: Bytes
  /** Time for one connection, proofs included. @defaultValue 5 000 */
  readonly connectMs?: Milliseconds
  /** How often it makes itself heard; three times that in silence ends a connection. @defaultValue 3 000 */
  readonly heartbeatMs?: Milliseconds
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
}

/**
 * Calls the hosts of a cluster, over one connection to each, made at the first call and again when it breaks.
 *
 * A payload must not be changed before its call has ended: it may have to be sent again.
 *
 * @throws InvalidArgumentError when the secret is short.
 */
export function createNodeClient(options: NodeClientOptions): NodeClient {
  return new DirectClient(options)
}

const defaultTimeoutMs: Milliseconds = 10_000

class DirectClient implements NodeClient {
  readonly #context: PeerContext
  readonly #peers = new Map<string, NodePeer>()
  #isStopped = false

  constructor(options: NodeClientOptions) {
    this.#context = {
      nodes: options.nodes,
      secret: new LinkSecret(options.secret),
      clock: options.clock ?? systemClock,
      logger: options.logger ?? silentLogger,
      measures: createLinkMeasures(options.metrics ?? noMetrics),
      frameBytes: options.frameBytes ?? defaultFrameBytes,
      inFlightBytes: options.inFlightBytes ?? 4_194_304,
      waitingBytes: options.waitingBytes ?? 33_554_432,
      connectMs: options.connectMs ?? 5_000,
      heartbeatMs: options.heartbeatMs ?? defaultHeartbeatMs,
    }
  }

  async call(
    node: string,
    op: string,
    payload: Uint8Array,
    { timeoutMs = defaultTimeoutMs, isDelivery = false }: NodeCallOptions = {},
  ): Promise<Uint8Array> {
    if (this.#isStopped) throw new ClosedError('the node client was stopped')
    return this.#peerOf(node).call(op, payload, timeoutMs, isDelivery)
  }

  broadcast(op: string, payload: Uint8Array, options?: NodeCallOptions): Promise<readonly NodeAnswer[]> {
    return broadcastBy(this, this.#context.nodes, op, payload, options)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(Array.from(this.#peers.values(), (peer) => peer.stop()))
  }

  #peerOf(name: string): NodePeer {
    let peer = this.#peers.get(name)
    if (peer === undefined) {
      peer = new NodePeer(name, this.#context, (over) => {
        if (this.#peers.get(name) === over) this.#peers.delete(name)
      })
      this.#peers.set(name, peer)
    }
    return peer
  }
}
