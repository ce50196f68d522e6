import { ProtocolError, toProtocolError } from '../protocol-error.ts'
import type { Envelope } from './envelope.ts'
import type { FrameReply, FrameRequest } from './frame.ts'

type Wire = Readonly<Record<string, unknown>>

const noBytes = Buffer.alloc(0)
// Four digits carry three bytes.
const digitsPerGroup = 4
const bytesPerGroup = 3

function parse(bytes: Buffer): Wire {
  try {
    const wire: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof wire !== 'object' || wire === null || Array.isArray(wire))
      throw new ProtocolError('a JSON frame must be an object')
    return wire as Wire
  } catch (cause) {
    throw toProtocolError('JSON frame', cause)
  }
}

const own = (wire: Wire, name: string): unknown => (Object.hasOwn(wire, name) ? wire[name] : undefined)

function text(wire: Wire, name: string): string {
  const value = own(wire, name) ?? ''
  if (typeof value !== 'string')
    throw new ProtocolError(`${name} of a JSON frame must be a string, not ${typeof value}`)
  return value
}

function number(wire: Wire, name: string): number {
  const value = own(wire, name) ?? 0
  if (typeof value !== 'number')
    throw new ProtocolError(`${name} of a JSON frame must be a number, not ${typeof value}`)
  return value
}

function data(wire: Wire): Buffer {
  const digits = text(wire, 'data')
  if (digits === '') return noBytes
  const bytes = Buffer.from(digits, 'base64')
  const padding = digits.endsWith('==') ? 2 : digits.endsWith('=') ? 1 : 0
  const significant = digits.length - padding
  // Node skips what is not base64, so a wrong digit shows in the length only.
  if (
    significant % digitsPerGroup === 1 ||
    bytes.length !== Math.floor((significant * bytesPerGroup) / digitsPerGroup)
  ) {
    throw new ProtocolError('data of a JSON frame is not base64')
  }
  return bytes
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** Requests as the JavaScript SDK sends them. */
export const jsonRequest: Envelope<FrameRequest> = {
  encode: ({ op, data: body, ...rest }) =>
    Buffer.from(JSON.stringify({ reqIdentifier: op, ...rest, data: base64(body) })),
  decode(bytes) {
    const wire = parse(bytes)
    return {
      op: number(wire, 'reqIdentifier'),
      token: text(wire, 'token'),
      sendID: text(wire, 'sendID'),
      operationID: text(wire, 'operationID'),
      msgIncr: text(wire, 'msgIncr'),
      data: data(wire),
    }
  },
}

/** Replies and pushes as the JavaScript SDK reads them: all fields present, no data is `""`. */
export const jsonReply: Envelope<FrameReply> = {
  encode: ({ op, data: body, ...rest }) =>
    Buffer.from(JSON.stringify({ reqIdentifier: op, ...rest, data: base64(body) })),
  decode(bytes) {
    const wire = parse(bytes)
    return {
      op: number(wire, 'reqIdentifier'),
      msgIncr: text(wire, 'msgIncr'),
      operationID: text(wire, 'operationID'),
      errCode: number(wire, 'errCode'),
      errMsg: text(wire, 'errMsg'),
      data: data(wire),
    }
  },
}
