import { ParlanceError } from '@parlance/core'
import type { SessionCodec } from './codec.ts'
import { UndecodableError } from './errors.ts'
import type { Outcome } from './ops.ts'

/** A request in JSON: `{"op":"subscribe","id":7,"data":["ACME"]}`. */
export interface JsonRequest {
  readonly op: string
  /** Comes back with the answer; a request without it gets no answer on the wire. */
  readonly id?: string | number
  readonly data?: unknown
}

/** An answer (it has an `id`, and either `data` or `error`) or a push. */
export interface JsonMessage {
  readonly op: string
  readonly id?: string | number
  readonly data?: unknown
  readonly error?: { readonly code: string; readonly message: string; readonly retryable: boolean }
}

/** One JSON object per text message. A client that reads too slowly is closed, and fetches what it missed when it is back. */
export const json: SessionCodec<JsonRequest, JsonMessage> = {
  name: 'json',
  slowConsumer: 'close',
  pings: true,
  decode(bytes, binary) {
    if (binary) throw new UndecodableError('binary message; JSON travels as text')
    const value: unknown = JSON.parse(bytes.toString())
    if (!isRequest(value))
      throw new UndecodableError('not a request; send {"op": string, "id"?: string | number, "data"?}')
    return { kind: 'message', message: value }
  },
  encode: (message) => ({ bytes: Buffer.from(JSON.stringify(message)), binary: false }),
}

/** The answer to a JSON request. Only errors of the framework's own kind are shown; others become `INTERNAL`. */
export function jsonReply(request: JsonRequest, outcome: Outcome): JsonMessage | undefined {
  if (request.id === undefined) return undefined
  const head = { op: request.op, id: request.id }
  if ('data' in outcome) return { ...head, data: outcome.data ?? null }
  const { error } = outcome
  return ParlanceError.is(error)
    ? { ...head, error: { code: error.code, message: error.message, retryable: error.retryable } }
    : { ...head, error: { code: 'INTERNAL', message: 'internal error', retryable: false } }
}

function isRequest(value: unknown): value is JsonRequest {
  if (typeof value !== 'object' || value === null) return false
  const { op, id } = value as Record<string, unknown>
  return typeof op === 'string' && (id === undefined || typeof id === 'string' || typeof id === 'number')
}
