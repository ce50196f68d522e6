import type { Bytes } from '@parlance/core'
import type { NoteDocument, TailDocument } from './documents.ts'

/** What a process knows of a stream's end: true as long as a compare-and-set with it succeeds. */
export interface Tail {
  head: number
  first: number
  epoch: number
  bytes: Bytes
  parts: readonly number[]
  /** Numbers of the repeat keys in the tail. */
  keys: Map<string, number>
  /** Those that are not known to be settled. */
  notes: readonly NoteDocument[]
}

/** Of a tail document, everything but the payloads. */
export const tailProjection = {
  'tail.k': 1,
  'tail.b': 1,
  head: 1,
  first: 1,
  epoch: 1,
  bytes: 1,
  parts: 1,
  notes: 1,
} as const

/** A stream that nobody appended to. */
export const emptyTail = (): Tail => ({
  head: 0,
  first: 1,
  epoch: 0,
  bytes: 0,
  parts: [],
  keys: new Map(),
  notes: [],
})

/** What a tail document says. */
export function tailOf({ head, first, epoch, bytes, parts = [], tail, notes = [] }: TailDocument): Tail {
  const keys = new Map<string, number>()
  tail.forEach(({ k }, index) => {
    if (k !== undefined) keys.set(k, first + index)
  })
  return { head, first, epoch, bytes, parts, keys, notes }
}
