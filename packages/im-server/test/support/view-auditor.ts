import type {
  AnyRow,
  Entity,
  EntitySchema,
  Position,
  ReadLevel,
  Repositories,
  Stream,
  TouchSpec,
} from '@parlance/cached-repository'
import type { FieldSpec } from '@parlance/cached-repository'
import { imRepositories } from '../../src/domain/repositories.ts'

/** One thing that is derived from a declaration and refreshed by writes, as a fault names it. */
export interface Derived {
  readonly entity: string
  readonly view: string
}

/** The repository of an entity that is only known at run time. */
export interface AnyRepository {
  get(key: AnyRow, options?: { readonly read?: ReadLevel }): Promise<AnyRow | undefined>
  getMany(keys: readonly AnyRow[], options?: { readonly read?: ReadLevel }): Promise<(AnyRow | undefined)[]>
  insert(row: AnyRow): Promise<AnyRow>
  insertMany(rows: readonly AnyRow[]): Promise<AnyRow[]>
  put(row: AnyRow): Promise<AnyRow>
  putMany(rows: readonly AnyRow[]): Promise<AnyRow[]>
  patch(key: AnyRow, change: AnyRow): Promise<AnyRow>
  delete(key: AnyRow): Promise<boolean>
  deleteMany(keys: readonly AnyRow[]): Promise<number>
}

type Read = { readonly read: ReadLevel }
type RowsView = ((by: AnyRow, options: Read) => Promise<readonly AnyRow[]>) & {
  keys(by: AnyRow, options: Read): Promise<readonly AnyRow[]>
  page(by: AnyRow, range: { readonly offset: number; readonly limit: number }, options: Read): Promise<unknown>
}
type CountView = (by: AnyRow, options: Read) => Promise<number>
interface Changes {
  since(position: Position | undefined): Promise<Delta>
  keysSince(position: Position | undefined): Promise<Delta>
}
type Delta =
  | { readonly kind: 'full'; readonly position: Position }
  | {
      readonly kind: 'delta'
      readonly inserted: readonly AnyRow[]
      readonly updated: readonly AnyRow[]
      readonly removed: readonly AnyRow[]
      readonly position: Position
      readonly more: boolean
    }

/** The values that a field is audited for. */
export type ValuesOf = (field: FieldSpec) => readonly unknown[]

/** Every entity that the server opens a repository for. */
export function declaredEntities(): readonly EntitySchema[] {
  const schemas: EntitySchema[] = []
  const recorder = {
    of: <R, K extends keyof R, V>({ schema }: Entity<R, K, V>) => schemas.push(schema),
    ofStream: <Row, V>(stream: Stream<Row, V>) => stream,
    close: () => undefined,
  }
  imRepositories(recorder as unknown as Repositories)
  return schemas
}

/** Everything that follows from these declarations and that a write has to refresh: rows, lists, their rows and lengths, counts, changes. */
export function derivedOf(schemas: readonly EntitySchema[]): Derived[] {
  return schemas.flatMap(({ name: entity, views }) => [
    { entity, view: 'row' },
    ...[...views].flatMap(([view, spec]) => [
      { entity, view },
      ...(spec.kind === 'rows' ? ['rows', 'count'].map((part) => ({ entity, view: `${view}.${part}` })) : []),
      ...(spec.kind === 'changes'
        ? spec.touchedBy.map(({ schema }) => ({ entity, view: `${view}<${schema.name}` }))
        : []),
    ]),
  ])
}

/** Every combination of the values of some fields. */
export function combinations(fields: readonly FieldSpec[], valuesOf: ValuesOf): AnyRow[] {
  return fields.reduce<AnyRow[]>(
    (rows, field) => rows.flatMap((row) => valuesOf(field).map((value) => ({ ...row, [field.name]: value }))),
    [{}],
  )
}

/**
 * Compares every view of one entity with the store, for every value it can be asked for. Reading it also makes every view cached,
 * so that the next comparison sees what a write in between left stale.
 */
