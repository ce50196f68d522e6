import type { Reader, Writer } from 'protobufjs/minimal.js'
import { ProtocolError } from '../protocol-error.ts'
import type { Budget, Kind } from './kind.ts'
import { string } from './scalars.ts'

/** One field of a message: its number, and how it is read into and written from a JavaScript value. */
export interface Field<Out, In> {
  readonly number: number
  zero(): Out
  /** Tells whether the field may arrive with this wire type; with another one it is skipped like an unknown field. */
  accepts(wireType: number): boolean
  /** Returns the field's value after one more occurrence of it; `previous` is the value so far. */
  read(reader: Reader, wireType: number, previous: Out, budget: Budget): Out
  write(writer: Writer, value: In, label: string): void
}

const spend = (budget: Budget): void => {
  budget.elementCount--
  if (budget.elementCount < 0) {
    throw new ProtocolError(
      'too many list and map elements in one message; split the request, or raise maxElementCount',
    )
  }
}

const tagOf = (number: number, wireType: number): number => ((number << 3) | wireType) >>> 0

/** A field with one value; a missing one reads as the type's zero, and a zero is not written. */
export function field<Out, In>(number: number, kind: Kind<Out, In>): Field<Out, In> {
  const tag = tagOf(number, kind.wireType)
  return {
    number,
    zero: () => kind.zero(),
    accepts: (wireType) => wireType === kind.wireType,
    read: (reader, _wireType, _previous, budget) => kind.read(reader, budget),
    write(writer, value, label) {
      if (kind.isZero(value)) return
      writer.uint32(tag)
      kind.write(writer, value, label)
    },
  }
}

/** A message within the message; `undefined` when it is missing. */
export function nested<Out, In>(number: number, kind: Kind<Out, In>): Field<Out | undefined, In | undefined> {
  const tag = tagOf(number, 2)
  return {
    number,
    zero: () => undefined,
    accepts: (wireType) => wireType === 2,
    read: (reader, _wireType, _previous, budget) => kind.read(reader, budget),
    write(writer, value, label) {
      if (value === undefined) return
      writer.uint32(tag)
      kind.write(writer, value, label)
    },
  }
}

/** A list. Numbers are written packed and read in either form. */
export function repeated<Out, In>(number: number, kind: Kind<Out, In>): Field<Out[], readonly In[]> {
  const tag = tagOf(number, kind.wireType)
  const packs = kind.wireType === 0
  const packedTag = tagOf(number, 2)
  return {
    number,
    zero: () => [],
    accepts: (wireType) => wireType === kind.wireType || (packs && wireType === 2),
    read(reader, wireType, previous, budget) {
      if (packs && wireType === 2) {
        const end = reader.size() + reader.pos
        if (end > reader.len) throw new ProtocolError('a packed list is longer than its message')
        while (reader.pos < end) {
          spend(budget)
          previous.push(kind.read(reader, budget))
        }
        if (reader.pos !== end) throw new ProtocolError('a packed list ends within a number')
      } else {
        spend(budget)
        previous.push(kind.read(reader, budget))
      }
      return previous
    },
    write(writer, value, label) {
      if (!Array.isArray(value)) throw new ProtocolError(`${label} must be an array`)
      const values: readonly In[] = value
      if (values.length === 0) return
      if (packs) {
        writer.uint32(packedTag).fork()
        for (const element of values) kind.write(writer, element, label)
        writer.ldelim()
        return
      }
      for (const element of values) {
        writer.uint32(tag)
        kind.write(writer, element, label)
      }
    },
  }
}

/** A map with string keys, as an object without prototype, so that no key has a meaning of its own. */
export function map<Out, In>(
  number: number,
  kind: Kind<Out, In>,
): Field<Record<string, Out>, Readonly<Record<string, In>>> {
  const tag = tagOf(number, 2)
  const keyTag = tagOf(1, 2)
  const valueTag = tagOf(2, kind.wireType)
  return {
    number,
    zero: () => Object.create(null) as Record<string, Out>,
    accepts: (wireType) => wireType === 2,
    read(reader, _wireType, previous, budget) {
      spend(budget)
      const outer = reader.len
      const end = reader.size() + reader.pos
      if (end > outer) throw new ProtocolError('a map entry is longer than its message')
      reader.len = end
      let key = ''
      let value: Out | undefined
      while (reader.pos < end) {
        const next = reader.tag()
        if (next === keyTag) key = string.read(reader, budget)
        else if (next === valueTag) value = kind.read(reader, budget)
        else reader.skipType(next & 7, 0, next >>> 3)
      }
      reader.len = outer
      previous[key] = value === undefined ? kind.zero() : value
      return previous
    },
    write(writer, value, label) {
      if (typeof value !== 'object' || value === null) throw new ProtocolError(`${label} must be an object`)
      for (const key of Object.keys(value)) {
        writer.uint32(tag).fork().uint32(keyTag).string(key).uint32(valueTag)
        kind.write(writer, value[key]!, label)
        writer.ldelim()
      }
    },
  }
}
