import type { Count } from '@parlance/core'
import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'
import { firstVersion } from '../list-delta.ts'
import { BoundedMap } from './bounded-map.ts'

/** What is known of a list; `version` and `floor` are moved in place by whoever stores them. */
export interface ListState {
  readonly id: number
  version: number
  floor: number
}

type ListRow = { id: number; name: string; version: number; floor: number }

/**
 * The lists' numeric ids, versions and floors: a table, and a bounded cache of it.
 *
 * One process owns the file, so the cache is the truth while nothing is rolled back; whoever writes a list evicts it when
 * its work is undone.
 */
export class ListTable {
  readonly #cached: BoundedMap<string, ListState>
  readonly #find: SqliteStatement<ListRow>
  readonly #findMany: SqliteStatement<ListRow>
  readonly #insert: SqliteStatement<{ id: number }>
  readonly #update: SqliteStatement<never>

  constructor(engine: SqliteEngine, maxCached: Count) {
    this.#cached = new BoundedMap(maxCached)
    this.#find = engine.prepare('SELECT id, name, version, floor FROM change_lists WHERE name = ?')
    this.#findMany = engine.prepare(
      'SELECT id, name, version, floor FROM change_lists WHERE name IN (SELECT value FROM json_each(?))',
    )
    this.#insert = engine.prepare(
      `INSERT INTO change_lists(name, version, floor) VALUES (?, ${firstVersion}, ${firstVersion}) RETURNING id`,
    )
    this.#update = engine.prepare('UPDATE change_lists SET version = ?, floor = ? WHERE id = ?')
  }

  /** The list as it is; undefined when nobody touched it. */
  find(name: string): ListState | undefined {
    return this.#cached.get(name) ?? this.#keep(this.#find.get(name))
  }

  /** The same for many names at once, in one query for those not in memory. */
  findMany(names: readonly string[]): (ListState | undefined)[] {
    const found = new Map(names.map((name) => [name, this.#cached.get(name)]))
    const missing = [...found].flatMap(([name, state]) => (state === undefined ? [name] : []))
    const rows = missing.length === 0 ? [] : this.#findMany.all(JSON.stringify(missing))
    for (const row of rows) found.set(row.name, this.#keep(row))
    return names.map((name) => found.get(name))
  }

  /** Inside a write: the list, made when nobody touched it before. */
  require(name: string): ListState {
    const state = this.find(name)
    if (state !== undefined) return state
    const made = { id: this.#insert.get(name)!.id, version: firstVersion, floor: firstVersion }
    this.#cached.set(name, made)
    return made
  }

  /** Inside a write: stores version and floor. */
  store(state: ListState): void {
    this.#update.run(state.version, state.floor, state.id)
  }

  /** Forgets what is in memory of a list whose write was undone. */
  evict(name: string): void {
    this.#cached.delete(name)
  }

  #keep(row: ListRow | undefined): ListState | undefined {
    if (row === undefined) return undefined
    const state = { id: row.id, version: row.version, floor: row.floor }
    this.#cached.set(row.name, state)
    return state
  }
}
