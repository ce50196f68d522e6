import type { Count } from '@parlance/core'
import type { SqliteEngine, SqliteStatement, SqliteValue } from '@parlance/engines/sqlite'
import type { FieldSpec } from '../entity/field.ts'
import { KeyCodec } from '../entity/key-codec.ts'
import { RowCodec } from '../entity/row-codec.ts'
import type { EntitySchema } from '../entity/schema.ts'
import type { AnyRow } from '../entity/values.ts'
import type { CountSpec, RowsSpec } from '../entity/view.ts'
import type { KeyRange, StoredRow } from '../entity-store.ts'
import { type ColumnValues, fromColumn, quoted, toColumn } from './columns.ts'
import { prepareTable, tableName } from './table-schema.ts'

interface Selection {
  readonly statement: SqliteStatement<ColumnValues>
  readonly constants: readonly SqliteValue[]
}

/** A negative limit is none. */
const wholeList: KeyRange = { offset: 0, limit: -1 }
const chunkSizes: readonly Count[] = [1, 8, 32, 128]

/** The table of one entity, with its statements prepared once. */
export class EntityTable {
  readonly rows: RowCodec
  readonly key: KeyCodec
  readonly #schema: EntitySchema
  readonly #engine: SqliteEngine
  readonly #fields: readonly FieldSpec[]
  readonly #upsert: SqliteStatement<never>
  readonly #delete: SqliteStatement<never>
  readonly #selects = new Map<Count, SqliteStatement<ColumnValues>>()
  readonly #keys = new Map<string, Selection>()
  readonly #counts = new Map<string, Selection>()
  readonly #walks = new Map<string, SqliteStatement<ColumnValues>>()

  constructor(engine: SqliteEngine, schema: EntitySchema) {
    prepareTable(engine, schema)
    this.rows = new RowCodec(schema)
    this.key = new KeyCodec(schema.key, `the key of ${schema.name}`)
    this.#schema = schema
    this.#engine = engine
    this.#fields = [...schema.fields.values()]
    const table = quoted(tableName(schema))
    const names = this.#fields.map(({ name }) => quoted(name)).join(', ')
    const places = this.#fields.map(() => '?').join(', ')
    this.#upsert = engine.prepare(`INSERT OR REPLACE INTO ${table}(${names}, _revision) VALUES (${places}, ?)`)
    const key = schema.key.map(({ name }) => `${quoted(name)} = ?`).join(' AND ')
    this.#delete = engine.prepare(`DELETE FROM ${table} WHERE ${key}`)
    for (const [view, spec] of schema.views) {
      if (spec.kind === 'changes') continue
      this.#counts.set(view, this.#selection(spec, 'count(*) AS count', ''))
      if (spec.kind === 'rows') this.#keys.set(view, this.#keySelection(spec))
    }
  }

  find(key: AnyRow): StoredRow | undefined {
    const found = this.#select(1).get(...this.#keyOf(key))
    return found && this.#stored(found)
  }

