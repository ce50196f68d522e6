import type { Part } from './append.ts'
import type { Collections } from './collections.ts'
import { blockEnd, blockID, type BlockDocument, type EntryDocument, hashOf, numberID } from './documents.ts'
import type { Tail } from './tail.ts'

/** The entry with a number that no tail holds any more. One query; one more where blocks were sealed in parts. */
export async function sealedEntry(
  collections: Collections,
  stream: string,
  seq: number,
): Promise<EntryDocument | undefined> {
  const read = (ends: readonly number[]) =>
    collections.find<BlockDocument>(
      ends.map((end) => blockID(stream, end)),
      { 'entries.b': 1, first: 1, parts: 1 },
    )
  const blocks = await read([blockEnd(seq)])
  const parts = blocks[0]?.parts ?? []
  if (parts.length > 0) blocks.push(...(await read(parts)))
  for (const { first, entries } of blocks) if (seq >= first && seq < first + entries.length) return entries[seq - first]
  return undefined
}

/** Finds the number that was sealed with a repeat key of a stream. */
export type SealedRepeats = (stream: string, repeatKey: string) => number | undefined

/** Asks, for all streams at once, for the repeat keys of parts that no tail knows. One query; none when every tail is whole. */
export async function sealedRepeats(
  collections: Collections,
  asked: Iterable<{ readonly stream: string; readonly tail: Tail; readonly parts: readonly Part[] }>,
): Promise<SealedRepeats> {
  const ids = new Map<string, Map<string, string>>()
  for (const { stream, tail, parts } of asked) {
    // Nothing was ever sealed: all keys there are lie in the tail.
    if (tail.first === 1) continue
    const ofStream = new Map<string, string>()
    ids.set(stream, ofStream)
    for (const { entries } of parts)
      for (const { repeatKey } of entries)
        if (repeatKey !== undefined && !tail.keys.has(repeatKey) && !ofStream.has(repeatKey))
          ofStream.set(repeatKey, numberID(stream, hashOf(repeatKey)))
  }
  const numbers = await collections.sealedNumbers([...ids.values()].flatMap((ofStream) => [...ofStream.values()]))
  return (stream, repeatKey) => numbers.get(ids.get(stream)?.get(repeatKey) ?? '')
}
