import { createRequire } from 'node:module'

/** A value SQLite can hold. Integers must stay within ±2^53: larger ones would be rounded. */
export type SqliteValue = string | number | null | Uint8Array

/** One prepared statement of a {@link SqliteDriver}. */
export interface SqliteDriverStatement {
  run(...parameters: SqliteValue[]): { readonly changes: number }
  all(...parameters: SqliteValue[]): unknown[]
}

/** The few calls that the engine needs of a synchronous SQLite library. */
export interface SqliteDriver {
  exec(sql: string): void
  prepare(sql: string): SqliteDriverStatement
  close(): void
}

type LibsqlConstructor = new (path: string, options: { timeout: number }) => SqliteDriver

/** Opens a database file with libsql, which needs no compiler and runs on every Node from 20. */
export function openLibsql(path: string): SqliteDriver {
  const Database = createRequire(import.meta.url)('libsql') as LibsqlConstructor
  return new Database(path, { timeout: 0 })
}
