/** A value that can be part of a key or decide the order of a list. */
export type Scalar = string | number | boolean | Date

/** Names of a row's data fields: everything but methods. */
export type DataNames<R> = Extract<
  { [N in keyof R]-?: NonNullable<R[N]> extends (...parameters: never[]) => unknown ? never : N }[keyof R],
  string
>

/** Names of the fields that may be in a key, a `by` or an `order`: always present, and scalar. */
export type ScalarNames<R> = Extract<{ [N in keyof R]-?: R[N] extends Scalar ? N : never }[keyof R], string>

/** What is handed in to be stored: the data fields of a row, nothing else. */
export type RowInput<R> = Pick<R, DataNames<R>>

/** What is handed out: immutable, shared by all readers of the process. Copy it to change it. */
export type Row<R> = Readonly<R>

/** A change of some fields; a key field is not among them, and `undefined` clears an optional one. */
export type RowChange<R, K extends keyof R> = {
  readonly [N in Exclude<DataNames<R>, K>]?: {} extends Pick<R, N> ? R[N] | undefined : R[N]
}

/** One name or several. */
export type NameList<R> = ScalarNames<R> | readonly ScalarNames<R>[]

/** The part of a row that a {@link NameList} names. */
export type PickNames<R, B> = B extends readonly (infer N)[]
  ? Pick<R, Extract<N, keyof R>>
  : Pick<R, Extract<B, keyof R>>

/** Which fields order a list, first the most significant; rows that are equal in all of them follow their keys. */
export type RowOrder<R> = { readonly [N in ScalarNames<R>]?: 'asc' | 'desc' }

/** A filter: the fields that must have exactly these values. */
export type RowFilter<R> = {
  readonly [N in DataNames<R> as NonNullable<R[N]> extends Scalar ? N : never]?: NonNullable<R[N]>
}
