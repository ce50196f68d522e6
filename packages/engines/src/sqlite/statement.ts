import { InvalidArgumentError } from '@parlance/core'
import type { SqliteDriverStatement, SqliteValue } from './driver.ts'
import { assertParameters, countParameters } from './parameters.ts'

/** A prepared statement. Rows have the columns' names; blobs are Buffers. */
export interface SqliteStatement<Row> {
  run(...parameters: SqliteValue[]): { readonly changes: number }
  get(...parameters: SqliteValue[]): Row | undefined
  all(...parameters: SqliteValue[]): Row[]
}

/** What a statement asks of its engine before and around each call. */
export interface StatementGuard {
  /** Throws when the engine is closed, or when a write would run outside a write of the engine. */
  assertAllowed(writes: boolean, sql: string): void
  /** Runs the call and turns what it throws into an error of ours. */
  converting<T>(call: () => T): T
}

/** Tells whether a statement may change the database. */
export function isWrite(sql: string): boolean {
  const bare = sql.replace(/^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)+/, '')
  if (/^with\b/i.test(bare)) return /\b(insert|update|delete|replace)\b/i.test(bare)
  return !/^(select|pragma|values)\b/i.test(bare)
}

/**
 * Refuses statements that would end or leave the transaction that the engine runs for everybody.
 *
 * EXPLAIN is among them: libsql never resets it, and so keeps a transaction open until its garbage collection.
 */
export function assertNoTransactionControl(sql: string): void {
  if (/^\s*(begin|commit|end|rollback|savepoint|release|attach|detach|vacuum|explain)\b/i.test(sql))
    throw new InvalidArgumentError(`the engine alone begins and ends transactions, use write(): ${sql}`)
}

/** Wraps a statement of the library with the checks it lacks. */
export function guardStatement<Row>(
  sql: string,
  statement: SqliteDriverStatement,
  guard: StatementGuard,
): SqliteStatement<Row> {
  const writes = isWrite(sql)
  const expectedCount = countParameters(sql)
  const check = (parameters: readonly SqliteValue[]): void => {
    guard.assertAllowed(writes, sql)
    assertParameters(sql, expectedCount, parameters)
  }
  const all = (parameters: readonly SqliteValue[]): Row[] => {
    check(parameters)
    const rows = guard.converting(() => statement.all(parameters)) as Record<string, unknown>[]
    for (const row of rows) {
      for (const column in row) {
        const value = row[column]
        if (value instanceof ArrayBuffer) row[column] = Buffer.from(value)
        else if (value instanceof Uint8Array)
          row[column] = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      }
    }
    return rows as Row[]
  }
  return {
    run(...parameters) {
      check(parameters)
      return guard.converting(() => statement.run(parameters))
    },
    all: (...parameters) => all(parameters),
    get: (...parameters) => all(parameters)[0],
  }
}
