import type { Bytes } from '@parlance/core'
import type { Codec } from '@parlance/rockscache'
import type { StoredRow } from '../entity-store.ts'
import { IncompatibleStoreError, InvalidRowError } from './errors.ts'
import type { FieldSpec } from './field.ts'
import { checkedValue, plainValue, richValue, sizeOfValue } from './field-values.ts'
import type { EntitySchema } from './schema.ts'
import type { AnyRow } from './values.ts'

/** Checks, makes and (for the shared cache) encodes the rows of one entity. Every row it makes is immutable. */
export class RowCodec implements Codec<StoredRow> {
  readonly #schema: EntitySchema
  readonly #fields: readonly FieldSpec[]
  readonly #keyNames: ReadonlySet<string>

  constructor(schema: EntitySchema) {
    this.#schema = schema
    this.#fields = [...schema.fields.values()]
    this.#keyNames = new Set(schema.key.map((field) => field.name))
  }

  /** A checked, immutable copy of a row; its fields are in the order of their declaration. */
  checkRow(input: unknown): AnyRow {
    const values = this.#entriesOf(input, 'a row')
    return this.make((field) => {
      const value = values[field.name]
      return value === undefined && field.optional ? undefined : checkedValue(this.#schema.name, field, value)
    })
  }

  /** A checked copy of a change; `undefined` stands for clearing an optional field. */
  checkChange(input: unknown): AnyRow {
    const change: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(this.#entriesOf(input, 'a change'))) {
      const field = this.#schema.fields.get(name)!
      if (this.#keyNames.has(name))
        throw new InvalidRowError(
          `field ${name} of ${this.#schema.name} is part of the key, which never changes: delete the row and put another`,
          { details: { entity: this.#schema.name, field: name } },
        )
      change[name] = value === undefined && field.optional ? undefined : checkedValue(this.#schema.name, field, value)
    }
    return change
  }

  /** The row with some fields changed; both must have been checked. */
  patched(row: AnyRow, change: AnyRow): AnyRow {
    return this.make((field) => (Object.hasOwn(change, field.name) ? change[field.name] : row[field.name]))
  }

  /** Makes a row of checked values; absent ones are left out. */
  make(valueOf: (field: FieldSpec) => unknown): AnyRow {
    const row = (this.#schema.prototype === Object.prototype ? {} : Object.create(this.#schema.prototype)) as Record<
      string,
      unknown
    >
    for (const field of this.#fields) {
      const value = valueOf(field)
      if (value !== undefined) row[field.name] = value
    }
    return Object.freeze(row)
  }

  /**
   * Makes a row of plain values as a store keeps them.
   *
   * @throws {@link IncompatibleStoreError} when a required field has none.
   */
  fromPlain(plainOf: (field: FieldSpec) => unknown): AnyRow {
    return this.make((field) => {
      const plain = plainOf(field)
      if (plain !== undefined && plain !== null) return richValue(field.type, plain)
      if (plain === null && field.type === 'json') return null
      if (field.optional) return undefined
      throw new IncompatibleStoreError(
        `a stored row of ${this.#schema.name} has no ${field.name}: declare the field optional, or fill it in the rows that lack it`,
        { details: { entity: this.#schema.name, field: field.name } },
      )
    })
  }

  encode({ row, revision }: StoredRow): Uint8Array {
    const plain: Record<string, unknown> = {}
    for (const field of this.#fields) plain[field.name] = plainValue(row[field.name])
    return Buffer.from(JSON.stringify([revision, plain]))
  }

  decode(bytes: Uint8Array): StoredRow {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
    const [revision, plain] = JSON.parse(text) as [number, AnyRow]
    return { revision, row: this.fromPlain((field) => plain[field.name]) }
  }

  /** A generous estimate of what a row takes up in memory. */
  sizeOf(stored: StoredRow | undefined): Bytes {
    return stored === undefined ? 64 : this.#sizeOfRow(stored.row)
  }

  /** The same for a list, its rows included: the list holds them, whether or not they are also held on their own. */
  sizeOfList(rows: readonly AnyRow[]): Bytes {
    return rows.reduce((size, row) => size + 16 + this.#sizeOfRow(row), 64)
  }

  #sizeOfRow(row: AnyRow): Bytes {
    let size: Bytes = 128
    for (const field of this.#fields) size += 8 + sizeOfValue(row[field.name])
    return size
  }

  #entriesOf(input: unknown, what: string): Record<string, unknown> {
    if (typeof input !== 'object' || input === null)
      throw new InvalidRowError(`${what} of ${this.#schema.name} must be an object`)
    for (const name of Object.keys(input))
      if (!this.#schema.fields.has(name))
        throw new InvalidRowError(
          `${what} of ${this.#schema.name} has ${name}, which is not a declared field: declare it or leave it out`,
          { details: { entity: this.#schema.name, field: name } },
        )
    return input as Record<string, unknown>
  }
}
