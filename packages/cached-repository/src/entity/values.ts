/** A row, key or part of one whose entity is only known at run time. */
export type AnyRow = Readonly<Record<string, unknown>>
