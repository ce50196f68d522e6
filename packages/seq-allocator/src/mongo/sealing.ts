import type { Bytes } from '@parlance/core'
import {
  type BlockDocument,
  blockCount,
  blockEnd,
  blockID,
  type NumberDocument,
  hashOf,
  numberID,
  storedBytes,
  type TailDocument,
} from './documents.ts'

/** What leaves a tail for good, and what stays of it. */
export interface Sealing {
  readonly blocks: readonly BlockDocument[]
  readonly repeats: readonly NumberDocument[]
  readonly tags: readonly NumberDocument[]
  /** The first number that stays in the tail, or comes next. */
  readonly first: number
  readonly bytes: Bytes
  readonly parts: readonly number[]
}

/** Tells whether a tail has to be sealed before so many bytes more are added to it. */
export const needsSealing = (
  { head, first, bytes }: { readonly head: number; readonly first: number; readonly bytes: Bytes },
  added: Bytes,
  maxBytes: Bytes,
): boolean => blockEnd(first) <= head || (bytes > 0 && bytes + added > maxBytes)

/**
 * Cuts a tail's full blocks off; when the rest with `added` more bytes would have more than `maxBytes`, the rest as well.
 *
 * Whoever seals the same tail cuts the same: doing it twice leaves one result.
 */
export function sealingOf(tail: TailDocument, added: Bytes, maxBytes: Bytes): Sealing {
  const { _id: stream, head, floor } = tail
  const blocks: BlockDocument[] = []
  let { first, parts = [] } = tail
  const cut = (last: number): void => {
    const entries = tail.tail.slice(first - tail.first, last - tail.first + 1)
    // What was given up needs no block.
    if (last > floor)
      blocks.push({ _id: blockID(stream, last), first, entries, ...(parts.length === 0 ? {} : { parts }) })
    parts = last === blockEnd(last) ? [] : [...parts, last]
    first = last + 1
  }
  for (let end = blockEnd(first); end <= head; end += blockCount) cut(end)
  const sizeOfRest = (): Bytes =>
    tail.tail.slice(first - tail.first).reduce((sum, entry) => sum + storedBytes(entry), 0)
  let bytes = sizeOfRest()
  if (bytes > 0 && bytes + added > maxBytes) {
    cut(head)
    bytes = 0
  }
  const repeats = tail.tail.flatMap(({ k }, index) => {
    const seq = tail.first + index
    return k === undefined || seq <= floor || seq >= first ? [] : [{ _id: numberID(stream, hashOf(k)), q: seq }]
  })
  const tags = Object.entries(tail.tags ?? {}).map(([hash, q]) => ({ _id: numberID(stream, hash), q }))
  return { blocks, repeats, tags, first, bytes, parts }
}
