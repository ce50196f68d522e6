/** What a step reads or changes, by name; `'everything'` for one whose order matters against every other. */
export type Touches = ReadonlySet<string> | 'everything'

/** Tells whether two steps lead to the same whichever comes first. */
export function touchesCommute(one: Touches, other: Touches): boolean {
  if (one === 'everything' || other === 'everything') return false
  for (const name of one) if (other.has(name)) return false
  return true
}
