import type { Topic } from '@parlance/notification-bus'
import type { DataNames, Row, ScalarNames } from './row.ts'
import type { Entity, EntitySchema } from './schema.ts'
import type { AnyRow } from './values.ts'

/** What is announced of a touch that is spread: some rows that now show a change of `source`. */
export interface TouchedRows<Source, Key> {
  /** The key of the row that changed. */
  readonly source: Source
  readonly keys: readonly Key[]
}

/** A touch as the runtime sees it: of one row, or of all rows with some values. */
export type TouchSpec = TouchOfOne | TouchOfMany

/** {@link touch} with a mapping. */
export interface TouchOfOne {
  readonly kind: 'one'
  readonly schema: EntitySchema
  readonly map: (row: AnyRow) => AnyRow | undefined
}

/** {@link touch} with fields that are equal. */
export interface TouchOfMany {
  readonly kind: 'many'
  readonly schema: EntitySchema
  /** Fields of the touched rows, each with the field of the row that changed whose value it has. */
  readonly by: readonly (readonly [field: string, source: string])[]
  /** Whose changes count; all when left out. */
  readonly fields: readonly string[] | undefined
  readonly announce: Topic<TouchedRows<AnyRow, AnyRow>> | undefined
}

declare const touched: unique symbol

/** One way in which another entity's writes change this entity's lists; made by {@link touch}. */
export interface Touch<Key> {
  readonly spec: TouchOfOne
  readonly [touched]?: Key
}

declare const found: unique symbol

/** The same for many rows at once: those with the values `By`; their keys can be announced. */
export interface SpreadTouch<By, Key> {
  readonly spec: TouchOfMany
  readonly [found]?: { readonly by: By; readonly announced: (key: Key) => void }
}

/** Which changes touch many rows, and who is told. */
export interface SpreadOptions<Field, Announced> {
  /** Only a change of one of these fields touches anything. @defaultValue all of them */
  readonly fields?: readonly Field[]
  /** Each batch is announced here, in the transaction that appends its changes. Made by `touchedRows`. */
  readonly announce?: Topic<Announced>
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
): Touch<Key>
/**
 * Says that a changed field of a row of `entity` is also a change of every row whose fields equal the row's: `{ field of the
 * touched row: field of the row that changed }`, however many there are.
 *
 * The write costs the same whatever that number is: it leaves a durable note, from which the changes are appended soon
 * afterwards, in batches of at most 128, each one atomic step. That survives crashes at every point. A row may be touched more
 * than once; none is left out that is there from the write until its batch, and one that comes later says so itself.
 */
export function touch<
  R extends object,
  K extends keyof R,
  V,
  const M extends Readonly<Record<string, ScalarNames<R>>>,
  Key = unknown,
>(
  entity: Entity<R, K, V>,
  where: M,
  options?: SpreadOptions<Exclude<DataNames<R>, K>, TouchedRows<Pick<R, K>, Key>>,
): SpreadTouch<{ [N in keyof M]: R[M[N]] }, Key>
export function touch(
  { schema }: { readonly schema: EntitySchema },
  how: ((row: never) => unknown) | Readonly<Record<string, string>>,
  { fields, announce }: { readonly fields?: readonly string[]; readonly announce?: unknown } = {},
): { readonly spec: never } {
  if (typeof how === 'function') return made({ kind: 'one', schema, map: how as (row: AnyRow) => AnyRow | undefined })
  const topic = announce as TouchOfMany['announce'] | undefined
  return made({ kind: 'many', schema, by: Object.entries(how), fields, announce: topic })
}

const made = (spec: TouchSpec): { readonly spec: never } => ({ spec: spec as never })

/** What a touch of many rows is called where it waits to be spread. */
export function touchName(entity: string, view: string, { schema, by }: TouchOfMany): string {
  return `${entity}.${view}<${schema.name}(${by.map(([field, source]) => `${field}=${source}`).join()})`
}
