export type { SqliteValue } from './driver.ts'
export { SqliteEngine, type SqliteEngineOptions } from './engine.ts'
export {
  convertSqliteError,
  SqliteFlushError,
  SqliteFullError,
  SqliteLockedError,
  SqliteSchemaError,
  SqliteStatementError,
  SqliteUnwritableError,
} from './errors.ts'
export type { SqliteLibrary } from './library.ts'
export type { SqliteStatement } from './statement.ts'
