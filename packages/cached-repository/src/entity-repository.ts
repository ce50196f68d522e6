import { type Count, InvalidArgumentError } from '@parlance/core'
import type { ChangeLists, Position } from '@parlance/notification-bus'
import { applyWrites } from './apply-writes.ts'
import type { Invalidation } from './cache/invalidation.ts'
import type { ReadPath, ValueKind } from './cache/read-path.ts'
import type { Dependents, DependentsOf } from './entity/dependents.ts'
import { RowNotFoundError } from './entity/errors.ts'
import { RowCodec } from './entity/row-codec.ts'
import type { EntitySchema } from './entity/schema.ts'
import type { AnyRow } from './entity/values.ts'
import type { KeyDelta, ReadOptions, RowDelta } from './entity/view.ts'
import type { EntityStore, EntityWrite, KeyRange, StoredRow } from './entity-store.ts'
import type { KeyList } from './entity/key-list.ts'
import { countKind } from './entity/value-kinds.ts'
import type { RevisedRow, RowMethods } from './repository.ts'
import type { Spreader } from './spread/spreader.ts'

/** What all repositories of one {@link Repositories} share. */
export interface RepositoryParts {
  readonly store: EntityStore
  readonly lists: ChangeLists
  readonly reads: ReadPath
  readonly invalidation: Invalidation
  readonly dependentsOf: DependentsOf
  readonly spreader: Spreader
}

const maxKeysPerCall: Count = 200_000
const defaultChanges: Count = 1_000

/** The repository of an entity known at run time; `repositories.of` adds its views and types. */
export class EntityRepository implements RowMethods<AnyRow, string> {
  readonly entity: string
  readonly #schema: EntitySchema
  readonly #parts: RepositoryParts
  readonly #dependents: Dependents
  readonly #rows: RowCodec
  readonly #rowKind: ValueKind<StoredRow>

  constructor(schema: EntitySchema, parts: RepositoryParts) {
    this.entity = schema.name
    this.#schema = schema
    this.#parts = parts
    this.#dependents = parts.dependentsOf(schema)
    const rows = new RowCodec(schema)
    this.#rows = rows
    this.#rowKind = { codec: rows, sizeOf: (row) => rows.sizeOf(row) }
  }

