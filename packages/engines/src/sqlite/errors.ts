import { ParlanceError } from '@parlance/core'

/** The database file is open already, in another process or by another engine of this one. */
export class SqliteLockedError extends ParlanceError {
  static override readonly code = 'SQLITE_LOCKED'
}

/** The data folder cannot be created, read or written. */
export class SqliteUnwritableError extends ParlanceError {
  static override readonly code = 'SQLITE_UNWRITABLE'
}

/** The disk is full: nothing of the group was stored or acknowledged. Free space, then try again. */
export class SqliteFullError extends ParlanceError {
  static override readonly code = 'SQLITE_DISK_FULL'
  static override readonly retryable = true
}

/**
 * A commit did not reach the disk: nothing of it was acknowledged.
 *
 * What a failed flush left in the operating system's memory is unknown, so the engine takes no further write until it
 * is opened again and has read what the disk really holds.
 */
export class SqliteFlushError extends ParlanceError {
  static override readonly code = 'SQLITE_FLUSH_FAILED'
}

/** The file was written by a newer version of the program, which this one would misread. */
export class SqliteSchemaError extends ParlanceError {
  static override readonly code = 'SQLITE_SCHEMA_NEWER'
}

/** A statement failed: a defect of the caller, or a damaged file. */
export class SqliteStatementError extends ParlanceError {
  static override readonly code = 'SQLITE_STATEMENT'
}

/** Node's own SQLite reports numbers (https://sqlite.org/rescode.html): the low byte says which of these it is. */
const primaryCodes: Readonly<Record<number, string>> = {
  3: 'SQLITE_PERM',
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
}

function sqliteCode(error: unknown): string {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  if (typeof errcode === 'number') return primaryCodes[errcode & 255] ?? `SQLITE_${errcode}`
  return typeof code === 'string' ? code : ''
}

/** libsql reports a file it cannot open without a code: SQLite's own number 14 stands at the end of the text. */
const cannotOpen = /^ConnectionFailed\(.*: 14"\)$/

/** Turns what the SQLite library threw into one of the errors above; errors of ours pass unchanged. */
export function convertSqliteError(error: unknown, path: string): ParlanceError {
  if (ParlanceError.is(error)) return error
  const code = sqliteCode(error)
  const message = error instanceof Error ? error.message : String(error)
  const options = { cause: error, details: { path, sqlite: code } }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new SqliteLockedError(
      `${path} is already open, most likely in another process: stop that one, or choose another data folder (PARLANCE_DATA_DIR)`,
      options,
    )
  }
  if (
    cannotOpen.test(message) ||
    code.startsWith('SQLITE_CANTOPEN') ||
    code.startsWith('SQLITE_READONLY') ||
    code.startsWith('SQLITE_PERM')
  ) {
    return new SqliteUnwritableError(
      `${path} cannot be written: check the folder's owner and permissions, or choose another (PARLANCE_DATA_DIR)`,
      options,
    )
  }
  if (code.startsWith('SQLITE_FULL'))
    return new SqliteFullError(`the disk of ${path} is full: nothing was stored; free space and try again`, options)
  if (code.startsWith('SQLITE_IOERR'))
    return new SqliteFlushError(
      `the disk under ${path} failed (${message}): nothing was stored; check the disk and restart`,
      options,
    )
  return new SqliteStatementError(message, options)
}
