import type { SqliteEngine } from '@parlance/engines/sqlite'
import { IncompatibleStoreError } from '../entity/errors.ts'
import type { FieldSpec } from '../entity/field.ts'
import type { EntitySchema } from '../entity/schema.ts'
import type { RowsSpec, ViewSpec } from '../entity/view.ts'
import { columnType, quoted } from './columns.ts'

interface Column {
  readonly name: string
  readonly type: string
  readonly pk: number
}

/** The table of an entity. */
export function tableName(schema: EntitySchema): string {
  return `entity_${schema.name}`
}

/**
 * Makes an entity's table and indexes fit its declaration: creates what is missing, drops indexes of views that are gone.
 *
 * @throws {@link IncompatibleStoreError} when a column would have to change its type, the key differs, or rows would lack a
 * required field.
 */
export function prepareTable(engine: SqliteEngine, schema: EntitySchema): void {
  const table = tableName(schema)
  const columns = engine.prepare<Column>(`SELECT name, type, pk FROM pragma_table_info('${table}')`).all()
  const steps = columns.length === 0 ? [createTable(schema)] : addColumns(engine, schema, columns)
  const wanted = new Map([...schema.views.values()].flatMap((spec) => indexesOf(schema, spec)))
  const existing = engine
    .prepare<{ name: string }>(`SELECT name FROM pragma_index_list('${table}') WHERE origin = 'c'`)
    .all()
    .map(({ name }) => name)
  for (const name of existing) if (!wanted.has(name)) steps.push(`DROP INDEX ${quoted(name)}`)
  for (const [name, sql] of wanted) if (!existing.includes(name)) steps.push(sql)
  if (steps.length === 0) return
  const owner = `cached-repository/${table}`
  const done = engine.prepare<{ version: number }>('SELECT version FROM engine_schema WHERE owner = ?').get(owner)
  engine.migrate(owner, [...Array<string>(done?.version ?? 0).fill(''), ...steps])
}

function createTable(schema: EntitySchema): string {
  const keys = new Set(schema.key)
  const columns = [...schema.fields.values()].map(
    (field) => `${quoted(field.name)} ${columnType(field)}${keys.has(field) ? ' NOT NULL' : ''}`,
  )
  const key = schema.key.map(({ name }) => quoted(name)).join(', ')
  return `CREATE TABLE ${quoted(tableName(schema))}(${columns.join(', ')}, _revision INTEGER NOT NULL, PRIMARY KEY(${key})) WITHOUT ROWID`
}

function addColumns(engine: SqliteEngine, schema: EntitySchema, columns: readonly Column[]): string[] {
  const table = tableName(schema)
  const key = columns
    .filter(({ pk }) => pk > 0)
    .toSorted((one, other) => one.pk - other.pk)
    .map(({ name }) => name)
  const declaredKey = schema.key.map(({ name }) => name)
  if (key.join() !== declaredKey.join())
    throw incompatible(
      schema,
      `its rows are stored under the key (${key.join(', ')})`,
      `keep this key, or copy the rows to a new entity`,
    )
  const stored = new Map(columns.map((column) => [column.name, column.type]))
  const steps: string[] = []
  for (const field of schema.fields.values()) {
    const type = stored.get(field.name)
    if (type === undefined) {
      if (!field.optional && hasRows(engine, table)) throw missing(schema, field)
      steps.push(`ALTER TABLE ${quoted(table)} ADD COLUMN ${quoted(field.name)} ${columnType(field)}`)
    } else if (type !== columnType(field)) {
      throw incompatible(
        schema,
        `field ${field.name} is a ${field.type} (${columnType(field)}), but is stored as ${type}`,
        'keep the old type, or give the field another name',
        field,
      )
    }
  }
  return steps
}

function hasRows(engine: SqliteEngine, table: string): boolean {
  return engine.prepare(`SELECT 1 FROM ${quoted(table)} LIMIT 1`).get() !== undefined
}

function missing(schema: EntitySchema, field: FieldSpec): IncompatibleStoreError {
  return incompatible(
    schema,
    `field ${field.name} is new, and the rows that are stored already have none`,
    'declare it optional',
    field,
  )
}

function incompatible(schema: EntitySchema, what: string, cure: string, field?: FieldSpec): IncompatibleStoreError {
  return new IncompatibleStoreError(`entity ${schema.name} does not fit what is stored: ${what}; ${cure}`, {
    details: { entity: schema.name, field: field?.name },
  })
}

/** The indexes that answer a view and the touches of many of its rows. */
function indexesOf(schema: EntitySchema, spec: ViewSpec): [name: string, sql: string][] {
  if (spec.kind === 'changes')
    return spec.touchedBy.flatMap((touch) =>
      touch.kind === 'many'
        ? indexOf(
            schema,
            touch.by.map(([field]) => field),
          )
        : [],
    )
  return indexOf(schema, [...spec.by, ...Object.keys(spec.where)], spec.kind === 'rows' ? spec.order : [])
}

/** An index, by a name that says what is in it; none when the primary key serves. */
function indexOf(schema: EntitySchema, fields: readonly string[], order: RowsSpec['order'] = []): [string, string][] {
  const equal = [...new Set(fields)]
  const placed = new Set([...equal, ...order.map(([field]) => field)])
  const key = schema.key.map(({ name }) => name)
  if (order.length === 0 && key.slice(0, equal.length).toSorted().join() === equal.toSorted().join()) return []
  const columns = [
    ...equal.map(quoted),
    ...order.map(([field, direction]) => `${quoted(field)}${direction === 'desc' ? ' DESC' : ''}`),
    ...key.filter((name) => !placed.has(name)).map(quoted),
  ].join(', ')
  const table = tableName(schema)
  const name = `${table}(${columns.replaceAll('"', '')})`
  return [[name, `CREATE INDEX ${quoted(name)} ON ${quoted(table)}(${columns})`]]
}
