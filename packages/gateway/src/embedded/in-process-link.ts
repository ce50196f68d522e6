import { randomBytes } from 'node:crypto'
import { ClosedError, InvalidArgumentError, type Logger, silentLogger } from '@parlance/core'
import { NodeGoneError } from '../errors.ts'
import { broadcastBy } from '../broadcast.ts'
import type { NodeAnswer, NodeClient, NodeHost, NodeLink, NodeOps, NodesSource } from '../node-link.ts'
import { NodeOpTable, remoteError } from '../node-op-table.ts'

/**
 * The node link of a cluster that is one process: calls are function calls, and none is ever lost.
 *
 * A payload reaches its handler as it is, not copied: whoever gave it must not change it afterwards.
 */
export class InProcessNetwork {
  readonly #hosts = new Map<string, InProcessHost>()
  readonly #logger: Logger
  #opened = 0

  constructor({ logger = silentLogger }: { readonly logger?: Logger } = {}) {
    this.#logger = logger
  }

  /** A host that every client of this network reaches. */
  openHost(): NodeHost {
    const address = `in-process:${++this.#opened}`
    const host = new InProcessHost(address, this.#logger, () => void this.#hosts.delete(address))
    this.#hosts.set(address, host)
    return host
  }

  openClient(nodes: NodesSource): NodeClient {
    return new InProcessClient(this.#hosts, nodes)
  }

  /** A host, and a client that finds nodes in the given source. */
  open(nodes: NodesSource): NodeLink {
    return { host: this.openHost(), client: this.openClient(nodes) }
  }
}

class InProcessHost implements NodeHost {
  readonly address: string
  readonly incarnation = randomBytes(12).toString('base64url')
  readonly table: NodeOpTable
  readonly #onStop: () => void
  readonly #running = new Set<Promise<unknown>>()

  constructor(address: string, logger: Logger, onStop: () => void) {
    this.address = address
    this.table = new NodeOpTable(logger)
    this.#onStop = onStop
  }

  serve(ops: NodeOps): void {
    this.table.add(ops)
  }

  // Nothing is ever given up within a process.
  onMissed(): () => void {
    return () => undefined
  }

  async run(node: string, op: string, payload: Uint8Array): Promise<Uint8Array> {
    const running = this.table.run(op, payload)
    this.#running.add(running)
    const outcome = await running
    this.#running.delete(running)
    if (outcome.failure !== undefined) throw remoteError(node, op, outcome.failure)
    return outcome.payload
  }

  async stop(): Promise<void> {
    this.#onStop()
    await Promise.all(this.#running)
  }
}

class InProcessClient implements NodeClient {
  readonly #hosts: ReadonlyMap<string, InProcessHost>
  readonly #nodes: NodesSource
  /** The end of the calls that were made, so that none overtakes another while its node is looked up. */
  #last: Promise<unknown> = Promise.resolve()
  #isStopped = false

  constructor(hosts: ReadonlyMap<string, InProcessHost>, nodes: NodesSource) {
    this.#hosts = hosts
    this.#nodes = nodes
  }

  async call(node: string, op: string, payload: Uint8Array): Promise<Uint8Array> {
    if (op === '') throw new InvalidArgumentError('the op of a call is empty; name one')
    const finding = Promise.all([this.#find(node), this.#last.catch((error: unknown) => error)])
    this.#last = finding
    const [host] = await finding
    if (this.#isStopped) throw new ClosedError('the node client was stopped')
    return host.run(node, op, payload)
  }

  broadcast(op: string, payload: Uint8Array): Promise<readonly NodeAnswer[]> {
    return broadcastBy(this, this.#nodes, op, payload)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
  }

  async #find(name: string): Promise<InProcessHost> {
    const nodes = await this.#nodes()
    const node = nodes.find((one) => one.name === name)
    const host = node === undefined ? undefined : this.#hosts.get(node.address)
    if (host === undefined)
      throw new NodeGoneError(`node ${name} is not part of the cluster any more`, { details: { node: name } })
    return host
  }
}
