import protobuf, { type Reader, type Writer } from 'protobufjs/minimal.js'
import { ProtocolError, toProtocolError } from '../protocol-error.ts'
import type { Field } from './field.ts'
import type { Budget, Kind } from './kind.ts'

/** The fields of a message by name. */
export type Fields = Readonly<Record<string, Field<unknown, never>>>

/** What decoding a message with these fields gives: every field is there. */
export type Decoded<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer Out, never> ? Out : never }

/** What encoding a message with these fields takes: what is left out is written as nothing, the type's zero. */
export type Encodable<F extends Fields> = {
  readonly [K in keyof F]?: (F[K] extends Field<unknown, infer In> ? In : never) | undefined
}

/** Bounds of one decode. */
export interface DecodeLimits {
  /**
   * List and map elements in the message and everything nested in it.
   *
   * @defaultValue 100 000
   */
  readonly maxElementCount?: number
}

/**
 * One protobuf message: its name, and its two directions.
 *
 * Within another message, bytes that were encoded before may stand in for the object: they are embedded as they are.
 */
export interface Message<F extends Fields> extends Kind<Decoded<F>, Encodable<F> | Uint8Array> {
  readonly name: string
  /**
   * Writes a message; fields that are missing or zero take no bytes.
   *
   * @throws {@link ProtocolError} when a value is not of its field's type.
   */
  encode(value: Encodable<F>): Buffer
  /**
   * Reads a message: missing fields get their zero, unknown ones are skipped, of a repeated scalar the last counts.
   * `bytes` fields are views on the input. Time and memory are linear in the input's length and bounded by the limits.
   *
   * @throws {@link ProtocolError} when the input is truncated or malformed, holds an int64 beyond 2^53, or too many elements.
   */
  decode(bytes: Uint8Array, limits?: DecodeLimits): Decoded<F>
}

/** The type of what a message decodes to. */
export type Infer<M> = M extends Message<infer F> ? Decoded<F> : never

/** The type of what a message encodes from. */
export type InferInput<M> = M extends Message<infer F> ? Encodable<F> : never

interface Slot {
  readonly name: string
  readonly label: string
  readonly field: Field<unknown, unknown>
}

const defaultMaxElementCount = 100_000
const maxFieldNumber = 2 ** 29 - 1

function slotsOf(message: string, fields: Fields): readonly Slot[] {
  const numbers = new Set<number>()
  return Object.entries(fields).map(([name, field]) => {
    const { number } = field
    if (!Number.isInteger(number) || number < 1 || number > maxFieldNumber || numbers.has(number)) {
      throw new ProtocolError(`${message}.${name} needs a field number of its own, not ${number}`)
    }
    numbers.add(number)
    return { name, label: `${message}.${name}`, field: field as Field<unknown, unknown> }
  })
}

/** Declares a message; its TypeScript types follow from the fields. */
export function message<F extends Fields>(name: string, fields: F): Message<F> {
  const slots = slotsOf(name, fields)
  const byNumber: (Slot | undefined)[] = Array.from({
    length: Math.max(0, ...slots.map((slot) => slot.field.number)) + 1,
  })
  for (const slot of slots) byNumber[slot.field.number] = slot
  // Scalars' zeros are shared by all decoded objects, containers are made anew for each.
  const template: Record<string, unknown> = Object.fromEntries(slots.map((slot) => [slot.name, slot.field.zero()]))
  const containers = slots.filter((slot) => {
    const zero = slot.field.zero()
    return typeof zero === 'object' && zero !== null && zero !== slot.field.zero()
  })

  const fresh = (): Record<string, unknown> => {
    const target = { ...template }
    for (const slot of containers) target[slot.name] = slot.field.zero()
    return target
  }

  const readUntil = (reader: Reader, end: number, budget: Budget): Record<string, unknown> => {
    const target = fresh()
    while (reader.pos < end) {
      const tag = reader.tag()
      const wireType = tag & 7
      const slot = byNumber[tag >>> 3]
      if (slot !== undefined && slot.field.accepts(wireType)) {
        target[slot.name] = slot.field.read(reader, wireType, target[slot.name], budget)
      } else {
        reader.skipType(wireType, 0, tag >>> 3)
      }
    }
    if (reader.pos !== end) throw new ProtocolError(`${name} ends within a field`)
    return target
  }

  const writeFields = (writer: Writer, value: Readonly<Record<string, unknown>>): void => {
    for (const slot of slots) {
      const given = value[slot.name]
      if (given !== undefined) slot.field.write(writer, given, slot.label)
    }
  }

  return {
    name,
    wireType: 2,
    zero: () => fresh() as Decoded<F>,
    isZero: () => false,
    read(reader, budget) {
      const outer = reader.len
      const end = reader.size() + reader.pos
      if (end > outer) throw new ProtocolError(`${name} is longer than the message around it`)
      reader.len = end
      const value = readUntil(reader, end, budget)
      reader.len = outer
      return value as Decoded<F>
    },
    write(writer, value, label) {
      if (value instanceof Uint8Array) {
        writer.bytes(value)
        return
      }
      if (typeof value !== 'object' || value === null)
        throw new ProtocolError(`${label} must be an object or encoded bytes`)
      writer.fork()
      writeFields(writer, value)
      writer.ldelim()
    },
    encode(value) {
      const writer = protobuf.Writer.create()
      writeFields(writer, value)
      return writer.finish() as Buffer
    },
    decode(bytes, limits = {}) {
      const input = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const budget = { elementCount: limits.maxElementCount ?? defaultMaxElementCount }
      try {
        return readUntil(protobuf.Reader.create(input), input.length, budget) as Decoded<F>
      } catch (cause) {
        throw toProtocolError(name, cause)
      }
    },
  }
}
