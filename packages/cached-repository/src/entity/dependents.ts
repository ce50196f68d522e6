import type { Patch, ValueKind } from '../cache/read-path.ts'
import type { ListChange, SpreadRequest } from '../entity-store.ts'
import { KeyList, ListOrder } from './key-list.ts'
import { sameScalar, sameValue } from './field-values.ts'
import { KeyCodec, maxKeyBytes, maxListKeyBytes } from './key-codec.ts'
import type { EntitySchema } from './schema.ts'
import { touchName, type TouchOfMany } from './touch.ts'
import { countKind, keyListKind } from './value-kinds.ts'
import type { AnyRow } from './values.ts'
import type { ChangesSpec, CountSpec, RowsSpec } from './view.ts'

/** Leaves one derived invalidation out; only tests give one that ever says yes. */
export type SkipInvalidation = (entity: string, view: string) => boolean

/** Cache keys that a write made untrue. */
export interface StaleKeys {
  /** Held by the shared cache, and by local ones. */
  readonly shared: Set<string>
  /** Held by local caches only. */
  readonly local: Set<string>
}

interface BoundView<S> {
  readonly name: string
  readonly spec: S
  readonly by: KeyCodec
}

/** A touch of many rows of one entity. */
export interface BoundSpread {
  readonly name: string
  readonly view: string
  readonly touch: TouchOfMany
  /** Names the values that the touched rows have. */
  readonly by: KeyCodec
  /** Those values, named, as a row of the other entity says them. */
  placeOf(row: AnyRow): string
}

/**
 * What depends on the rows of one entity, derived from its declaration alone.
 *
 * Names of cache keys: `post:<key>` a row, `post.ofAuthor:<by>` the keys of a list or a count,
 * `post.ofAuthor.count:<by>` the length of a list, `post.ofAuthor.rows:<by>` its rows put together, which only local caches hold. A change list is called `post.changes:<by>`.
 */
export class Dependents {
  readonly schema: EntitySchema
  readonly key: KeyCodec
  readonly #by: ReadonlyMap<string, KeyCodec>
  readonly #lists: readonly BoundView<RowsSpec>[]
  readonly #orders: ReadonlyMap<string, ListOrder>
  readonly #kinds: ReadonlyMap<string, ValueKind<KeyList>>
  readonly #counts: readonly BoundView<CountSpec>[]
  readonly #changes: readonly BoundView<ChangesSpec>[]
  readonly #spreads = new Map<TouchOfMany, BoundSpread>()
  readonly #skip: SkipInvalidation

  constructor(schema: EntitySchema, skip: SkipInvalidation) {
    this.schema = schema
    this.key = new KeyCodec(schema.key, `the key of ${schema.name}`)
    this.#skip = skip
    const by = new Map<string, KeyCodec>()
    for (const [name, spec] of schema.views) {
      const fields = spec.by.map((field) => schema.fields.get(field)!)
      const place = `by of ${schema.name}.${name}`
      by.set(name, new KeyCodec(fields, place, spec.kind === 'changes' ? maxListKeyBytes : maxKeyBytes))
    }
    this.#by = by
    const bound = [...schema.views].map(([name, spec]) => ({ name, spec, by: by.get(name)! }))
    this.#lists = bound.filter((view): view is BoundView<RowsSpec> => view.spec.kind === 'rows')
    this.#orders = new Map(this.#lists.map(({ name, spec }) => [name, new ListOrder(schema, spec)]))
    this.#kinds = new Map([...this.#orders].map(([view, order]) => [view, keyListKind(this.key, order)]))
    this.#counts = bound.filter((view): view is BoundView<CountSpec> => view.spec.kind === 'count')
    this.#changes = bound.filter((view): view is BoundView<ChangesSpec> => view.spec.kind === 'changes')
  }

  rowKey(key: AnyRow): string {
    return `${this.schema.name}:${this.key.encode(key)}`
  }

  /** The cache key of a list's keys or of a count; for a `changes` view the name of the change list. */
  viewKey(view: string, by: AnyRow): string {
    return `${this.schema.name}.${view}:${this.#by.get(view)!.encode(by)}`
  }

  /** The cache key of a list's length. */
  listCountKey(view: string, by: AnyRow): string {
    return this.viewKey(view, by).replace(':', '.count:')
  }

