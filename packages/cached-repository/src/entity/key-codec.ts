import type { Bytes } from '@parlance/core'
import { InvalidRowError } from './errors.ts'
import type { FieldSpec } from './field.ts'
import { sizeOfValue } from './field-values.ts'
import type { AnyRow } from './values.ts'

/** Most bytes of a key, or of the `by` of a list of rows or a count, as it is written in cache keys. */
export const maxKeyBytes: Bytes = 896
/** Most bytes of the `by` of a change list. */
export const maxListKeyBytes: Bytes = 400
const special = /[%:]/

/**
 * Turns the values of some scalar fields into one string and back: the name of a row, a list or a count.
 *
 * Different values give different strings; plain ids stay readable.
 */
export class KeyCodec {
  readonly #fields: readonly FieldSpec[]
  readonly #place: string
  readonly #maxBytes: Bytes

  /** @param place - what errors call the values, for example `the key of post`. */
  constructor(fields: readonly FieldSpec[], place: string, maxBytes: Bytes = maxKeyBytes) {
    this.#fields = fields
    this.#place = place
    this.#maxBytes = maxBytes
  }

  /** @throws {@link InvalidRowError} when a field is missing, has another type, or all of them together are too long. */
  encode(values: AnyRow): string {
    let text = ''
    for (let index = 0; index < this.#fields.length; index++) {
      const field = this.#fields[index]!
      const part = this.#part(field, values[field.name])
      text = index === 0 ? part : `${text}:${part}`
    }
    if (text.length * 3 > this.#maxBytes && Buffer.byteLength(text) > this.#maxBytes)
      throw new InvalidRowError(`${this.#place} is longer than ${this.#maxBytes} bytes: use shorter values`, {
        details: { fields: this.#fields.map(({ name }) => name) },
      })
    return text
  }

  /** The values again, frozen. */
  decode(text: string): AnyRow {
    const parts = text.split(':')
    const values: Record<string, unknown> = {}
    this.#fields.forEach((field, index) => {
      values[field.name] = fromPart(field, parts[index]!)
    })
    return Object.freeze(values)
  }

  /** A generous estimate of what the values take up in memory. */
  sizeOf(values: AnyRow): Bytes {
    let size: Bytes = 64
    for (const { name } of this.#fields) size += 8 + sizeOfValue(values[name])
    return size
  }

  #part({ name, type }: FieldSpec, value: unknown): string {
    if (type === 'string' && typeof value === 'string') {
      if (value === '') return '%'
      return special.test(value) ? value.replaceAll('%', '%25').replaceAll(':', '%3A') : value
    }
    if (type === 'number' && typeof value === 'number' && Number.isFinite(value)) return String(value)
    if (type === 'boolean' && typeof value === 'boolean') return value ? '1' : '0'
    if (type === 'date' && value instanceof Date && !Number.isNaN(value.getTime())) return String(value.getTime())
    throw new InvalidRowError(
      `${name} of ${this.#place} must be a ${type}; it is ${value === undefined ? 'missing' : describe(value)}`,
      { details: { field: name } },
    )
  }
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (value instanceof Date) return 'a date'
  return typeof value === 'number' ? String(value) : `a ${typeof value}`
}

function fromPart({ type }: FieldSpec, part: string): unknown {
  switch (type) {
    case 'number':
      return Number(part)
    case 'boolean':
      return part === '1'
    case 'date':
      return new Date(Number(part))
    default:
      if (part === '%') return ''
      return part.includes('%') ? part.replaceAll('%3A', ':').replaceAll('%25', '%') : part
  }
}
