export type { SqliteValue } from './driver.ts'
export { SqliteEngine, type SqliteEngineOptions, type SqliteStatement } from './engine.ts'
export {
  convertSqliteError,
  SqliteFlushError,
  SqliteFullError,
  SqliteLockedError,
  SqliteStatementError,
  SqliteUnwritableError,
} from './errors.ts'
