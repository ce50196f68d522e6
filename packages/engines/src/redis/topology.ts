import type { Clock, Logger, Milliseconds } from '@parlance/core'
import type { RedisAddress, RedisHost } from './address.ts'
import { makeClient } from './client-options.ts'
import { Connection } from './connection.ts'
import { slotCount } from './slot.ts'

export interface TopologyParts {
  readonly address: RedisAddress
  readonly clock: Clock
  readonly logger: Logger
  readonly connectTimeoutMs: Milliseconds
  readonly commandTimeoutMs: Milliseconds
  /** A server that may have lost acknowledged writes took the place of another. */
  readonly onNewIncarnation: () => void
}

/** Which connection serves which key. */
export interface Topology {
  /** Resolves when keys can be served; throws the reason why they cannot. */
  whenOpen(): Promise<void>
  /** The connection of a key's node. Undefined while nobody serves it. */
  connectionOf(key: string): Connection | undefined
  /** A node answered that a key lives elsewhere: where to ask now. */
  redirected(redirection: Redirection, from: Connection): Connection
  /** Something suggests that keys are served by other nodes now. */
  suspect(): void
  /** Every node that holds keys. */
  connections(): readonly Connection[]
  close(): Promise<void>
}

/** What `MOVED slot host:port` and `ASK slot host:port` say. */
export interface Redirection {
  readonly kind: 'MOVED' | 'ASK'
  readonly slot: number
  readonly node: RedisHost
}

const redirectionShape = /^(MOVED|ASK) (\d+) (.*):(\d+)$/

/** Reads a redirection out of an error reply; undefined for any other. An empty host means the one that answered. */
export function redirectionIn(reply: string): Redirection | undefined {
  const match = redirectionShape.exec(reply)
  const slot = Number(match?.[2])
  if (match === null || slot >= slotCount) return undefined
  const [, kind, , host, port] = match
  return { kind: kind as Redirection['kind'], slot, node: { host: host ?? '', port: Number(port) } }
}

/** One server, or the one that the sentinels name. */
export class SingleTopology implements Topology {
  readonly #connection: Connection
  #incarnation: string | undefined

  constructor(parts: TopologyParts) {
    const { address, connectTimeoutMs } = parts
    this.#connection = new Connection({
      ...parts,
      label: address.label,
      makeClient: () => makeClient(address, connectTimeoutMs),
      onOpen: (_client, { incarnation }) => {
        const isNew = this.#incarnation !== undefined && this.#incarnation !== incarnation
        this.#incarnation = incarnation
        if (isNew) parts.onNewIncarnation()
      },
    })
  }

  whenOpen(): Promise<void> {
    return this.#connection.whenOpen()
  }

  connectionOf(): Connection {
    return this.#connection
  }

  redirected(): Connection {
    return this.#connection
  }

  suspect(): void {
    // One place to ask: the connection finds out by itself.
  }

  connections(): readonly Connection[] {
    return [this.#connection]
  }

  close(): Promise<void> {
    return this.#connection.close()
  }
}
