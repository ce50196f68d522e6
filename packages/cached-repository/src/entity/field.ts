import type { Bytes, Count } from '@parlance/core'

/** What a field can hold. A date is kept with a millisecond's precision, JSON as JSON keeps it. */
export type FieldType = 'string' | 'number' | 'boolean' | 'date' | 'json'

/** A field as the runtime sees it. */
export interface FieldSpec {
  readonly name: string
  readonly type: FieldType
  /** May be absent from a row. */
  readonly optional: boolean
  /** Longest string in UTF-16 units; for JSON, the most bytes of its text. */
  readonly max: Count | undefined
}

/** Bound on the bytes of a string or JSON field without a `max`. */
export const defaultMaxFieldBytes: Bytes = 64 * 1024

declare const held: unique symbol

/** A field of {@link defineEntity}; made by {@link field}. */
export interface FieldOf<T, Optional extends boolean = boolean> {
  readonly type: FieldType
  readonly optional: Optional
  readonly max: Count | undefined
  readonly [held]?: T
}

/** Choices every field has. */
export interface FieldChoices {
  /** The field may be absent from a row; it can then be neither in the key nor in a view's `by` or `order`. */
  readonly optional?: boolean
}

/** Choices of fields whose size varies. */
export interface SizedFieldChoices extends FieldChoices {
  /**
   * Longest string in UTF-16 units; for JSON, the most bytes of its text. Without it, 64 KiB bound the field.
   *
   * The fields of a key, or of the `by` of a list or count, may have 896 bytes together, those of the `by` of a change list
   * 400: a larger `max` is refused at boot, a longer value when it is written.
   */
  readonly max?: Count
}

type Made<T, C> = FieldOf<T, C extends { readonly optional: true } ? true : false>

const made = (type: FieldType, { optional = false, max }: SizedFieldChoices = {}) =>
  ({ type, optional, max }) as FieldOf<never, never>

function jsonField<T>(choices: SizedFieldChoices & { readonly optional: true }): FieldOf<T, true>
function jsonField<T>(choices?: SizedFieldChoices & { readonly optional?: false }): FieldOf<T, false>
function jsonField<T>(choices?: SizedFieldChoices): FieldOf<T> {
  return made('json', choices)
}

/** Makes the fields of {@link defineEntity}; the row's type follows from them. */
export const field = {
  string: <const C extends SizedFieldChoices = {}>(choices?: C): Made<string, C> => made('string', choices),
  number: <const C extends FieldChoices = {}>(choices?: C): Made<number, C> => made('number', choices),
  boolean: <const C extends FieldChoices = {}>(choices?: C): Made<boolean, C> => made('boolean', choices),
  date: <const C extends FieldChoices = {}>(choices?: C): Made<Date, C> => made('date', choices),
  /** Anything JSON can write; `undefined` and functions within it are refused. */
  json: jsonField,
}

type Simplify<T> = { [N in keyof T]: T[N] }
type Required_<F> = { [N in keyof F]: F[N] extends FieldOf<unknown, false> ? N : never }[keyof F]
type Held<F> = F extends FieldOf<infer T> ? T : never

/** The row that a set of fields describes. */
export type RowOf<F> = Simplify<
  { [N in Required_<F>]: Held<F[N]> } & { [N in Exclude<keyof F, Required_<F>>]?: Held<F[N]> }
>
