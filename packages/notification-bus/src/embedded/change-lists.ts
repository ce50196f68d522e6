import { randomBytes } from 'node:crypto'
import { type Bytes, type Count, type Counter, type Metrics, noMetrics } from '@parlance/core'
import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'
import type { AppendOptions, Change, ChangeLists, ListDelta, Position } from '../change-list.ts'
import {
  assertChanges,
  assertKeptVersions,
  assertLimit,
  canContinue,
  epochOf,
  firstVersion,
  toDelta,
} from '../list-delta.ts'
import { assertListName, assertOperation } from '../names.ts'
import { type ListState, ListTable } from './list-table.ts'
import { OperationTable } from './operation-table.ts'
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

const compactionStep = 500
/** A list is looked at for old removals whenever its version passes a multiple of this. */
const compactionInterval = 16

type ElementRow = { element: string; version: number; inserted: number; removed: number }

/** Its reads name their index, so that one that would have to walk a whole list is refused instead of being slow. */
class SqliteChangeLists implements EmbeddedChangeLists {
  readonly #engine: SqliteEngine
  readonly #lists: ListTable
  readonly #operations: OperationTable
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
    this.#operations = new OperationTable(engine)
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

  async append(changes: readonly Change[], { operation }: AppendOptions = {}): Promise<void> {
    assertChanges(changes)
    assertOperation(operation)
    if (changes.length > 0) await this.#engine.write(() => this.#appendOnce(changes, operation))
  }

  appendIn(changes: readonly Change[]): void {
    this.#engine.assertInWrite()
    assertChanges(changes)
    this.#append(changes)
  }

  async since(list: string, position: Position | undefined, limit: Count = 1000): Promise<ListDelta> {
    assertListName(list)
    assertLimit(limit)
    const state = this.#lists.find(list)
    const { version = firstVersion, floor = firstVersion } = state ?? {}
    const head = { epoch: epochOf(this.#seed, list), version, floor }
    if (!canContinue(head, position)) {
      this.#fullCount.add()
      return { kind: 'full', position: { epoch: head.epoch, version } }
    }
    const rows = state === undefined ? [] : this.#since.all(state.id, position.version, limit + 1)
    const elements = rows.map(({ removed, ...row }) => ({ ...row, removed: removed === 1 }))
    return toDelta(elements, position, limit, head)
  }

  async positions(lists: readonly string[]): Promise<Position[]> {
    lists.forEach(assertListName)
    return this.#lists
      .findMany(lists)
      .map((state, index) => ({ epoch: epochOf(this.#seed, lists[index]!), version: state?.version ?? firstVersion }))
  }

  async compact(list: string, keepVersions: Count): Promise<void> {
    assertListName(list)
    assertKeptVersions('keepVersions', keepVersions)
    while (!(await this.#engine.write(() => this.#compactStep(list, keepVersions))));
  }

  #appendOnce(changes: readonly Change[], operation: string | undefined): void {
    if (operation === undefined) return this.#append(changes)
    const names = [...new Set(changes.map(({ list }) => list))]
    const states = names.map((name) => this.#lists.require(name))
    this.#undoing(new Map(names.map((name, index) => [name, states[index]!])))
    const taking = new Map(
      names.flatMap((name, index) => {
        const state = states[index]!
        return this.#operations.has(state, operation) ? [] : [[name, state] as const]
      }),
    )
    this.#append(changes.filter(({ list }) => taking.has(list)))
    for (const name of taking.keys()) this.#operations.add(this.#lists.require(name), operation)
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
}
