/**
 * Why the gateway closes connections. The *range* of a code tells the client what to do next:
 *
 * | range | who uses it | the client |
 * |---|---|---|
 * | 3000–3499 | the gateway | reconnects, after a jittered wait |
 * | 3500–3999 | the gateway | does not reconnect: the same would happen again |
 * | 4000–4499 | the application | reconnects |
 * | 4500–4999 | the application | does not reconnect |
 *
 * Codes below 3000 are the WebSocket protocol's own. Malformed input that the protocol layer finds is closed with those:
 * 1002 (framing, an unmasked frame), 1007 (text that is not UTF-8), 1008 (too many fragments), 1009 (a frame above the
 * limit). After 1001, 1006, 1011, 1012 and 1013 a client reconnects; after the others it does not.
 *
 * A code is never given a second meaning.
 */
export const closeCodes = {
  /** The node stops; another one will take the client. */
  draining: 3000,
  /** The client reads more slowly than it is written to. What it missed it has to fetch. */
  slowConsumer: 3001,
  /** Nothing was received for longer than the idle timeout. */
  idle: 3002,
  /** The gateway failed to write an answer. */
  internal: 3003,
  /** Messages may have passed by this session while its node could not be found. */
  missed: 3004,
  /** A message that the session's codec cannot read. */
  undecodable: 3500,
  /** A message with an op that nobody serves. */
  unknownOp: 3501,
  /** The device policy gave the place to a newer session, or the admission was not confirmed. */
  replaced: 3502,
  /** The credential that the session was opened with has expired. */
  expired: 3503,
} as const

const reconnectingProtocolCodes: ReadonlySet<number> = new Set([1001, 1006, 1011, 1012, 1013])

/** Tells whether a client that was closed with `code` should come back. */
export function shouldReconnect(code: number): boolean {
  return (code >= 3000 && code < 3500) || (code >= 4000 && code < 4500) || reconnectingProtocolCodes.has(code)
}

const lastReasonByte = 123

/** Whether `code` may be sent in a close frame. */
export function isSendableCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false
  return (code >= 3000 && code <= 4999) || (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code))
}

/** Cuts a reason to what a close frame can carry, without splitting a character. */
export function fitReason(reason: string): string {
  const bytes = Buffer.from(reason)
  if (bytes.length <= lastReasonByte) return reason
  let end = lastReasonByte
  while ((bytes[end]! & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}
