import type { Reader } from 'protobufjs/minimal.js'
import { ProtocolError } from '../protocol-error.ts'
import type { Kind } from './kind.ts'

const maxInt32 = 2 ** 31 - 1
const minInt32 = -(2 ** 31)
const maxUint32 = 2 ** 32 - 1
// Seven groups of seven bits are always exact in a double; longer varints take the slow way.
const plainVarintBytes = 7
const empty = Buffer.alloc(0)

function refuse(label: string, wanted: string, value: unknown): never {
  const got = typeof value === 'number' || typeof value === 'bigint' ? String(value) : typeof value
  throw new ProtocolError(`${label} must be ${wanted}, not ${got}; convert it before encoding`)
}

function readInt64(reader: Reader): number {
  const { buf, pos } = reader
  const last = Math.min(reader.len, pos + plainVarintBytes)
  let value = 0
  let scale = 1
  for (let at = pos; at < last; at++) {
    const byte = buf[at]!
    value += (byte & 0x7f) * scale
    if (byte < 0x80) {
      reader.pos = at + 1
      return value
    }
    scale *= 0x80
  }
  const long: unknown = reader.int64()
  const exact = Number(long)
  if (!Number.isSafeInteger(exact)) {
    throw new ProtocolError(`int64 ${String(long)} is beyond 2^53 and cannot be handled exactly; send a smaller number`)
  }
  return exact
}

const isNothing = (value: number): boolean => value === 0

/** UTF-8 text. */
export const string: Kind<string> = {
  wireType: 2,
  zero: () => '',
  isZero: (value) => value === '',
  read: (reader) => reader.string(),
  write(writer, value, label) {
    if (typeof value !== 'string') refuse(label, 'a string', value)
    writer.string(value)
  },
}

/** Bytes; what is decoded is a view on the input, not a copy. */
export const bytes: Kind<Uint8Array> = {
  wireType: 2,
  zero: () => empty,
  isZero: (value) => value instanceof Uint8Array && value.length === 0,
  read: (reader) => reader.bytes(),
  write(writer, value, label) {
    if (!(value instanceof Uint8Array)) refuse(label, 'a Uint8Array', value)
    writer.bytes(value)
  },
}

/** True or false. */
export const bool: Kind<boolean> = {
  wireType: 0,
  zero: () => false,
  isZero: (value) => value === false,
  read: (reader) => reader.bool(),
  write(writer, value, label) {
    if (typeof value !== 'boolean') refuse(label, 'a boolean', value)
    writer.bool(value)
  },
}

/** A signed integer of 32 bits; enumerations too. */
export const int32: Kind<number> = {
  wireType: 0,
  zero: () => 0,
  isZero: isNothing,
  read: (reader) => reader.int32(),
  write(writer, value, label) {
    if (!Number.isInteger(value) || value > maxInt32 || value < minInt32) refuse(label, 'an int32', value)
    writer.int32(value)
  },
}

/** An unsigned integer of 32 bits. */
export const uint32: Kind<number> = {
  wireType: 0,
  zero: () => 0,
  isZero: isNothing,
  read: (reader) => reader.uint32(),
  write(writer, value, label) {
    if (!Number.isInteger(value) || value > maxUint32 || value < 0) refuse(label, 'a uint32', value)
    writer.uint32(value)
  },
}

/** A signed integer of 64 bits, as a number: refused, in both directions, when it is not exact. */
export const int64: Kind<number> = {
  wireType: 0,
  zero: () => 0,
  isZero: isNothing,
  read: readInt64,
  write(writer, value, label) {
    if (!Number.isSafeInteger(value)) refuse(label, 'an integer within ±2^53', value)
    if (value >= 0 && value <= maxUint32) writer.uint32(value)
    else writer.int64(value)
  },
}
