import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'
import { rememberedOperations } from '../change-list.ts'
import type { ListState } from './list-table.ts'

/** The latest operations of each list, so that one that is repeated appends nothing. */
export class OperationTable {
  readonly #find: SqliteStatement<{ version: number }>
  readonly #insert: SqliteStatement<never>
  readonly #forget: SqliteStatement<never>

  constructor(engine: SqliteEngine) {
    this.#find = engine.prepare('SELECT version FROM change_operations WHERE list = ? AND operation = ?')
    this.#insert = engine.prepare('INSERT INTO change_operations(list, operation, version) VALUES (?, ?, ?)')
    this.#forget = engine.prepare(`
      DELETE FROM change_operations WHERE list = ?1 AND version <= (
        SELECT version FROM change_operations WHERE list = ?1 ORDER BY version DESC LIMIT 1 OFFSET ${rememberedOperations})`)
  }

  /** Tells whether the list took the operation already. */
  has(list: ListState, operation: string): boolean {
    return this.#find.get(list.id, operation) !== undefined
  }

  /** Inside a write: remembers that the list took the operation, at the version it has now. */
  add(list: ListState, operation: string): void {
    this.#insert.run(list.id, operation, list.version)
    this.#forget.run(list.id)
  }
}
