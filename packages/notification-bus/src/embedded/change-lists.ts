import { createHash, randomBytes } from 'node:crypto'
import { type Bytes, type Count, type Counter, InvalidArgumentError, type Metrics, noMetrics } from '@parlance/core'
import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'
import type { Change, ChangeLists, ListDelta, Position } from '../change-list.ts'
import { assertElement, assertListName } from '../names.ts'
import { firstVersion, type ListState, ListTable } from './list-table.ts'
import { changeListSchema } from './schema.ts'

/** Change lists in the process's SQLite file. */
export interface EmbeddedChangeLists extends ChangeLists {
  /**
   * Appends changes inside `engine.write`, in the transaction of whatever else is written there.
   *
   * They are durable when the write resolves; when it is undone, so are they.
   */
  appendIn(changes: readonly Change[]): void
  /**
   * Forgets removed elements older than the newest `keepVersions` versions: readers behind that get `full`.
   *
   * For those that want less than what every append does by itself (`keptVersions`). The floor rises at once, the space is
   * freed in steps of bounded length.
   */
  compact(list: string, keepVersions: Count): Promise<void>
}

/** What embedded change lists need. */
export interface EmbeddedChangeListsOptions {
  readonly engine: SqliteEngine
  /** Where the epochs of a new database come from. @defaultValue the machine's secure randomness */
  readonly random?: (length: Bytes) => Uint8Array
  readonly metrics?: Metrics
  /**
   * Removals older than the newest so many versions of their list are forgotten, a few with each append; readers behind a
   * forgotten one get `full`.
   *
   * @defaultValue 10 000
   */
  readonly keptVersions?: Count
  /** Lists whose version is kept in memory. @defaultValue 50 000 */
  readonly maxCachedLists?: Count
}

/** Opens the change lists of an engine; one per engine. */
export function createEmbeddedChangeLists(options: EmbeddedChangeListsOptions): EmbeddedChangeLists {
  const { engine, random = randomBytes } = options
  engine.claim('the change lists')
  engine.migrate('notification-bus/change-lists', changeListSchema(Buffer.from(random(12)).toString('hex')))
  return new SqliteChangeLists(options)
}

const maxDeltaElements: Count = 10_000
const compactionStep = 500
/** A list is looked at for old removals whenever its version passes a multiple of this. */
const compactionInterval = 16

type ElementRow = { element: string; version: number; inserted: number; removed: number }

/** Its reads name their index, so that one that would have to walk a whole list is refused instead of being slow. */
class SqliteChangeLists implements EmbeddedChangeLists {
  readonly #engine: SqliteEngine
  readonly #lists: ListTable
  readonly #keptVersions: Count
  readonly #seed: string
  readonly #put: SqliteStatement<never>
  readonly #remove: SqliteStatement<never>
  readonly #since: SqliteStatement<ElementRow>
  readonly #removedBelow: SqliteStatement<{ element: string; version: number }>
  readonly #forget: SqliteStatement<never>
  readonly #changeCount: Counter
  readonly #fullCount: Counter

