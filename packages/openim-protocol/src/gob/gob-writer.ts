import { ProtocolError } from '../protocol-error.ts'

const oneByte = 0x80

const toUnsigned = (value: number): number => (value < 0 ? -(value + 1) * 2 + 1 : value * 2)

const unsignedBytes = (value: number): number => {
  let count = 0
  for (let rest = value; rest >= 1; rest = Math.floor(rest / 0x100)) count++
  return count
}

/** How many bytes an unsigned number takes. */
export const unsignedSize = (value: number): number => (value < oneByte ? 1 : 1 + unsignedBytes(value))

/** How many bytes a signed number takes. */
export const signedSize = (value: number): number => unsignedSize(toUnsigned(value))

/** Writes an unsigned number at a position and returns the position behind it. */
export function writeUnsigned(into: Buffer, at: number, value: number): number {
  if (value < oneByte) {
    into[at] = value
    return at + 1
  }
  const count = unsignedBytes(value)
  into[at] = 0x100 - count
  let rest = value
  for (let i = count; i > 0; i--) {
    into[at + i] = rest % 0x100
    rest = Math.floor(rest / 0x100)
  }
  return at + 1 + count
}

const maxSigned = 2 ** 52 - 1

/** Writes a signed number at a position and returns the position behind it. */
export function writeSigned(into: Buffer, at: number, value: number): number {
  if (!Number.isInteger(value) || Math.abs(value) > maxSigned) {
    throw new ProtocolError(`gob numbers must be integers within ±2^52, not ${value}`)
  }
  return writeUnsigned(into, at, toUnsigned(value))
}
