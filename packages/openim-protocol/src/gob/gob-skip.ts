import { ProtocolError } from '../protocol-error.ts'
import type { GobCursor } from './gob-cursor.ts'
import { gobIds, type GobTypes, readGobFields, readGobTypeId } from './gob-types.ts'

const maxDepth = 32

// A value of an interface type names its concrete type and states its length, so it need not be understood.
function skipInterface(cursor: GobCursor, types: GobTypes): void {
  const name = cursor.bytes()
  if (name.length === 0) return
  readGobTypeId(cursor, types, true)
  cursor.skip(cursor.count())
}

function skipBuiltIn(cursor: GobCursor, id: number, types: GobTypes): void {
  switch (id) {
    case gobIds.bool:
    case gobIds.int:
    case gobIds.uint:
    case gobIds.float:
      cursor.skipNumber()
      return
    case gobIds.bytes:
    case gobIds.string:
      cursor.skip(cursor.count())
      return
    case gobIds.complex:
      cursor.skipNumber()
      cursor.skipNumber()
      return
    case gobIds.interface:
      skipInterface(cursor, types)
      return
    default:
      throw new ProtocolError(`gob type ${id} was never defined`)
  }
}

/**
 * Passes over a value of any type. Every element takes at least one byte, so time is linear in the message's length.
 *
 * @throws {@link ProtocolError} when the value is malformed, of an unknown type, or nested more than 32 deep.
 */
export function skipGobValue(cursor: GobCursor, id: number, types: GobTypes, depth = 0): void {
  if (depth > maxDepth) throw new ProtocolError(`a gob value is nested more than ${maxDepth} deep`)
  const type = types.get(id)
  switch (type?.kind) {
    case undefined:
      skipBuiltIn(cursor, id, types)
      return
    case 'opaque':
      cursor.skip(cursor.count())
      return
    case 'struct': {
      const { fields } = type
      readGobFields(cursor, (index) => {
        const field = fields[index]
        if (field === undefined) throw new ProtocolError(`a gob struct has no field ${index}`)
        skipGobValue(cursor, field.type, types, depth + 1)
      })
      return
    }
    case 'array':
    case 'slice': {
      const count = cursor.count()
      if (type.kind === 'array' && count !== type.length)
        throw new ProtocolError('a gob array has not the length of its type')
      for (let i = 0; i < count; i++) skipGobValue(cursor, type.element, types, depth + 1)
      return
    }
    case 'map': {
      const count = cursor.count()
      for (let i = 0; i < count; i++) {
        skipGobValue(cursor, type.key, types, depth + 1)
        skipGobValue(cursor, type.element, types, depth + 1)
      }
    }
  }
}
