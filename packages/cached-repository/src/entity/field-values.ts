import type { Bytes } from '@parlance/core'
import { InvalidRowError } from './errors.ts'
import { defaultMaxFieldBytes, type FieldSpec, type FieldType } from './field.ts'
import { FrozenDate } from './frozen-date.ts'

const loneSurrogate = /\p{Surrogate}/u

/** Checks a value against its field and makes it immutable. */
export function checkedValue(entity: string, spec: FieldSpec, value: unknown): unknown {
  const refuse = (why: string): never => {
    throw new InvalidRowError(`field ${spec.name} of ${entity} ${why}`, { details: { entity, field: spec.name } })
  }
  switch (spec.type) {
    case 'string': {
      if (typeof value !== 'string') return refuse(`must be a string; it is ${kindOf(value)}`)
      if (spec.max !== undefined && value.length > spec.max)
        refuse(`has ${value.length} characters; its max is ${spec.max}`)
      if (spec.max === undefined && value.length * 3 > defaultMaxFieldBytes) {
        const bytes = Buffer.byteLength(value)
        if (bytes > defaultMaxFieldBytes)
          refuse(`has ${bytes} bytes; without a max it may have ${defaultMaxFieldBytes}`)
      }
      if (loneSurrogate.test(value)) refuse('holds half of a surrogate pair; give well-formed Unicode')
      if (value.includes('\0')) refuse('holds a NUL character; leave it out')
      return value
    }
    case 'number':
      if (typeof value !== 'number' || !Number.isFinite(value))
        return refuse(`must be a finite number; it is ${typeof value === 'number' ? value : kindOf(value)}`)
      return value === 0 ? 0 : value
    case 'boolean':
      return typeof value === 'boolean' ? value : refuse(`must be a boolean; it is ${kindOf(value)}`)
    case 'date':
      if (!(value instanceof Date) || Number.isNaN(value.getTime()))
        return refuse(`must be a valid date; it is ${value instanceof Date ? 'an invalid one' : kindOf(value)}`)
      return value instanceof FrozenDate ? value : new FrozenDate(value.getTime())
    case 'json': {
      const text = jsonText(value)
      if (text === undefined) return refuse(`must be something JSON can hold; it is ${kindOf(value)}`)
      const bytes = Buffer.byteLength(text)
      const maxBytes = spec.max ?? defaultMaxFieldBytes
      if (bytes > maxBytes) refuse(`has ${bytes} bytes of JSON; it may have ${maxBytes}`)
      return deepFrozen(JSON.parse(text))
    }
  }
}

/** A value as JSON and drivers can hold it: dates as milliseconds. */
export function plainValue(value: unknown): unknown {
  return value instanceof Date ? value.getTime() : value
}

/** The value that {@link plainValue} made plain, immutable. */
export function richValue(type: FieldType, plain: unknown): unknown {
  if (type === 'date') return new FrozenDate(plain as number)
  return type === 'json' ? deepFrozen(plain) : plain
}

/** Tells whether two checked scalar values are the same. */
export function sameScalar(one: unknown, other: unknown): boolean {
  return plainValue(one) === plainValue(other)
}

/** Tells whether two checked values of any kind are the same. */
export function sameValue(one: unknown, other: unknown): boolean {
  if (sameScalar(one, other)) return true
  if (typeof one !== 'object' || typeof other !== 'object') return false
  return JSON.stringify(one) === JSON.stringify(other)
}

/** A generous estimate of what a value takes up in memory. */
export function sizeOfValue(value: unknown): Bytes {
  if (typeof value === 'string') return 24 + 2 * value.length
  if (typeof value !== 'object' || value === null) return 8
  if (value instanceof Date) return 64
  let size: Bytes = 48
  for (const [name, item] of Object.entries(value)) size += 16 + 2 * name.length + sizeOfValue(item)
  return size
}

function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined
  } catch (error) {
    throw new InvalidRowError(`JSON cannot hold this value: ${(error as Error).message}`, { cause: error })
  }
}

function deepFrozen(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) deepFrozen(item)
    Object.freeze(value)
  }
  return value
}

function kindOf(value: unknown): string {
  if (value === null) return 'null; an optional field that has no value is left out'
  if (value === undefined) return 'missing'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
