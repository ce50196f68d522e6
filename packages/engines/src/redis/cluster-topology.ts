import { backoffMs, ClosedError, heardLater, type Milliseconds, pause } from '@parlance/core'
import type { RedisHost } from './address.ts'
import { makeClient } from './client-options.ts'
import { Connection } from './connection.ts'
import { RedisAddressError, RedisUnavailableError } from './errors.ts'
import { slotCount, slotOf } from './slot.ts'
import type { RedisOutcome } from './step.ts'
import type { Redirection, Topology, TopologyParts } from './topology.ts'

interface Node {
  readonly host: RedisHost
  readonly connection: Connection
  /** Until then it stays though it serves no slot: keys are being moved to it. */
  wantedUntilMs: Milliseconds
}

const backoff = { firstMs: 100, maxMs: 1_000 }
const wantedForMs: Milliseconds = 30_000

/**
 * The masters of a Redis Cluster, one connection each.
 *
 * Slots are read at the start, after a redirection, and again and again while a node that serves some cannot be reached.
 */
export class ClusterTopology implements Topology {
  readonly #parts: TopologyParts
  readonly #nodes = new Map<string, Node>()
  readonly #closing = new AbortController()
  readonly #started: Promise<void>
  #owners: readonly (string | undefined)[] = []
  #incarnations: ReadonlySet<string> | undefined
  #recovery: Promise<void> | undefined

  constructor(parts: TopologyParts) {
    this.#parts = parts
    for (const host of parts.address.hosts) this.#nodeAt(host)
    this.#started = heardLater(this.#start())
  }

  async whenOpen(): Promise<void> {
    await this.#started
    await Promise.all(this.connections().map((connection) => connection.whenOpen()))
  }

  connectionOf(key: string): Connection | undefined {
    return this.#nodes.get(this.#owners[slotOf(key)] ?? '')?.connection
  }

  redirected({ kind, slot, node }: Redirection, from: Connection): Connection {
    const host = node.host || [...this.#nodes.values()].find(({ connection }) => connection === from)?.host.host
    const target = this.#nodeAt({ host: host ?? node.host, port: node.port })
    target.wantedUntilMs = this.#parts.clock.elapsed() + wantedForMs
    if (kind === 'MOVED') {
      this.#owners = this.#owners.with(slot, nameOf(target.host))
      this.suspect()
    }
    return target.connection
  }

  suspect(): void {
    if (this.#closing.signal.aborted) return
    this.#recovery ??= this.#recover().finally(() => {
      this.#recovery = undefined
    })
  }

  connections(): readonly Connection[] {
    const owning = new Set(this.#owners)
    return [...this.#nodes].filter(([name]) => owning.has(name)).map(([, { connection }]) => connection)
  }

  async close(): Promise<void> {
    this.#closing.abort(new ClosedError(`the connection to ${this.#parts.address.label} was closed`))
    await Promise.all([
      this.#recovery,
      // Why it could not start is for whoever waits for it to open.
      Promise.allSettled([this.#started]),
      ...Array.from(this.#nodes.values(), ({ connection }) => connection.close()),
    ])
  }

  async #start(): Promise<void> {
    const seeds = [...this.#nodes.values()]
    const reasons: unknown[] = []
    const ways = seeds.map(({ connection }) =>
      connection.whenOpen().catch((error: unknown) => {
        reasons.push(error)
        throw error
      }),
    )
    await Promise.any(ways).catch(() => {
      throw reasons[0]
    })
    await this.#read()
  }

  /** Reads the slots again until every node that serves some is connected. */
  async #recover(): Promise<void> {
    const { clock, logger } = this.#parts
    const { signal } = this.#closing
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await this.#read()
        if (this.connections().every(({ server }) => server !== undefined)) return
      } catch (error) {
        logger.debug('the slots of the Redis Cluster cannot be read', { error })
      }
      await pause(clock, backoffMs(attempt, backoff), signal)
    }
  }

  async #read(): Promise<void> {
    const { label } = this.#parts.address
    for (const { connection, host } of this.#nodes.values()) {
      if (connection.server === undefined) continue
      const [outcome] = await connection.send([{ words: ['CLUSTER', 'SLOTS'], asBytes: false }])
      if (outcome === undefined || !outcome.ok) {
        if (/cluster support disabled/.test(outcome?.error.message ?? ''))
          throw new RedisAddressError(`${connection.label} is no Redis Cluster: name one host only in the address`)
        continue
      }
      if (this.#adopt(outcome, host)) return
    }
    throw new RedisUnavailableError(`${label} names no node for its slots; check \`redis-cli cluster info\``)
  }

  #adopt(outcome: RedisOutcome & { ok: true }, answering: RedisHost): boolean {
    const owners = Array.from<string | undefined>({ length: slotCount })
    const hosts = new Map<string, RedisHost>()
    for (const range of outcome.reply as readonly (readonly [number, number, readonly [string | null, number]])[]) {
      const [first, last, [named, port]] = range
      const host = { host: named || answering.host, port }
      hosts.set(nameOf(host), host)
      owners.fill(nameOf(host), first, last + 1)
    }
    if (hosts.size === 0) return false
    this.#owners = owners
    for (const host of hosts.values()) this.#nodeAt(host)
    for (const [name, node] of this.#nodes) {
      if (hosts.has(name) || node.wantedUntilMs > this.#parts.clock.elapsed()) continue
      this.#nodes.delete(name)
      void node.connection.close()
    }
    this.#compareIncarnations()
    return true
  }

  #nodeAt(host: RedisHost): Node {
    const name = nameOf(host)
    const known = this.#nodes.get(name)
    if (known !== undefined) return known
    const { address, connectTimeoutMs } = this.#parts
    const connection = new Connection({
      ...this.#parts,
      label: `the Redis node at ${name}`,
      makeClient: () => makeClient(address, connectTimeoutMs, host),
      onOpened: () => this.#compareIncarnations(),
      onLost: () => this.suspect(),
    })
    const node: Node = { host, connection, wantedUntilMs: 0 }
    this.#nodes.set(name, node)
    return node
  }

  #compareIncarnations(): void {
    const servers = this.connections().map(({ server }) => server?.incarnation)
    if (servers.length === 0 || servers.includes(undefined)) return
    const before = this.#incarnations
    this.#incarnations = new Set(servers as string[])
    for (const incarnation of before ?? [])
      if (!this.#incarnations.has(incarnation)) return this.#parts.onNewIncarnation()
  }
}

function nameOf({ host, port }: RedisHost): string {
  return `${host}:${port}`
}
