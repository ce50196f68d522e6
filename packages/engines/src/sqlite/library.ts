import { InvalidArgumentError } from '@parlance/core'
import type { SqliteDriver } from './driver.ts'
import { openLibsql } from './libsql.ts'
import { loadNodeSqlite, openNodeSqlite } from './node-sqlite.ts'

/** Which SQLite an engine runs on: Node's own, or libsql. Files of one open with the other. */
export type SqliteLibrary = 'node' | 'libsql'

/** Node 22 has its SQLite too, but calls it experimental, with a warning in every program that loads it. */
const firstStableMajor = 24

/**
 * The library to use: `PARLANCE_SQLITE_LIBRARY` (`node` or `libsql`), else Node's own from Node 24 on, else libsql.
 *
 * @throws InvalidArgumentError when the variable names another.
 */
export function defaultLibrary(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  nodeVersion: string = process.versions.node,
): SqliteLibrary {
  const given = environment['PARLANCE_SQLITE_LIBRARY']
  if (given === 'node' || given === 'libsql') return given
  if (given !== undefined && given !== '')
    throw new InvalidArgumentError(`PARLANCE_SQLITE_LIBRARY is ${given}: write node or libsql, or leave it out`)
  return Number.parseInt(nodeVersion, 10) >= firstStableMajor ? 'node' : 'libsql'
}

/** Opens a file with a library. @throws InvalidArgumentError when this Node has no SQLite; what the library throws. */
export function openWith(library: SqliteLibrary, path: string): SqliteDriver {
  if (library === 'libsql') return openLibsql(path)
  const nodeSqlite = loadNodeSqlite()
  if (nodeSqlite === undefined)
    throw new InvalidArgumentError(
      `Node ${process.versions.node} has no SQLite of its own: use Node 22.13 or newer, or libsql (PARLANCE_SQLITE_LIBRARY)`,
    )
  return openNodeSqlite(nodeSqlite, path)
}
