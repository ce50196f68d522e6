import { type Bytes, type Count, InvalidArgumentError, OverloadedError } from '@parlance/core'
import type { Part } from './append.ts'
import { type Batch, noteBytes } from './batch.ts'
import type { Change } from './collections.ts'
import { maxAppendEntries, maxNoteBytes } from './documents.ts'
import type { Tail } from './tail.ts'

/** What waits for one stream. At most one step works for it at a time. */
export interface Lane {
  readonly stream: string
  waiting: Part[]
  /** What was sent without an answer that tells whether it was stored. */
  sent: Batch | undefined
  losses: Count
  failures: Count
  isBusy: boolean
}

const mergedBytes: Bytes = 4 * 1024 * 1024

/** What goes in one compare-and-set: the oldest that wait, as many as are good to store at once, and at least one. */
export function takeParts(lane: Lane): Part[] {
  let bytes: Bytes = 0
  let count: Count = 0
  const end = lane.waiting.findIndex((part, index) => {
    bytes += part.bytes
    count += part.entries.length
    return index > 0 && (bytes > mergedBytes || count > maxAppendEntries)
  })
  return lane.waiting.splice(0, end < 0 ? lane.waiting.length : end)
}

/** Why the notes of a batch cannot be kept, if so. */
export function notesRefusal(
  stream: string,
  tail: Tail,
  batch: Batch,
): OverloadedError | InvalidArgumentError | undefined {
  const own = noteBytes(batch.notes)
  if (own > maxNoteBytes)
    return new InvalidArgumentError(
      `the note of an append has ${own} bytes; it may have ${maxNoteBytes}: split the append`,
    )
  if (own > 0 && own + noteBytes(tail.notes) > maxNoteBytes)
    return new OverloadedError(`too much is still to be done about ${stream}: try again later`)
  return undefined
}

/** The tail that a successful change leaves. */
export function tailAfter({ tail, batch, sealing }: Change): Tail {
  const { keys } = tail
  if (sealing !== undefined) for (const [key, seq] of keys) if (seq < sealing.first) keys.delete(key)
  for (const [key, seq] of batch.keys) keys.set(key, seq)
  return {
    head: tail.head + batch.entries.length,
    first: sealing?.first ?? tail.first,
    epoch: tail.epoch,
    bytes: (sealing?.bytes ?? tail.bytes) + batch.bytes,
    parts: sealing?.parts ?? tail.parts,
    keys,
    notes: [...tail.notes, ...batch.notes],
  }
}