  constructor(options: EmbeddedChangeListsOptions) {
    const { engine, metrics = noMetrics, maxCachedLists = 50_000, keptVersions = 10_000 } = options
    assertKeptVersions('keptVersions', keptVersions)
    this.#keptVersions = keptVersions
    this.#engine = engine
    this.#lists = new ListTable(engine, maxCachedLists)
    this.#seed = engine.prepare<{ seed: string }>('SELECT seed FROM change_seed').get()!.seed
    this.#put = engine.prepare(`
      INSERT INTO change_elements(list, element, version, inserted, removed) VALUES (?1, ?2, ?3, ?3, 0)
      ON CONFLICT(list, element) DO UPDATE
        SET version = ?3, inserted = CASE WHEN removed = 1 THEN ?3 ELSE inserted END, removed = 0`)
    this.#remove = engine.prepare(`
      INSERT INTO change_elements(list, element, version, inserted, removed) VALUES (?1, ?2, ?3, ?3, 1)
      ON CONFLICT(list, element) DO UPDATE SET version = ?3, removed = 1`)
    this.#since = engine.prepare(`
      SELECT element, version, inserted, removed FROM change_elements INDEXED BY change_elements_by_version
      WHERE list = ? AND version > ? ORDER BY version LIMIT ?`)
    this.#removedBelow = engine.prepare(`
      SELECT element, version FROM change_elements INDEXED BY change_elements_removed
      WHERE list = ? AND removed = 1 AND version <= ? ORDER BY version LIMIT ?`)
    this.#forget = engine.prepare('DELETE FROM change_elements WHERE list = ? AND element = ?')
    this.#changeCount = metrics.counter('parlance_change_list_changes_total', 'Changes appended to change lists')
    this.#fullCount = metrics.counter('parlance_change_list_full_total', 'Readers told to read everything again')
  }

  async append(changes: readonly Change[]): Promise<void> {
    assertChanges(changes)
    if (changes.length > 0) await this.#engine.write(() => this.#append(changes))
  }

  appendIn(changes: readonly Change[]): void {
    this.#engine.assertInWrite()
    assertChanges(changes)
    this.#append(changes)
  }

  async since(list: string, position: Position | undefined, limit: Count = 1000): Promise<ListDelta> {
    assertListName(list)
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > maxDeltaElements)
      throw new InvalidArgumentError(`limit must be a whole number from 1 to ${maxDeltaElements}, not ${limit}`)
    const state = this.#lists.find(list)
    const { version: head = firstVersion, floor = firstVersion } = state ?? {}
    const epoch = this.#epochOf(list)
    const known = position !== undefined && position.epoch === epoch && isBetween(floor, position, head)
    if (!known) {
      this.#fullCount.add()
      return { kind: 'full', position: { epoch, version: head } }
    }
    const rows = state === undefined ? [] : this.#since.all(state.id, position.version, limit + 1)
    return toDelta(rows, position, limit, head)
  }

  async positions(lists: readonly string[]): Promise<Position[]> {
    lists.forEach(assertListName)
    return this.#lists
      .findMany(lists)
      .map((state, index) => ({ epoch: this.#epochOf(lists[index]!), version: state?.version ?? firstVersion }))
  }

  async compact(list: string, keepVersions: Count): Promise<void> {
    assertListName(list)
    assertKeptVersions('keepVersions', keepVersions)
    while (!(await this.#engine.write(() => this.#compactStep(list, keepVersions))));
  }

  #append(changes: readonly Change[]): void {
    const touched = new Map<string, ListState>()
    const versionsBefore = new Map<ListState, number>()
    this.#undoing(touched)
    for (const { list, element, kind } of changes) {
      const state = touched.get(list) ?? this.#lists.require(list)
      touched.set(list, state)
      if (!versionsBefore.has(state)) versionsBefore.set(state, state.version)
      state.version++
      if (kind === 'put') this.#put.run(state.id, element, state.version)
      else this.#remove.run(state.id, element, state.version)
    }
    for (const [state, before] of versionsBefore) {
      this.#forgetOldRemovals(state, before)
      this.#lists.store(state)
    }
    this.#engine.afterCommit(() => this.#changeCount.add(changes.length))
  }

  // Twice as many as can have been added since the last look, so that what has piled up before goes as well.
  #forgetOldRemovals(state: ListState, versionBefore: number): void {
    const below = state.version - this.#keptVersions
    const looksDue = Math.floor(state.version / compactionInterval) > Math.floor(versionBefore / compactionInterval)
    if (!looksDue || below <= state.floor) return
    const most = 2 * (state.version - versionBefore + compactionInterval)
    for (const { element, version } of this.#removedBelow.all(state.id, below, most)) {
      this.#forget.run(state.id, element)
      state.floor = Math.max(state.floor, version)
    }
  }

  #compactStep(list: string, keepVersions: Count): boolean {
    const state = this.#lists.find(list)
    if (state === undefined) return true
    const floor = state.version - keepVersions
    if (floor > state.floor) {
      this.#undoing(new Map([[list, state]]))
      state.floor = floor
      this.#lists.store(state)
    }
    const forgotten = this.#removedBelow.all(state.id, state.floor, compactionStep)
    for (const { element } of forgotten) this.#forget.run(state.id, element)
    return forgotten.length < compactionStep
  }

  #undoing(lists: ReadonlyMap<string, ListState>): void {
    this.#engine.afterRollback(() => {
      for (const list of lists.keys()) this.#lists.evict(list)
    })
  }

  // Derived, so that a list has its epoch before its first change, and keeps it over every restart of this database.
  #epochOf(list: string): string {
    return createHash('sha256').update(`${this.#seed} ${list}`).digest('hex').slice(0, 24)
  }
}

function assertKeptVersions(what: string, versions: Count): void {
  if (!Number.isSafeInteger(versions) || versions < 0)
    throw new InvalidArgumentError(`${what} must be a whole number from 0, not ${versions}`)
}

function assertChanges(changes: readonly Change[]): void {
  for (const { list, element, kind } of changes) {
    assertListName(list)
    assertElement(element)
    if (kind !== 'put' && kind !== 'remove')
      throw new InvalidArgumentError(`the kind of a change is put or remove, not ${JSON.stringify(kind)}`)
  }
}

function isBetween(floor: number, { version, from = version }: Position, head: number): boolean {
  const whole = Number.isSafeInteger(version) && Number.isSafeInteger(from)
  return whole && from >= floor && from <= version && version <= head
}

function toDelta(rows: readonly ElementRow[], position: Position, limit: Count, head: number): ListDelta {
  const { epoch, from = position.version } = position
  const inserted: string[] = []
  const updated: string[] = []
  const removed: string[] = []
  const page = rows.slice(0, limit)
  for (const row of page) {
    if (row.removed === 1) removed.push(row.element)
    else if (row.inserted > from) inserted.push(row.element)
    else updated.push(row.element)
  }
  const more = rows.length > limit
  const next = more ? { epoch, version: page.at(-1)!.version, from } : { epoch, version: head }
  return { kind: 'delta', inserted, updated, removed, position: next, more }
}
