import { createHash } from 'node:crypto'
import type { SqliteEngine } from '@parlance/engines/sqlite'

/** Keeps sums small enough to be exact, however many rows there are. */
const modulus = 1_000_003

/**
 * A digest of what the tables of a file hold: how many rows, and sums over the numbers and lengths in each column.
 *
 * It tells that a server ran and changed something, by its revisions, numbers and positions; it is no proof against forgery.
 */
export function fingerprintOf(engine: SqliteEngine): string {
  const digest = createHash('sha256')
  const tables = engine.prepare<{ name: string }>(
    `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
  )
  for (const { name } of tables.all()) {
    const columns = engine.prepare<{ name: string }>('SELECT name FROM pragma_table_info(?) ORDER BY cid').all(name)
    const sums = columns.flatMap((column) => {
      const quoted = quote(column.name)
      return [`sum(CAST(${quoted} AS INTEGER) % ${modulus})`, `sum(length(${quoted}))`]
    })
    const row = engine.prepare<object>(
      `SELECT ${['count(*)', ...sums].map((sum, index) => `${sum} AS c${index}`).join(', ')} FROM ${quote(name)}`,
    )
    digest.update(
      JSON.stringify([name, row.get()], (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    )
  }
  return digest.digest('base64url')
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
