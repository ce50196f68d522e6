import { InvalidArgumentError, type Logger, ParlanceError } from '@parlance/core'
import { NodeCallError } from './errors.ts'
import type { NodeOpHandler, NodeOps } from './node-link.ts'

/** Why a call failed, in a form that can be sent. */
export interface NodeFailure {
  readonly code: string
  readonly message: string
  readonly isRetryable: boolean
}

/** What came of a call on the node that was called. */
export type NodeOutcome =
  | { readonly payload: Uint8Array; readonly failure?: never }
  | { readonly failure: NodeFailure; readonly payload?: never }

/** What a host can be called for. */
export class NodeOpTable {
  readonly #handlers = new Map<string, NodeOpHandler>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add(ops: NodeOps): void {
    for (const [op, handler] of Object.entries(ops)) {
      if (this.#handlers.has(op)) throw new InvalidArgumentError(`node op ${op} has a handler already`)
      this.#handlers.set(op, handler)
    }
  }

  /** Begins the handler before it returns. Never rejects. */
  async run(op: string, payload: Uint8Array): Promise<NodeOutcome> {
    const handler = this.#handlers.get(op)
    if (handler === undefined)
      return { failure: { code: 'GATEWAY_UNKNOWN_OP', message: `nobody serves node op ${op}`, isRetryable: false } }
    try {
      return { payload: await handler(payload) }
    } catch (error) {
      if (ParlanceError.is(error))
        return { failure: { code: error.code, message: error.message, isRetryable: error.retryable } }
      this.#logger.error('a call from another process failed', { op, error: String(error) })
      return { failure: { code: 'INTERNAL', message: 'internal error', isRetryable: false } }
    }
  }
}

/** The error that a caller gets for another node's failure. */
export function remoteError(node: string, op: string, { code, message, isRetryable }: NodeFailure): NodeCallError {
  return new NodeCallError(`node ${node} failed at ${op}: ${message}`, isRetryable, {
    details: { node, op, remoteCode: code },
  })
}