  /** The local cache key of a list's rows. */
  listRowsKey(view: string, by: AnyRow): string {
    return this.viewKey(view, by).replace(':', '.rows:')
  }

  /** Every cache key whose value may differ because of this write. */
  stale(before: AnyRow | undefined, after: AnyRow | undefined, into: StaleKeys): void {
    const { name } = this.schema
    if (!this.#skip(name, 'row')) into.shared.add(this.rowKey((after ?? before)!))
    for (const { name: view, spec } of this.#lists) {
      const was = this.#placeIn(view, spec.where, before)
      const is = this.#placeIn(view, spec.where, after)
      const moved = was !== is || (was !== undefined && orderChanged(spec, before!, after!))
      for (const place of new Set([was, is])) {
        if (place === undefined) continue
        if (moved && !this.#skip(name, view)) into.shared.add(place)
        if (was !== is && !this.#skip(name, `${view}.count`)) into.shared.add(place.replace(':', '.count:'))
        if (!this.#skip(name, `${view}.rows`)) into.local.add(place.replace(':', '.rows:'))
      }
    }
    for (const { name: view, spec } of this.#counts) {
      const was = this.#placeIn(view, spec.where, before)
      const is = this.#placeIn(view, spec.where, after)
      if (was === is || this.#skip(name, view)) continue
      if (was !== undefined) into.shared.add(was)
      if (is !== undefined) into.shared.add(is)
    }
  }

  /** How held lists of keys and counts follow from this write, without being read again. */
  patches(before: AnyRow | undefined, after: AnyRow | undefined): Patch[] {
    const { name } = this.schema
    const patches: Patch[] = []
    const count = (key: string, change: number): void => void patches.push(countPatch(key, change))
    for (const { name: view, spec } of this.#lists) {
      const was = this.#placeIn(view, spec.where, before)
      const is = this.#placeIn(view, spec.where, after)
      if (was !== is && !this.#skip(name, `${view}.count`)) {
        if (was !== undefined) count(was.replace(':', '.count:'), -1)
        if (is !== undefined) count(is.replace(':', '.count:'), 1)
      }
      if (was === is && (was === undefined || !orderChanged(spec, before!, after!))) continue
      if (this.#skip(name, view)) continue
      if (was !== undefined) patches.push(listPatch(was, (list) => list.remove(before!)))
      if (is !== undefined) patches.push(listPatch(is, (list) => list.insert(after!)))
    }
    for (const { name: view, spec } of this.#counts) {
      const was = this.#placeIn(view, spec.where, before)
      const is = this.#placeIn(view, spec.where, after)
      if (was === is || this.#skip(name, view)) continue
      if (was !== undefined) count(was, -1)
      if (is !== undefined) count(is, 1)
    }
    return patches
  }

  /** How a list's keys are kept in the caches. */
  listKind(view: string): ValueKind<KeyList> {
    return this.#kinds.get(view)!
  }

  /** The list of these keys, which come with the fields of its order. */
  listOf(view: string, keys: readonly AnyRow[]): KeyList {
    const order = this.#orders.get(view)!
    return new KeyList(
      order,
      keys.map((key) => order.placeOf(key)),
      (key) => this.key.sizeOf(key),
    )
  }

  /** The changes that this write appends to change lists, those of touched entities included. */
  changes(before: AnyRow | undefined, after: AnyRow | undefined, dependentsOf: DependentsOf): ListChange[] {
    const changes: ListChange[] = []
    for (const { name: view } of this.#changes) {
      if (this.#skip(this.schema.name, view)) continue
      const element = this.key.encode((after ?? before)!)
      const was = before && this.viewKey(view, before)
      const is = after && this.viewKey(view, after)
      if (was !== undefined && was !== is) changes.push({ list: was, element, kind: 'remove' })
      if (is !== undefined) changes.push({ list: is, element, kind: 'put' })
    }
    for (const { schema, view, touch } of this.schema.touchers) {
      if (touch.kind === 'many' || this.#skip(schema.name, `${view}<${this.schema.name}`)) continue
      const other = dependentsOf(schema)
      const was = before && touch.map(before)
      const is = after && touch.map(after)
      const wasElement = was && other.key.encode(was)
      const isElement = is && other.key.encode(is)
      if (was !== undefined && wasElement !== isElement)
        changes.push({
          list: other.viewKey(view, was),
          element: wasElement!,
          kind: 'remove',
          unless: { schema, key: was },
        })
      if (is !== undefined) changes.push({ list: other.viewKey(view, is), element: isElement!, kind: 'put' })
    }
    return changes
  }

  /** The touches of many rows that follow from this write. */
  spreads(before: AnyRow | undefined, after: AnyRow | undefined, dependentsOf: DependentsOf): SpreadRequest[] {
    const requests: SpreadRequest[] = []
    for (const { schema, view, touch } of this.schema.touchers) {
      if (touch.kind === 'one' || this.#skip(schema.name, `${view}<${this.schema.name}`)) continue
      const spread = dependentsOf(schema).spread(view, touch)
      const [was, is] = [before, after].map((row) => row && spread.placeOf(row))
      const fields = touch.fields ?? [...this.schema.fields.keys()]
      const isChanged =
        before === undefined || after === undefined || fields.some((name) => !sameValue(before[name], after[name]))
      if (!isChanged && was === is) continue
      const source = this.key.encode((after ?? before)!)
      for (const place of new Set([was, is]))
        if (place !== undefined)
          requests.push({ touch: spread.name, place, source, schema, by: spread.by.decode(place) })
    }
    return requests
  }

  /** How a touch of many rows of this entity is spread. */
  spread(view: string, touch: TouchOfMany): BoundSpread {
    const known = this.#spreads.get(touch)
    if (known !== undefined) return known
    const fields = touch.by.map(([field]) => this.schema.fields.get(field)!)
    const by = new KeyCodec(fields, `a touch of ${this.schema.name} by ${touch.schema.name}`, maxListKeyBytes)
    const spread: BoundSpread = {
      name: touchName(this.schema.name, view, touch),
      view,
      touch,
      by,
      placeOf: (row) => by.encode(Object.fromEntries(touch.by.map(([field, source]) => [field, row[source]]))),
    }
    this.#spreads.set(touch, spread)
    return spread
  }

  /** All of them. */
  get allSpreads(): readonly BoundSpread[] {
    return this.#changes.flatMap(({ name, spec }) =>
      spec.touchedBy.flatMap((touch) => (touch.kind === 'many' ? [this.spread(name, touch)] : [])),
    )
  }

  #placeIn(view: string, where: AnyRow, row: AnyRow | undefined): string | undefined {
    return row !== undefined && fits(where, row) ? this.viewKey(view, row) : undefined
  }
}

/** Finds the dependents of another entity. */
export type DependentsOf = (schema: EntitySchema) => Dependents

/** Names of everything that {@link Dependents} derives from a declaration, as {@link SkipInvalidation} is asked for them. */
export function derivedInvalidations(schema: EntitySchema): { entity: string; view: string }[] {
  const derived = [{ entity: schema.name, view: 'row' }]
  for (const [view, spec] of schema.views) {
    derived.push({ entity: schema.name, view })
    if (spec.kind === 'rows')
      derived.push({ entity: schema.name, view: `${view}.rows` }, { entity: schema.name, view: `${view}.count` })
    if (spec.kind === 'changes')
      for (const { schema: other } of spec.touchedBy)
        derived.push({ entity: schema.name, view: `${view}<${other.name}` })
  }
  return derived
}

const countPatch = (key: string, change: number): Patch => ({
  key,
  change: (count) => (count as number) + change,
  sizeOf: (count) => countKind.sizeOf(count as number),
})

/** A list that turns out not to be what it is taken for is forgotten. */
const listPatch = (key: string, change: (list: KeyList) => boolean | void): Patch => ({
  key,
  change: (list) => (change(list as KeyList) === false ? undefined : list),
  sizeOf: (list) => (list as KeyList).sizeBytes,
})

/** Tells whether a row passes a filter. */
export function fits(where: AnyRow, row: AnyRow): boolean {
  for (const field in where) if (!sameScalar(where[field], row[field])) return false
  return true
}

function orderChanged(spec: RowsSpec, before: AnyRow, after: AnyRow): boolean {
  return spec.order.some(([field]) => !sameScalar(before[field], after[field]))
}