  /** Rows in the order of the keys: one statement per 128 of them. */
  findMany(keys: readonly AnyRow[]): (StoredRow | undefined)[] {
    if (keys.length === 1) return [this.find(keys[0]!)]
    const found = new Map<string, StoredRow>()
    for (let start = 0; start < keys.length;) {
      const left = keys.length - start
      const size = chunkSizes.find((one) => one >= left) ?? chunkSizes.at(-1)!
      const chunk = keys.slice(start, start + size)
      const parameters = chunk.flatMap((key) => this.#keyOf(key))
      const last = parameters.slice(-this.#schema.key.length)
      for (let padding = chunk.length; padding < size; padding++) parameters.push(...last)
      for (const row of this.#select(size).all(...parameters)) {
        const stored = this.#stored(row)
        found.set(this.#nameOf(stored.row), stored)
      }
      start += size
    }
    return keys.map((key) => found.get(this.#nameOf(key)))
  }

  save({ row, revision }: StoredRow): void {
    this.#upsert.run(...this.#fields.map((field) => toColumn(field, row[field.name])), revision)
  }

  remove(key: AnyRow): void {
    this.#delete.run(...this.#keyOf(key))
  }

  keysOf(view: string, by: AnyRow, { offset, limit }: KeyRange = wholeList): AnyRow[] {
    return this.#ask(this.#keys.get(view)!, view, by, limit, offset).map((columns) =>
      this.#keyFrom(columns, orderOf(this.#schema, view)),
    )
  }

  /** Keys of rows with the values `by`, in the order of the keys, after one of them. */
  keysAfter(by: AnyRow, after: AnyRow | undefined, limit: Count): AnyRow[] {
    const equal = Object.keys(by)
    const rest = this.#schema.key.filter(({ name }) => !equal.includes(name))
    if (after !== undefined && rest.length === 0) return []
    const parameters = equal.map((name) => toColumn(this.#schema.fields.get(name)!, by[name]))
    if (after !== undefined) parameters.push(...rest.map((field) => toColumn(field, after[field.name])))
    const found = this.#walk(equal, rest, after !== undefined).all(...parameters, limit)
    return found.map((columns) => this.#keyFrom(columns))
  }

  /** Rows in the order of their keys, after one of them. */
  rowsAfter(after: AnyRow | undefined, limit: Count): StoredRow[] {
    const key = this.#schema.key.map(({ name }) => quoted(name)).join(', ')
    const later = after === undefined ? '' : `WHERE (${key}) > (${this.#schema.key.map(() => '?').join(', ')})`
    const table = quoted(tableName(this.#schema))
    return this.#engine
      .prepare<ColumnValues>(`SELECT * FROM ${table} ${later} ORDER BY ${key} LIMIT ?`)
      .all(...(after === undefined ? [] : this.#keyOf(after)), limit)
      .map((columns) => this.#stored(columns))
  }

  /** How many rows there are. */
  count(): Count {
    const table = quoted(tableName(this.#schema))
    return this.#engine.prepare<{ count: number }>(`SELECT count(*) AS count FROM ${table}`).get()!.count
  }

  countOf(view: string, by: AnyRow): Count {
    return Number(this.#ask(this.#counts.get(view)!, view, by)[0]!['count'])
  }

  #ask({ statement, constants }: Selection, view: string, by: AnyRow, ...range: Count[]): ColumnValues[] {
    const parameters = this.#schema.views
      .get(view)!
      .by.map((name) => toColumn(this.#schema.fields.get(name)!, by[name]))
    return statement.all(...parameters, ...constants, ...range)
  }

  #keySelection(spec: RowsSpec): Selection {
    const key = this.#schema.key.map(({ name }) => quoted(name))
    const order = [...spec.order.map(([name, direction]) => `${quoted(name)} ${direction}`), ...key].join(', ')
    const read = [...new Set([...key, ...spec.order.map(([name]) => quoted(name))])].join(', ')
    return this.#selection(spec, read, ` ORDER BY ${order} LIMIT ? OFFSET ?`)
  }

  #selection(spec: RowsSpec | CountSpec, what: string, rest: string): Selection {
    const where = [...spec.by, ...Object.keys(spec.where)].map((name) => `${quoted(name)} = ?`).join(' AND ')
    const constants = Object.entries(spec.where).map(([name, value]) => toColumn(this.#schema.fields.get(name)!, value))
    const sql = `SELECT ${what} FROM ${quoted(tableName(this.#schema))} WHERE ${where}${rest}`
    return { statement: this.#engine.prepare(sql), constants }
  }

  #walk(equal: readonly string[], rest: readonly FieldSpec[], isLater: boolean): SqliteStatement<ColumnValues> {
    const name = `${isLater} ${equal.join()}`
    let statement = this.#walks.get(name)
    if (statement === undefined) {
      const key = this.#schema.key.map((field) => quoted(field.name)).join(', ')
      const order = rest.map((field) => quoted(field.name)).join(', ')
      const where = equal.map((field) => `${quoted(field)} = ?`).join(' AND ')
      const later = isLater ? ` AND (${order}) > (${rest.map(() => '?').join(', ')})` : ''
      const sorted = order === '' ? '' : ` ORDER BY ${order}`
      statement = this.#engine.prepare(
        `SELECT ${key} FROM ${quoted(tableName(this.#schema))} WHERE ${where}${later}${sorted} LIMIT ?`,
      )
      this.#walks.set(name, statement)
    }
    return statement
  }

  #keyFrom(columns: ColumnValues, others: readonly FieldSpec[] = []): AnyRow {
    const key: Record<string, unknown> = {}
    for (const field of [...this.#schema.key, ...others]) {
      const value = fromColumn(field, columns[field.name])
      key[field.name] = field.type === 'date' ? new Date(value as number) : value
    }
    return Object.freeze(key)
  }

  #select(size: Count): SqliteStatement<ColumnValues> {
    let statement = this.#selects.get(size)
    if (statement === undefined) {
      const table = quoted(tableName(this.#schema))
      const key = this.#schema.key.map(({ name }) => quoted(name))
      const values = Array(size)
        .fill(`(${key.map(() => '?').join(', ')})`)
        .join(', ')
      const match = key.map((name, index) => `t.${name} = wanted.column${index + 1}`).join(' AND ')
      statement = this.#engine.prepare(
        size === 1
          ? `SELECT * FROM ${table} WHERE ${key.map((name) => `${name} = ?`).join(' AND ')}`
          : `SELECT t.* FROM (VALUES ${values}) AS wanted CROSS JOIN ${table} AS t ON ${match}`,
      )
      this.#selects.set(size, statement)
    }
    return statement
  }

  #stored(columns: ColumnValues): StoredRow {
    return {
      row: this.rows.fromPlain((field) => fromColumn(field, columns[field.name])),
      revision: columns['_revision'] as number,
    }
  }

  #keyOf(key: AnyRow): SqliteValue[] {
    return this.#schema.key.map((field) => toColumn(field, key[field.name]))
  }

  #nameOf(row: AnyRow): string {
    return JSON.stringify(this.#keyOf(row))
  }
}

/** The fields that a view is ordered by. */
function orderOf(schema: EntitySchema, view: string): readonly FieldSpec[] {
  const spec = schema.views.get(view)
  return spec?.kind === 'rows' ? spec.order.map(([name]) => schema.fields.get(name)!) : []
}
