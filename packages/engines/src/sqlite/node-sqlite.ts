import type { SqliteDriver, SqliteDriverStatement, SqliteValue } from './driver.ts'
import { hasNumberedParameters } from './parameters.ts'

type Parameter = SqliteValue | Readonly<Record<string, SqliteValue>>

interface NodeStatement {
  run(...parameters: readonly Parameter[]): { readonly changes: number }
  all(...parameters: readonly Parameter[]): unknown[]
}

interface NodeDatabase {
  /** Since Node 22.16. */
  readonly isTransaction?: boolean
  exec(sql: string): void
  prepare(sql: string): NodeStatement
  close(): void
}

interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => NodeDatabase
}

/** Node's own SQLite, where this Node has it without a flag (22.13 and newer). Node 22 warns once when it is loaded. */
export const loadNodeSqlite = (): NodeSqlite | undefined =>
  // Missing before Node 20.16. It answers `undefined` for a module that is not there, where an import would throw.
  (process.getBuiltinModule as typeof process.getBuiltinModule | undefined)?.('node:sqlite') as NodeSqlite | undefined

/** Opens a database file with Node's own SQLite. It reads what libsql has written, and the other way round. */
export function openNodeSqlite({ DatabaseSync }: NodeSqlite, path: string): SqliteDriver {
  const database = new DatabaseSync(path)
  return {
    get inTransaction() {
      return database.isTransaction ?? hasTransaction(database)
    },
    exec: (sql) => database.exec(sql),
    prepare: (sql) => adapt(database.prepare(sql), hasNumberedParameters(sql)),
    close: () => database.close(),
  }
}

// Numbered parameters go by name: Node 22 would count them among the named ones and find no place for a value.
function adapt(statement: NodeStatement, isNumbered: boolean): SqliteDriverStatement {
  if (!isNumbered)
    return {
      run: (parameters) => statement.run(...parameters),
      all: (parameters) => statement.all(...parameters),
    }
  const named = (parameters: readonly SqliteValue[]): Readonly<Record<string, SqliteValue>> =>
    Object.fromEntries(parameters.map((value, index) => [`?${index + 1}`, value]))
  return {
    run: (parameters) => statement.run(named(parameters)),
    all: (parameters) => statement.all(named(parameters)),
  }
}

/** Asks SQLite itself: it begins no transaction within one. A deferred one takes no lock. */
function hasTransaction(database: NodeDatabase): boolean {
  try {
    database.exec('BEGIN DEFERRED')
  } catch {
    return true
  }
  database.exec('ROLLBACK')
  return false
}
