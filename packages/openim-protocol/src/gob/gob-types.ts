import { ProtocolError } from '../protocol-error.ts'
import type { GobCursor } from './gob-cursor.ts'

/** The ids of gob's built-in types. */
export const gobIds = { bool: 1, int: 2, uint: 3, float: 4, bytes: 5, string: 6, complex: 7, interface: 8 } as const

/** One field of a struct as the sender describes it. */
export interface GobFieldType {
  readonly name: string
  readonly type: number
}

/** A type that a stream defines for itself. */
export type GobType =
  | { readonly kind: 'struct'; readonly fields: readonly GobFieldType[] }
  | { readonly kind: 'array'; readonly element: number; readonly length: number }
  | { readonly kind: 'slice'; readonly element: number }
  | { readonly kind: 'map'; readonly key: number; readonly element: number }
  /** A type that encodes itself: its values are a length and that many bytes. */
  | { readonly kind: 'opaque' }

/** The types one stream defined so far, by id. */
export type GobTypes = Map<number, GobType>

/** Ids below are gob's own. */
export const firstTypeId = 64

const maxFieldsPerStruct = 256
const maxTypes = 128

/** Reads the fields of a struct: `read` is called with each field's index and must consume its value. */
export function readGobFields(cursor: GobCursor, read: (index: number) => void): void {
  let index = -1
  for (let delta = cursor.unsigned(); delta !== 0; delta = cursor.unsigned()) {
    index += delta
    read(index)
  }
}

const unexpected = (what: string, index: number): never => {
  throw new ProtocolError(`a gob ${what} has no field ${index}`)
}

// The common part of every definition; neither the name nor the repeated id matters to a reader that matches by field name.
function skipCommon(cursor: GobCursor): void {
  readGobFields(cursor, (index) => {
    if (index === 0) cursor.bytes()
    else if (index === 1) cursor.skipNumber()
    else unexpected('type name', index)
  })
}

function readFieldType(cursor: GobCursor): GobFieldType {
  let name = ''
  let type = 0
  readGobFields(cursor, (index) => {
    if (index === 0) name = cursor.string()
    else if (index === 1) type = cursor.signed()
    else unexpected('field type', index)
  })
  return { name, type }
}

function readStruct(cursor: GobCursor): GobType {
  const fields: GobFieldType[] = []
  readGobFields(cursor, (index) => {
    if (index === 0) skipCommon(cursor)
    else if (index === 1) {
      const count = cursor.count()
      if (count > maxFieldsPerStruct)
        throw new ProtocolError(`a gob struct has ${count} fields, more than ${maxFieldsPerStruct}`)
      for (let i = 0; i < count; i++) fields.push(readFieldType(cursor))
    } else unexpected('struct type', index)
  })
  return { kind: 'struct', fields }
}

// Arrays, slices and maps are a common part followed by numbers.
function readNumbers(cursor: GobCursor, what: string, count: number): readonly number[] {
  const numbers = Array.from({ length: count }, () => 0)
  readGobFields(cursor, (index) => {
    if (index === 0) skipCommon(cursor)
    else if (index <= count) numbers[index - 1] = cursor.signed()
    else unexpected(what, index)
  })
  return numbers
}

function readVariant(cursor: GobCursor, variant: number): GobType {
  switch (variant) {
    case 0: {
      const [element, length] = readNumbers(cursor, 'array type', 2)
      return { kind: 'array', element: element!, length: length! }
    }
    case 1: {
      const [element] = readNumbers(cursor, 'slice type', 1)
      return { kind: 'slice', element: element! }
    }
    case 2:
      return readStruct(cursor)
    case 3: {
      const [key, element] = readNumbers(cursor, 'map type', 2)
      return { kind: 'map', key: key!, element: element! }
    }
    case 4:
    case 5:
    case 6:
      readNumbers(cursor, 'self-encoding type', 0)
      return { kind: 'opaque' }
    default:
      return unexpected('type definition', variant)
  }
}

function readType(cursor: GobCursor): GobType {
  let type: GobType | undefined
  readGobFields(cursor, (index) => {
    if (type !== undefined) throw new ProtocolError('a gob type definition defines two types')
    type = readVariant(cursor, index)
  })
  if (type === undefined) throw new ProtocolError('a gob type definition is empty')
  return type
}

/**
 * Reads the id of the type of the value that follows, and before it the definitions that may precede it.
 *
 * A definition ends its message, even in the middle of a value; within the value of an interface a length may follow instead.
 */
export function readGobTypeId(cursor: GobCursor, types: GobTypes, isInterface: boolean): number {
  let id = cursor.signed()
  while (id < 0) {
    if (-id < firstTypeId || types.has(-id)) throw new ProtocolError(`gob type ${-id} cannot be defined again`)
    if (types.size >= maxTypes) throw new ProtocolError(`a gob stream defines more than ${maxTypes} types`)
    types.set(-id, readType(cursor))
    if (isInterface && cursor.remaining > 0) cursor.skipNumber()
    else cursor.nextMessage()
    id = cursor.signed()
  }
  return id
}
