/**
 * A value SQLite can hold.
 *
 * Numbers are handed over as floating point: a column of INTEGER affinity keeps whole ones as integers (exact within
 * ±2^53), a TEXT column would keep `5` as `'5.0'`.
 */
export type SqliteValue = string | number | null | Uint8Array

/** One prepared statement of a {@link SqliteDriver}; parameters travel as one array. */
export interface SqliteDriverStatement {
  run(parameters: readonly SqliteValue[]): { readonly changes: number }
  all(parameters: readonly SqliteValue[]): unknown[]
}

/** The few calls that the engine needs of a synchronous SQLite library. */
export interface SqliteDriver {
  /** False once SQLite has ended the transaction by itself, as it does when the disk is full. */
  readonly inTransaction: boolean
  exec(sql: string): void
  prepare(sql: string): SqliteDriverStatement
  close(): void
}