  async get(key: AnyRow, options?: ReadOptions): Promise<AnyRow | undefined> {
    if (options === undefined) {
      const held = this.#parts.reads.local.peek<StoredRow | undefined>(this.#dependents.rowKey(key))
      if (held !== undefined) return held.value?.row
    }
    return (await this.#stored(key, options))?.row
  }

  async getWithRevision(key: AnyRow, options?: ReadOptions): Promise<RevisedRow<AnyRow> | undefined> {
    return this.#stored(key, options)
  }

  async require(key: AnyRow, options?: ReadOptions): Promise<AnyRow> {
    const stored = await this.#stored(key, options)
    if (stored !== undefined) return stored.row
    const name = this.#dependents.rowKey(key)
    throw new RowNotFoundError(`there is no ${name}`, { details: { entity: this.entity, key: name } })
  }

  async getMany(keys: readonly AnyRow[], options: ReadOptions = {}): Promise<(AnyRow | undefined)[]> {
    assertCount('keys', keys.length, maxKeysPerCall)
    if (keys.length === 0) return []
    const names = keys.map((key) => this.#dependents.rowKey(key))
    const load = async (missing: readonly string[]): Promise<ReadonlyMap<string, StoredRow>> => {
      const byName = new Map(names.map((name, index) => [name, keys[index]!]))
      const rows = await this.#parts.store.getMany(
        this.#schema,
        missing.map((name) => byName.get(name)!),
      )
      return new Map(missing.flatMap((name, index) => (rows[index] === undefined ? [] : [[name, rows[index]]])))
    }
    const stored = await this.#parts.reads.readMany(names, options.read ?? 'local', load, this.#rowKind)
    return stored.map((one) => one?.row)
  }

  async put(row: AnyRow): Promise<AnyRow> {
    return (await this.putMany([row]))[0]!
  }

  async putMany(rows: readonly AnyRow[]): Promise<AnyRow[]> {
    return this.#write(rows.map((row) => this.toPut(row)))
  }

  async insert(row: AnyRow): Promise<AnyRow> {
    return (await this.insertMany([row]))[0]!
  }

  async insertMany(rows: readonly AnyRow[]): Promise<AnyRow[]> {
    return this.#write(rows.map((row) => this.toInsert(row)))
  }

  async patch(key: AnyRow, change: AnyRow, options: { readonly ifRevision?: number } = {}): Promise<AnyRow> {
    return (await this.#write([this.toPatch(key, change, options)]))[0]!
  }

  async delete(key: AnyRow): Promise<boolean> {
    return (await this.deleteMany([key])) === 1
  }

  async deleteMany(keys: readonly AnyRow[]): Promise<Count> {
    const outcomes = await applyWrites(
      this.#parts,
      keys.map((key) => this.toDelete(key)),
    )
    return outcomes.filter(({ before }) => before !== undefined).length
  }

  /** A checked write, to be applied. */
  toPut(row: AnyRow): EntityWrite {
    return { kind: 'put', schema: this.#schema, row: this.#checked(row) }
  }

  /** A checked write, to be applied. */
  toInsert(row: AnyRow): EntityWrite {
    return { kind: 'insert', schema: this.#schema, row: this.#checked(row) }
  }

  /** A checked write, to be applied. */
  toPatch(key: AnyRow, change: AnyRow, { ifRevision }: { readonly ifRevision?: number } = {}): EntityWrite {
    return {
      kind: 'patch',
      schema: this.#schema,
      key: this.#keyOf(key),
      change: this.#rows.checkChange(change),
      ifRevision,
    }
  }

  /** A checked write, to be applied. */
  toDelete(key: AnyRow, { ifRevision }: { readonly ifRevision?: number } = {}): EntityWrite {
    return { kind: 'delete', schema: this.#schema, key: this.#keyOf(key), ifRevision }
  }

  /** A checked condition, to be applied. */
  toRequire(key: AnyRow, { ifRevision }: { readonly ifRevision: number }): EntityWrite {
    return { kind: 'require', schema: this.#schema, key: this.#keyOf(key), ifRevision }
  }

  /** A condition, to be applied. */
  toCheck(key: AnyRow, condition: (row: AnyRow) => void): EntityWrite {
    return { kind: 'check', schema: this.#schema, key: this.#keyOf(key), condition }
  }

  /** A `rows` view as a method. */
  rowsMethod(view: string) {
    const { local } = this.#parts.reads
    const list = async (by: AnyRow, options: ReadOptions = {}): Promise<readonly AnyRow[]> => {
      if ((options.read ?? 'local') !== 'local') return this.#compose(view, by, options)
      const name = this.#dependents.listRowsKey(view, by)
      const held = local.peek<readonly AnyRow[]>(name)
      if (held !== undefined) return held.value
      return local.fetch(
        name,
        () => this.#compose(view, by, options),
        (rows) => this.#rows.sizeOfList(rows),
      )
    }
    const page = async (by: AnyRow, range: { offset?: Count; limit: Count }, options?: ReadOptions) => {
      const { offset = 0, limit } = range
      assertCount('limit', limit, maxKeysPerCall)
      assertCount('offset', offset, Number.MAX_SAFE_INTEGER)
      const total = this.#count(view, this.#dependents.listCountKey(view, by), by, options)
      const keys = this.#keysIn(view, by, { offset, limit }, options)
      const [rows] = await Promise.all([keys.then((some) => this.getMany(some, options)), total])
      return { rows: rows.filter((row) => row !== undefined), total: await total }
    }
    return Object.assign(list, { keys: (by: AnyRow, options?: ReadOptions) => this.#keys(view, by, options), page })
  }

  /** A `count` view as a method. */
  countMethod(view: string) {
    return (by: AnyRow, options?: ReadOptions): Promise<Count> =>
      this.#count(view, this.#dependents.viewKey(view, by), by, options)
  }

  /** A `changes` view as a method. */
  changesMethod(view: string) {
    return (by: AnyRow) => {
      const list = this.#dependents.viewKey(view, by)
      return {
        since: (position?: Position, options?: { readonly limit?: Count }) => this.#since(list, position, options),
        keysSince: (position?: Position, options?: { readonly limit?: Count }) =>
          this.#keysSince(list, position, options),
        position: async () => (await this.#parts.lists.positions([list]))[0]!,
      }
    }
  }

  #stored(key: AnyRow, { read = 'local' }: ReadOptions = {}): Promise<StoredRow | undefined> {
    const load = async () => (await this.#parts.store.getMany(this.#schema, [key]))[0]
    return this.#parts.reads.read(this.#dependents.rowKey(key), read, load, this.#rowKind)
  }

  async #count(view: string, name: string, by: AnyRow, { read = 'local' }: ReadOptions = {}): Promise<Count> {
    const load = () => this.#parts.store.countOf(this.#schema, view, by)
    return (await this.#parts.reads.read(name, read, load, countKind))!
  }

  async #keys(view: string, by: AnyRow, { read = 'local' }: ReadOptions = {}): Promise<readonly AnyRow[]> {
    const load = async () => this.#dependents.listOf(view, await this.#parts.store.keysOf(this.#schema, view, by))
    const name = this.#dependents.viewKey(view, by)
    return (await this.#parts.reads.read(name, read, load, this.#dependents.listKind(view)))!.keys
  }

  /** From the list that is held here, if it is; otherwise one query for only these. */
  async #keysIn(view: string, by: AnyRow, range: KeyRange, { read = 'local' }: ReadOptions = {}) {
    const held =
      read === 'local' ? this.#parts.reads.local.peek<KeyList>(this.#dependents.viewKey(view, by)) : undefined
    if (held !== undefined) return held.value.slice(range.offset, range.limit)
    return this.#parts.store.keysOf(this.#schema, view, by, range)
  }

  async #compose(view: string, by: AnyRow, options: ReadOptions): Promise<readonly AnyRow[]> {
    const rows = await this.getMany(await this.#keys(view, by, options), options)
    return Object.freeze(rows.filter((row) => row !== undefined))
  }

  async #keysSince(
    list: string,
    position: Position | undefined,
    { limit = defaultChanges }: { readonly limit?: Count } = {},
  ): Promise<KeyDelta<AnyRow>> {
    const delta = await this.#parts.lists.since(list, position, limit)
    if (delta.kind === 'full') return delta
    const keys = (elements: readonly string[]) => elements.map((element) => this.#dependents.key.decode(element))
    return {
      ...delta,
      inserted: keys(delta.inserted),
      updated: keys(delta.updated),
      removed: keys(delta.removed),
    }
  }

  async #since(
    list: string,
    position: Position | undefined,
    options?: { readonly limit?: Count },
  ): Promise<RowDelta<AnyRow, string>> {
    const delta = await this.#keysSince(list, position, options)
    if (delta.kind === 'full') return delta
    const keys = [...delta.inserted, ...delta.updated]
    const rows = await this.getMany(keys, { read: this.#parts.store.soleWriter ? 'local' : 'shared' })
    const insertedCount = delta.inserted.length
    return {
      ...delta,
      inserted: rows.slice(0, insertedCount).filter((row) => row !== undefined),
      updated: rows.slice(insertedCount).filter((row) => row !== undefined),
      removed: [...delta.removed, ...keys.filter((_, index) => rows[index] === undefined)],
    }
  }

  #checked(row: AnyRow): AnyRow {
    const checked = this.#rows.checkRow(row)
    this.#dependents.key.encode(checked)
    return checked
  }

  #keyOf(key: AnyRow): AnyRow {
    return this.#dependents.key.decode(this.#dependents.key.encode(key))
  }

  async #write(writes: readonly EntityWrite[]): Promise<AnyRow[]> {
    return (await applyWrites(this.#parts, writes)).map(({ after }) => after!.row)
  }
}

function assertCount(what: string, count: Count, most: Count): void {
  if (!(Number.isSafeInteger(count) && count >= 0 && count <= most))
    throw new InvalidArgumentError(
      `${count} ${what} in one call; it takes a whole number from 0 to ${most}: split the call`,
    )
}
