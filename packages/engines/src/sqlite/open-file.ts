import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Bytes } from '@parlance/core'
import type { SqliteDriver } from './driver.ts'
import { convertSqliteError, SqliteUnwritableError } from './errors.ts'
import { openWith, type SqliteLibrary } from './library.ts'

/** What a large transaction made of the write-ahead log is cut back to this; small ones reuse its space. */
const maxIdleWalBytes: Bytes = 16 * 1024 * 1024

/** What makes a commit durable, and what libraries set differently; `fullfsync` matters on macOS only, where a plain fsync stops at the drive's cache. */
const pragmas = [
  'locking_mode=EXCLUSIVE',
  'journal_mode=WAL',
  'synchronous=FULL',
  'cache_size=-65536',
  'foreign_keys=ON',
  'fullfsync=ON',
  `journal_size_limit=${maxIdleWalBytes}`,
]

/** Opens or creates a file, takes it for this process and sets it up; or leaves nothing open. */
export function openFile(library: SqliteLibrary, path: string): SqliteDriver {
  try {
    mkdirSync(dirname(path), { recursive: true })
  } catch (error) {
    throw new SqliteUnwritableError(
      `${dirname(path)} cannot be created: ${(error as Error).message}; choose another data folder (PARLANCE_DATA_DIR)`,
      { cause: error },
    )
  }
  let driver: SqliteDriver | undefined
  try {
    driver = openWith(library, path)
    for (const pragma of pragmas) driver.prepare(`PRAGMA ${pragma}`).all([])
    driver.exec(
      'CREATE TABLE IF NOT EXISTS engine_schema(owner TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID',
    )
    driver.exec('BEGIN IMMEDIATE; COMMIT')
    return driver
  } catch (error) {
    driver?.close()
    throw convertSqliteError(error, path)
  }
}
