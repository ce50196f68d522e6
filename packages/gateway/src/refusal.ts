import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http'
import type { Duplex } from 'node:stream'

/** A plain HTTP answer instead of an upgrade. */
export interface Refusal {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/**
 * Why the gateway itself refuses a client.
 *
 * `notWebSocket` 400 · `unauthenticated` 401 · `notFound` 404 (no gateway at this path) · `tooLate` 408 (the handshake's time) · `tooManyFromAddress` 429 ·
 * `tooManySessions` 429 (of one subject) · `failed` 500 (the handshake threw) · `full` 503 · `draining` 503 ·
 * `unavailable` 503 (the registry failed)
 */
export type RefusalReason = keyof typeof refusals

/** The answers to refused clients, unless the application gives its own. */
export const refusals = {
  notWebSocket: { status: 400, body: 'this address takes WebSocket connections only\n' },
  unauthenticated: { status: 401, body: 'not authenticated\n' },
  notFound: { status: 404, body: 'no WebSocket is served at this address\n' },
  tooLate: { status: 408, body: 'the handshake took too long\n' },
  tooManyFromAddress: {
    status: 429,
    headers: { 'Retry-After': '10' },
    body: 'too many connections from this address\n',
  },
  tooManySessions: { status: 429, headers: { 'Retry-After': '10' }, body: 'too many sessions\n' },
  failed: { status: 500, body: 'the handshake failed\n' },
  full: { status: 503, headers: { 'Retry-After': '5' }, body: 'this node is full\n' },
  draining: { status: 503, headers: { 'Retry-After': '1' }, body: 'this node is stopping\n' },
  unavailable: { status: 503, headers: { 'Retry-After': '1' }, body: 'sessions cannot be registered now\n' },
} as const satisfies Record<string, Refusal>

/** Writes the answer and lets go of the socket. @throws when a header is malformed; nothing was written then. */
export function refuse(socket: Duplex, { status, headers = {}, body = '' }: Refusal): void {
  const payload = Buffer.from(body)
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`]
  for (const [name, value] of Object.entries({ 'Content-Type': 'text/plain; charset=utf-8', ...headers })) {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    lines.push(`${name}: ${value}`)
  }
  lines.push(`Content-Length: ${payload.length}`, 'Connection: close', '', '')
  socket.once('finish', () => socket.destroy())
  socket.end(Buffer.concat([Buffer.from(lines.join('\r\n')), payload]))
}
