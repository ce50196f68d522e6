import { SqliteEngine, type SqliteStatement, type SqliteValue } from '@parlance/engines/sqlite'
import { vi } from 'vitest'

/** What was asked of the store: counted, not timed. */
export interface StoreWork {
  readonly statements: number
  /** Rows returned, and rows walked for a count or to get past an offset. */
  readonly rowsRead: number
  readonly rowsWritten: number
  /** Values returned and handed in. */
  readonly bytes: number
}

const sizeOf = (value: SqliteValue | undefined): number => {
  if (value === null || value === undefined) return 0
  if (typeof value === 'string') return Buffer.byteLength(value)
  return typeof value === 'object' ? value.byteLength : 8
}

/** Counts what engines that are opened from now on are asked for. */
export class StoreMeter {
  #work = { statements: 0, rowsRead: 0, rowsWritten: 0, bytes: 0 }
  readonly #spy

  constructor() {
    type Prepare = (this: SqliteEngine, sql: string) => SqliteStatement<unknown>
    const prepare = Reflect.get(SqliteEngine.prototype, 'prepare') as Prepare
    const count = <Row>(sql: string, statement: SqliteStatement<Row>): SqliteStatement<Row> =>
      this.#counting(sql, statement)
    this.#spy = vi.spyOn(SqliteEngine.prototype, 'prepare').mockImplementation(function (this: SqliteEngine, sql) {
      return count(sql, prepare.call(this, sql)) as never
    })
  }

  /** What happened since the last call. */
  take(): StoreWork {
    const work = this.#work
    this.#work = { statements: 0, rowsRead: 0, rowsWritten: 0, bytes: 0 }
    return work
  }

  end(): void {
    this.#spy.mockRestore()
  }

  #counting<Row>(sql: string, statement: SqliteStatement<Row>): SqliteStatement<Row> {
    const isCount = /^\s*SELECT count\(\*\) AS count/i.test(sql)
    const hasOffset = /OFFSET \?\s*$/.test(sql)
    const asked = (parameters: readonly SqliteValue[]): void => {
      this.#work.statements++
      for (const parameter of parameters) this.#work.bytes += sizeOf(parameter)
    }
    const answered = (rows: readonly unknown[], parameters: readonly SqliteValue[]): void => {
      this.#work.rowsRead += rows.length
      if (hasOffset && rows.length > 0) this.#work.rowsRead += Number(parameters.at(-1))
      for (const row of rows as Record<string, SqliteValue>[]) {
        if (isCount) this.#work.rowsRead += Number(row['count'])
        for (const column in row) this.#work.bytes += sizeOf(row[column])
      }
    }
    return {
      run: (...parameters) => {
        asked(parameters)
        const result = statement.run(...parameters)
        this.#work.rowsWritten += result.changes
        return result
      },
      get: (...parameters) => {
        asked(parameters)
        const row = statement.get(...parameters)
        answered(row === undefined ? [] : [row], parameters)
        return row
      },
      all: (...parameters) => {
        asked(parameters)
        const rows = statement.all(...parameters)
        answered(rows, parameters)
        return rows
      },
    }
  }
}
