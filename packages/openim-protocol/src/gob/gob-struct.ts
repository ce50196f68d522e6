import { ProtocolError, toProtocolError } from '../protocol-error.ts'
import { GobCursor } from './gob-cursor.ts'
import { skipGobValue } from './gob-skip.ts'
import { firstTypeId, gobIds, type GobTypes, readGobFields, readGobTypeId } from './gob-types.ts'
import { signedSize, unsignedSize, writeSigned, writeUnsigned } from './gob-writer.ts'

type GobFieldKind = 'int' | 'string' | 'bytes'

/** A field of a {@link gobStruct}: its key in JavaScript, its name in Go, its type. */
export type GobField<T> = {
  readonly [K in keyof T & string]: {
    readonly key: K
    readonly name: string
    readonly kind: T[K] extends number ? 'int' : T[K] extends string ? 'string' : 'bytes'
  }
}[keyof T & string]

/** A struct of numbers, strings and bytes as a gob stream of its own: type definition, then value. */
export interface GobStruct<T> {
  encode(value: T): Buffer
  /**
   * Reads the first value of a stream. Fields are matched by name, whatever the sender calls its struct and types;
   * fields it did not send are empty, fields we do not have are skipped. Bytes are views on the input.
   *
   * @throws {@link ProtocolError} when the stream is malformed, or a field has another type than ours.
   */
  decode(stream: Buffer): T
}

type Values = Record<string, number | string | Uint8Array>

const noBytes = Buffer.alloc(0)
const zeros = { int: 0, string: '', bytes: noBytes } as const
// A struct definition is the third alternative of gob's wireType, and a field of it the second of structType.
const structVariant = 3

function concat(...parts: readonly (number | string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part))))
}

function signed(value: number): Buffer {
  const into = Buffer.alloc(signedSize(value))
  writeSigned(into, 0, value)
  return into
}

function unsigned(value: number): Buffer {
  const into = Buffer.alloc(unsignedSize(value))
  writeUnsigned(into, 0, value)
  return into
}

function definition(name: string, typeId: number, fields: readonly { name: string; kind: GobFieldKind }[]): Buffer {
  const described = fields.map((field) =>
    concat(1, unsigned(field.name.length), field.name, 1, signed(gobIds[field.kind]), 0),
  )
  const common = concat(1, unsigned(name.length), name, 1, signed(typeId), 0)
  const struct = concat(1, common, 1, unsigned(fields.length), ...described, 0)
  const body = concat(signed(-typeId), structVariant, struct, 0)
  return concat(unsigned(body.length), body)
}

function sizeOf(value: number | string | Uint8Array): number {
  if (typeof value === 'number') return value === 0 ? 0 : signedSize(value)
  const length = typeof value === 'string' ? Buffer.byteLength(value) : value.length
  return length === 0 ? 0 : unsignedSize(length) + length
}

function write(into: Buffer, at: number, value: number | string | Uint8Array, size: number): number {
  if (typeof value === 'number') return writeSigned(into, at, value)
  if (typeof value === 'string') {
    let length = size - 1
    while (unsignedSize(length) + length > size) length--
    const from = writeUnsigned(into, at, length)
    return from + into.write(value, from)
  }
  const from = writeUnsigned(into, at, value.length)
  into.set(value, from)
  return from + value.length
}

/** Declares a struct; `typeId` is the id its definition gets in encoded streams, from 64 on. */
export function gobStruct<T extends object>(
  name: string,
  typeId: number,
  fields: readonly GobField<T>[],
): GobStruct<T> {
  if (typeId < firstTypeId) throw new ProtocolError(`gob keeps type ids below ${firstTypeId} for itself`)
  const head = definition(name, typeId, fields)
  const id = signed(typeId)
  const byName = new Map(fields.map((field) => [field.name, field]))
  const template: Values = Object.fromEntries(fields.map((field) => [field.key, zeros[field.kind]]))

  const readValue = (cursor: GobCursor, type: number, types: GobTypes): T => {
    const struct = types.get(type)
    if (struct?.kind !== 'struct') throw new ProtocolError('a gob stream holds something else than a struct')
    const value = { ...template }
    readGobFields(cursor, (index) => {
      const sent = struct.fields[index]
      if (sent === undefined) throw new ProtocolError(`a gob struct has no field ${index}`)
      const field = byName.get(sent.name)
      if (field === undefined) {
        skipGobValue(cursor, sent.type, types)
        return
      }
      if (sent.type !== gobIds[field.kind])
        throw new ProtocolError(`gob field ${field.name} must be of type ${field.kind}`)
      value[field.key] =
        field.kind === 'int' ? cursor.signed() : field.kind === 'string' ? cursor.string() : cursor.bytes()
    })
    return value as T
  }

  return {
    encode(value) {
      const values = value as Readonly<Values>
      let bodySize = id.length + 1
      const sizes = fields.map((field) => sizeOf(values[field.key]!))
      let delta = 1
      for (const size of sizes) {
        if (size === 0) delta++
        else {
          bodySize += unsignedSize(delta) + size
          delta = 1
        }
      }
      const into = Buffer.allocUnsafe(head.length + unsignedSize(bodySize) + bodySize)
      into.set(head)
      let at = writeUnsigned(into, head.length, bodySize)
      into.set(id, at)
      at += id.length
      delta = 1
      for (const [index, field] of fields.entries()) {
        const size = sizes[index]!
        if (size === 0) delta++
        else {
          at = write(into, writeUnsigned(into, at, delta), values[field.key]!, size)
          delta = 1
        }
      }
      into[at] = 0
      return into
    },
    decode(stream) {
      try {
        const types: GobTypes = new Map()
        const cursor = new GobCursor(stream)
        cursor.nextMessage()
        return readValue(cursor, readGobTypeId(cursor, types, false), types)
      } catch (cause) {
        throw toProtocolError('gob stream', cause)
      }
    },
  }
}
