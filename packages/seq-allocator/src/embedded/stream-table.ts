import type { Count } from '@parlance/core'
import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'

/** What is known of a stream; `head` is moved in place by whoever stores batches. */
export interface StreamState {
  readonly id: number
  head: number
  floor: number
}

type StreamRow = { id: number; name: string; head: number; floor: number }

/**
 * The streams' numeric ids, heads and floors: a table, and a bounded cache of it.
 *
 * One process owns the file, so the cache is the truth while nothing is rolled back; whoever writes a stream evicts it
 * when its work is undone.
 */
export class StreamTable {
  readonly #cached = new Map<string, StreamState>()
  readonly #maxCached: Count
  readonly #find: SqliteStatement<StreamRow>
  readonly #findMany: SqliteStatement<StreamRow>
  readonly #insert: SqliteStatement<{ id: number }>
  readonly #updateFloor: SqliteStatement<never>

  constructor(engine: SqliteEngine, maxCached: Count) {
    this.#maxCached = maxCached
    const select = `
      SELECT id, name, floor, coalesce(
        (SELECT first + count - 1 FROM journal_batches WHERE stream = id ORDER BY first DESC LIMIT 1), floor) AS head
      FROM journal_streams`
    this.#find = engine.prepare(`${select} WHERE name = ?`)
    this.#findMany = engine.prepare(`${select} WHERE name IN (SELECT value FROM json_each(?))`)
    this.#insert = engine.prepare('INSERT INTO journal_streams(name, floor) VALUES (?, 0) RETURNING id')
    this.#updateFloor = engine.prepare('UPDATE journal_streams SET floor = ? WHERE id = ?')
  }

  /** The stream as it is; undefined when nobody appended to it. */
  find(name: string): StreamState | undefined {
    const cached = this.#cached.get(name)
    if (cached !== undefined) {
      this.#cached.delete(name)
      this.#cached.set(name, cached)
      return cached
    }
    const row = this.#find.get(name)
    return row === undefined ? undefined : this.#keep(row.name, { id: row.id, head: row.head, floor: row.floor })
  }

  /** The same for many names at once, in one query for those not in memory. */
  findMany(names: readonly string[]): (StreamState | undefined)[] {
    const missing = names.filter((name) => !this.#cached.has(name))
    const read = new Map<string, StreamState>()
    if (missing.length > 0) {
      for (const { name, id, head, floor } of this.#findMany.all(JSON.stringify(missing)))
        read.set(name, { id, head, floor })
    }
    const found = names.map((name) => this.#cached.get(name) ?? read.get(name))
    for (const [name, state] of read) this.#keep(name, state)
    return found
  }

  /** Inside a write: the stream, made when it does not exist. */
  require(name: string): StreamState {
    return this.find(name) ?? this.#keep(name, { id: this.#insert.get(name)!.id, head: 0, floor: 0 })
  }

  /** Inside a write: raises the floor. The head needs no row of its own: it is where the newest batch ends. */
  raiseFloor(state: StreamState, floor: number): void {
    state.floor = floor
    this.#updateFloor.run(floor, state.id)
  }

  /** Forgets what is in memory of a stream whose write was undone. */
  evict(name: string): void {
    this.#cached.delete(name)
  }

  #keep(name: string, state: StreamState): StreamState {
    this.#cached.set(name, state)
    if (this.#cached.size > this.#maxCached) {
      for (const oldest of this.#cached.keys()) {
        this.#cached.delete(oldest)
        break
      }
    }
    return state
  }
}
