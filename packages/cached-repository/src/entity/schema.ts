import type { FieldSpec } from './field.ts'
import type { Row } from './row.ts'
import type { AnyRow } from './values.ts'
import type { ChangesSpec, ViewSpec } from './view.ts'

/** Another entity's changes view that a write to this entity also appends to. */
export interface Toucher {
  readonly schema: EntitySchema
  readonly view: string
  readonly spec: ChangesSpec
  readonly map: (row: AnyRow) => AnyRow | undefined
}

/** A declared entity as drivers and repositories see it. Both ways to declare one give the same. */
export interface EntitySchema {
  readonly name: string
  /** In the order of their declaration. */
  readonly fields: ReadonlyMap<string, FieldSpec>
  readonly key: readonly FieldSpec[]
  readonly views: ReadonlyMap<string, ViewSpec>
  /** Grows while entities that are touched by this one are being declared. */
  readonly touchers: readonly Toucher[]
  /** What rows inherit from: the declaring class's prototype, or none of their own. */
  readonly prototype: object
}

declare const touched: unique symbol

/** One way in which another entity's writes change this entity's lists; made by {@link touch}. */
export interface Touch<Key> {
  readonly schema: EntitySchema
  readonly map: (row: AnyRow) => AnyRow | undefined
  readonly [touched]?: Key
}

declare const declared: unique symbol

/** A declared entity: row `R`, key fields `K`, views `V`. */
export interface Entity<R, K extends keyof R, V> {
  readonly name: string
  readonly schema: EntitySchema
  readonly [declared]?: { readonly row: R; readonly key: K; readonly views: V }
}

/**
 * Says that a write to a row of `entity` is also a change of the element with the mapped key; `undefined` means of none.
 *
 * The change is appended in the same atomic write. It is a removal when the other row went away (or its mapping moved on) and
 * the touched entity has no row of its own with that key. `map` is pure and looks at nothing but the row.
 */
export function touch<R extends object, K extends keyof R, V, Key>(
  entity: Entity<R, K, V>,
  map: (row: Row<R>) => Key | undefined,
): Touch<Key> {
  return { schema: entity.schema, map: map as unknown as (row: AnyRow) => AnyRow | undefined }
}
