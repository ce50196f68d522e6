import type { SqliteValue } from '@parlance/engines/sqlite'
import type { FieldSpec, FieldType } from '../entity/field.ts'

/** A row as SQLite returns it. */
export type ColumnValues = Readonly<Record<string, SqliteValue>>

const affinities: Readonly<Record<FieldType, string>> = {
  string: 'TEXT',
  number: 'REAL',
  boolean: 'INTEGER',
  date: 'INTEGER',
  json: 'TEXT',
}

/** The declared type of a field's column. */
export function columnType({ type }: FieldSpec): string {
  return affinities[type]
}

/** A name as SQL wants it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A field's value as its column holds it. */
export function toColumn({ type }: FieldSpec, value: unknown): SqliteValue {
  if (value === undefined) return null
  switch (type) {
    case 'boolean':
      return value === true ? 1 : 0
    case 'date':
      return (value as Date).getTime()
    case 'json':
      return JSON.stringify(value)
    default:
      return value as SqliteValue
  }
}

/** A column's value as the row codec takes it; `undefined` when there is none. */
export function fromColumn({ type }: FieldSpec, value: SqliteValue | undefined): unknown {
  if (value === null || value === undefined) return undefined
  if (type === 'boolean') return value !== 0
  return type === 'json' ? (JSON.parse(value as string) as unknown) : value
}
