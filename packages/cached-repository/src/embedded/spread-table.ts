import { type Count, type Gauge, OverloadedError } from '@parlance/core'
import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'
import type { SpreadRequest, WaitingSpread } from '../entity-store.ts'

/** A waiting touch with how far it came. */
export interface SpreadProgress {
  /** The key of the last row touched. */
  readonly after: string | null
  /** Asked for again on the way: the rows before `after` need another turn. */
  readonly again: number
}

const schema = [
  `CREATE TABLE entity_spreads(
     id INTEGER PRIMARY KEY AUTOINCREMENT, touch TEXT NOT NULL, place TEXT NOT NULL, source TEXT NOT NULL,
     after TEXT, again INTEGER NOT NULL, UNIQUE(touch, place, source))`,
]

/** The touches of an engine that wait to be spread. One per row that changed, view and place: changes of a moment share it. */
export class SpreadTable {
  readonly #engine: SqliteEngine
  readonly #maxWaiting: Count
  readonly #gauge: Gauge
  readonly #ask: SqliteStatement<never>
  readonly #isThere: SqliteStatement<{ id: number }>
  readonly #page: SqliteStatement<{ id: number; touch: string; place: string; source: string }>
  readonly #find: SqliteStatement<{ after: string | null; again: number }>
  readonly #move: SqliteStatement<never>
  readonly #restart: SqliteStatement<never>
  readonly #forget: SqliteStatement<never>
  #count: Count

  constructor(engine: SqliteEngine, maxWaiting: Count, gauge: Gauge) {
    engine.migrate('cached-repository/spreads', schema)
    this.#engine = engine
    this.#maxWaiting = maxWaiting
    this.#gauge = gauge
    this.#isThere = engine.prepare('SELECT id FROM entity_spreads WHERE touch = ? AND place = ? AND source = ?')
    this.#ask = engine.prepare(
      `INSERT INTO entity_spreads(touch, place, source, after, again) VALUES (?, ?, ?, NULL, 0)
       ON CONFLICT(touch, place, source) DO UPDATE SET again = after IS NOT NULL`,
    )
    this.#page = engine.prepare('SELECT id, touch, place, source FROM entity_spreads WHERE id > ? ORDER BY id LIMIT ?')
    this.#find = engine.prepare('SELECT after, again FROM entity_spreads WHERE id = ?')
    this.#move = engine.prepare('UPDATE entity_spreads SET after = ? WHERE id = ?')
    this.#restart = engine.prepare('UPDATE entity_spreads SET after = NULL, again = 0 WHERE id = ?')
    this.#forget = engine.prepare('DELETE FROM entity_spreads WHERE id = ?')
    this.#count = engine.prepare<{ count: number }>('SELECT count(*) AS count FROM entity_spreads').get()!.count
    this.#gauge.set(this.#count)
  }

  /** Inside a write: keeps a touch waiting. */
  askIn({ touch, place, source }: SpreadRequest): void {
    if (this.#isThere.get(touch, place, source) === undefined) {
      if (this.#count >= this.#maxWaiting)
        throw new OverloadedError(
          `${this.#count} changes wait to be spread to the rows that show them: try again later`,
        )
      this.#add(1)
    }
    this.#ask.run(touch, place, source)
  }

  page(afterID: number, limit: Count): WaitingSpread[] {
    return this.#page.all(afterID, limit)
  }

  find(id: number): SpreadProgress | undefined {
    return this.#find.get(id)
  }

  /** Inside a write: the rows up to `after` had their turn. */
  moveIn(id: number, after: string): void {
    this.#move.run(after, id)
  }

  /** Inside a write: all rows had their turn. */
  finishIn(id: number, { again }: SpreadProgress): void {
    if (again === 1) {
      this.#restart.run(id)
      return
    }
    this.#forget.run(id)
    this.#add(-1)
  }

  #add(count: number): void {
    this.#count += count
    this.#engine.afterRollback(() => void (this.#count -= count))
    this.#engine.afterCommit(() => this.#gauge.set(this.#count))
  }
}