export class ViewAuditor {
  readonly #schema: EntitySchema
  readonly #repository: AnyRepository
  readonly #valuesOf: ValuesOf
  readonly #replicas = new Map<string, { position: Position | undefined; rows: Map<string, AnyRow> }>()
  readonly #touched = new Map<string, Position>()
  readonly #touchers = new Map<TouchSpec, ReadonlyMap<string, AnyRow>>()
  readonly #whenSpread: () => Promise<void>
  readonly #othersOf: (schema: EntitySchema) => { readonly repository: AnyRepository; readonly keys: readonly AnyRow[] }

  constructor(
    schema: EntitySchema,
    valuesOf: ValuesOf,
    repositoryOf: (schema: EntitySchema) => AnyRepository,
    whenSpread: () => Promise<void>,
  ) {
    this.#whenSpread = whenSpread
    this.#schema = schema
    this.#repository = repositoryOf(schema)
    this.#valuesOf = valuesOf
    this.#othersOf = (other) => ({ repository: repositoryOf(other), keys: combinations(other.key, valuesOf) })
  }

  get keys(): readonly AnyRow[] {
    return combinations(this.#schema.key, this.#valuesOf)
  }

  /** What differs from the store, in words. */
  async differences(): Promise<string[]> {
    const found: string[] = []
    const compare = (what: string, actual: unknown, expected: unknown): void => {
      if (JSON.stringify(actual) !== JSON.stringify(expected)) found.push(`${this.#schema.name} ${what}`)
    }
    const stored = await this.#repository.getMany(this.keys, { read: 'store' })
    for (const read of ['local', 'shared'] as const) {
      compare(`${read} rows`, await this.#repository.getMany(this.keys, { read }), stored)
      for (const [index, key] of this.keys.entries())
        compare(`${read} row`, await this.#repository.get(key, { read }), stored[index])
    }
    const rows = stored.filter((row) => row !== undefined)
    for (const [view, { kind, by }] of this.#schema.views) {
      for (const place of combinations(
        by.map((name) => this.#schema.fields.get(name)!),
        this.#valuesOf,
      )) {
        if (kind === 'changes') {
          const all = rows.filter((row) => by.every((name) => same(row[name], place[name])))
          await this.#followChanges(view, place, all, compare)
        } else await this.#readView(view, kind, place, compare)
      }
    }
    await this.#followTouches(compare)
    return found
  }

  async #readView(view: string, kind: 'rows' | 'count', place: AnyRow, compare: Compare): Promise<void> {
    const methods = this.#repository as unknown as Record<string, unknown>
    for (const read of ['local', 'shared'] as const) {
      if (kind === 'count') {
        const count = methods[view] as CountView
        compare(`${read} ${view}`, await count(place, { read }), await count(place, { read: 'store' }))
        continue
      }
      const list = methods[view] as RowsView
      const range = { offset: 1, limit: 1 }
      compare(`${read} ${view}`, await list(place, { read }), await list(place, { read: 'store' }))
      compare(`${read} ${view}.keys`, await list.keys(place, { read }), await list.keys(place, { read: 'store' }))
      compare(
        `${read} ${view}.page`,
        await list.page(place, range, { read }),
        await list.page(place, range, { read: 'store' }),
      )
    }
  }

  /** Compares one row with the store, or one view where these values lead. */
  async differencesAt(place: AnyRow, view?: string): Promise<string[]> {
    const found: string[] = []
    const compare = (what: string, actual: unknown, expected: unknown): void => {
      if (!same(actual, expected)) found.push(`${this.#schema.name} ${what} ${JSON.stringify(place)}`)
    }
    const spec = view === undefined ? undefined : this.#schema.views.get(view)
    if (view === undefined) {
      const [shared, stored] = [{ read: 'shared' }, { read: 'store' }] as const
      compare('row', await this.#repository.get(place, shared), await this.#repository.get(place, stored))
    } else if (spec?.kind === 'rows' || spec?.kind === 'count') await this.#readView(view, spec.kind, place, compare)
    else throw new Error(`${this.#schema.name} has nothing that is kept as ${view}`)
    return found
  }

  /** A copy that is kept by nothing but deltas, as a client does, must stay equal to the rows. */
  async #followChanges(view: string, place: AnyRow, rows: readonly AnyRow[], compare: Compare): Promise<void> {
    const name = `${view} ${JSON.stringify(place)}`
    const replica = this.#replicas.get(name) ?? { position: undefined, rows: new Map<string, AnyRow>() }
    this.#replicas.set(name, replica)
    const changes = this.#changes(view, place)
    for (let hasMore = true; hasMore;) {
      const delta = await changes.since(replica.position)
      replica.position = delta.position
      hasMore = delta.kind === 'delta' && delta.more
      if (delta.kind === 'full') replica.rows = new Map(rows.map((row) => [this.#nameOf(row), row]))
      else {
        for (const row of [...delta.inserted, ...delta.updated]) replica.rows.set(this.#nameOf(row), row)
        for (const key of delta.removed) replica.rows.delete(this.#nameOf(key))
      }
    }
    const expected = new Map(rows.map((row) => [this.#nameOf(row), row]))
    compare(`changes ${name}`, [...replica.rows].toSorted(byName), [...expected].toSorted(byName))
  }

  /** A write to an entity that touches a change list must show there: in the same step, or once it has been spread. */
  async #followTouches(compare: Compare): Promise<void> {
    await this.#whenSpread()
    const own = await this.#repository.getMany(this.keys, { read: 'store' })
    for (const [view, spec] of this.#schema.views) {
      if (spec.kind !== 'changes') continue
      for (const touch of spec.touchedBy) {
        const other = touch.schema
        const { repository, keys } = this.#othersOf(other)
        const rows = await repository.getMany(keys, { read: 'store' })
        const current = new Map(keys.flatMap((key, index) => (rows[index] ? [[JSON.stringify(key), rows[index]]] : [])))
        const known = this.#touchers.get(touch) ?? current
        this.#touchers.set(touch, current)
        const wanted = [...new Set([...known.keys(), ...current.keys()])]
          .filter((key) => isChange(touch, known.get(key), current.get(key)))
          .flatMap((key) => [known.get(key), current.get(key)])
          .flatMap((row) => (row === undefined ? [] : touchedKeys(touch, row, own)))
        for (const place of combinations(
          spec.by.map((name) => this.#schema.fields.get(name)!),
          this.#valuesOf,
        )) {
          const name = `${view} ${JSON.stringify(place)} touched by ${other.name}`
          const delta = await this.#changes(view, place).keysSince(this.#touched.get(name))
          this.#touched.set(name, delta.position)
          if (delta.kind === 'full') continue
          const told = [...delta.inserted, ...delta.updated, ...delta.removed].map((key) => this.#nameOf(key))
          for (const key of wanted)
            if (spec.by.every((field) => same(key[field], place[field])))
              compare(`changes ${name}`, told.includes(this.#nameOf(key)), true)
        }
      }
    }
  }

  #changes(view: string, place: AnyRow): Changes {
    const methods = this.#repository as unknown as Record<string, (by: AnyRow) => Changes>
    return methods[view]!(place)
  }

  #nameOf(key: AnyRow): string {
    return JSON.stringify(this.#schema.key.map(({ name }) => key[name]))
  }
}

/** Whether a write that made this of a row touches anything. */
function isChange(touch: TouchSpec, before: AnyRow | undefined, after: AnyRow | undefined): boolean {
  if (touch.kind === 'one' || before === undefined || after === undefined) return !same(before, after)
  return (touch.fields ?? Object.keys(after)).some((field) => !same(before[field], after[field]))
}

/** What a change of a row touches, by key. */
function touchedKeys(touch: TouchSpec, row: AnyRow, own: readonly (AnyRow | undefined)[]): AnyRow[] {
  const key = touch.kind === 'one' ? touch.map(row) : undefined
  if (touch.kind === 'one') return key === undefined ? [] : [key]
  return own.filter(
    (one): one is AnyRow => one !== undefined && touch.by.every(([field, source]) => same(one[field], row[source])),
  )
}

type Compare = (what: string, actual: unknown, expected: unknown) => void

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : one > other ? 1 : 0
