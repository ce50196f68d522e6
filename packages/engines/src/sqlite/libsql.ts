import { createRequire } from 'node:module'
import type { SqliteDriver } from './driver.ts'

type LibsqlConstructor = new (path: string, options: { timeout: number }) => SqliteDriver

/** Opens a database file with libsql, which needs no compiler and runs on every Node from 20. */
export function openLibsql(path: string): SqliteDriver {
  const Database = createRequire(import.meta.url)('libsql') as LibsqlConstructor
  return new Database(path, { timeout: 0 })
}
