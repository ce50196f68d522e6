import { deserialize, serialize } from 'node:v8'
import {
  backoffMs,
  type Clock,
  type Count,
  InvalidArgumentError,
  type Milliseconds,
  ParlanceError,
  wait,
} from '@parlance/core'
import { isSendableCloseCode } from './close-codes.ts'
import { NodeGoneError, NodeUnreachableError } from './errors.ts'
import type { NodeClient, NodeOps } from './node-link.ts'
import type { RegisteredSession, SessionRegistry } from './registry.ts'
import type { KickOptions } from './session-control.ts'
import { matches, type SessionMatch } from './session-match.ts'

const kickOp = 'gateway.kick'
const replaceOp = 'gateway.replace'
const kickTimeoutMs = 30_000
const lookUpAgain = { firstMs: 50, maxMs: 2_000 }

/** What is done to the sessions of one process. */
export interface LocalSessions<Out> {
  kick(subject: string, match: SessionMatch | undefined, farewell: Out | undefined, code: number, reason: string): Count
  replace(subject: string, session: string): void
}

interface Kick<Out> {
  readonly subject: string
  readonly match: SessionMatch | undefined
  readonly farewell: Out | undefined
  readonly code: number
  readonly reason: string
}

interface Replacement {
  readonly subject: string
  readonly session: string
}

/** What a node does for others: they send what {@link ClusterSessions} encodes. */
export function sessionOps<Out>(local: LocalSessions<Out>): NodeOps {
  return {
    [kickOp]: (payload) => {
      const { subject, match, farewell, code, reason } = decode<Kick<Out>>(payload)
      return encode(local.kick(subject, match, farewell, code, reason))
    },
    [replaceOp]: (payload) => {
      const { subject, session } = decode<Replacement>(payload)
      local.replace(subject, session)
      return nothing
    },
  }
}

/** Acts on the sessions of other processes. */
export class ClusterSessions<Out> {
  readonly #registry: SessionRegistry
  readonly #client: NodeClient | undefined
  readonly #clock: Clock
  /** Its sessions are not acted on: they are at hand. */
  readonly #ownNode: string | undefined
  readonly #stopped = new AbortController()

  constructor(registry: SessionRegistry, client: NodeClient | undefined, clock: Clock, ownNode?: string) {
    this.#registry = registry
    this.#client = client
    this.#clock = clock
    this.#ownNode = ownNode
  }

  /** Ends matching sessions on the other nodes. */
  async kick(subject: string, options: KickOptions<Out>): Promise<Count> {
    const { match, farewell, code, reason, timeoutMs = kickTimeoutMs } = options
    const endsMs = this.#clock.elapsed() + timeoutMs
    const sessions = (await this.#sessionsOf(subject, endsMs)).filter((session) => matches(match, session))
    const nodes = new Set(sessions.map(({ node }) => node).filter((node) => node !== this.#ownNode))
    if (nodes.size === 0) return 0
    const payload = encode<Kick<Out>>({ subject, match, farewell, code, reason })
    const calls = [...nodes].map(async (node): Promise<Count> => {
      const answer = await this.#call(node, kickOp, payload, endsMs - this.#clock.elapsed())
      return answer === undefined ? 0 : decode<Count>(answer)
    })
    const outcomes = await Promise.allSettled(calls)
    let kicked = 0
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') throw outcome.reason
      kicked += outcome.value
    }
    return kicked
  }

  /** Ends a session of another node whose place another one took. */
  async replace({ subject, id, node }: RegisteredSession): Promise<void> {
    await this.#call(node, replaceOp, encode<Replacement>({ subject, session: id }), Number.POSITIVE_INFINITY)
  }

  /** Attempts nothing again any more. */
  stop(): void {
    this.#stopped.abort()
  }

  /** @returns undefined when the node is gone. */
  async #call(node: string, op: string, payload: Uint8Array, timeoutMs: Milliseconds): Promise<Uint8Array | undefined> {
    if (this.#client === undefined)
      throw new NodeUnreachableError(`node ${node} holds sessions and there is no link to it; give the gateway one`, {
        details: { node, outcome: 'not-sent' },
      })
    try {
      return await this.#client.call(node, op, payload, { timeoutMs: Math.max(1, timeoutMs) })
    } catch (error) {
      if (error instanceof NodeGoneError) return undefined
      throw error
    }
  }

  async #sessionsOf(subject: string, endsMs: Milliseconds): Promise<readonly RegisteredSession[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.#registry.sessionsOf([subject]))[0] ?? []
      } catch (error) {
        const pauseMs = backoffMs(attempt, lookUpAgain)
        const isOver = this.#clock.elapsed() + pauseMs >= endsMs || this.#stopped.signal.aborted
        if (!ParlanceError.is(error) || !error.retryable || isOver) throw error
        await this.#pause(pauseMs, error)
      }
    }
  }

  async #pause(pauseMs: Milliseconds, failure: ParlanceError): Promise<void> {
    try {
      await wait(this.#clock, pauseMs, this.#stopped.signal)
    } catch {
      throw failure
    }
  }
}

/** @throws {@link InvalidArgumentError} when a close frame cannot carry the code. */
export function checkKick({ code }: KickOptions<unknown>): void {
  if (!isSendableCloseCode(code))
    throw new InvalidArgumentError(`${code} may not be sent in a close frame; give one from 4000 to 4999`)
}

const nothing = new Uint8Array()

function encode<T>(value: T): Uint8Array {
  try {
    return serialize(value)
  } catch (error) {
    throw new InvalidArgumentError('this farewell cannot be sent to another node; give one that is data only', {
      cause: error,
    })
  }
}

// Only a process that knows the cluster's secret can send this.
const decode = <T>(payload: Uint8Array): T => deserialize(payload) as T
