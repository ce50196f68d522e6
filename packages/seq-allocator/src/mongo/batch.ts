import type { Bytes } from '@parlance/core'
import type { AppendedEntry } from '../journal.ts'
import type { Part } from './append.ts'
import { type EntryDocument, entryBytes, hashOf, maxNoteBytes, type NoteDocument } from './documents.ts'

/** Parts with the numbers they get when the stream's head is `first - 1`; they are stored together or not at all. */
export interface Batch {
  readonly id: string
  /** The number of the first new entry. */
  readonly first: number
  readonly parts: readonly { readonly part: Part; readonly appended: AppendedEntry[] }[]
  readonly entries: readonly EntryDocument[]
  readonly bytes: Bytes
  readonly keys: ReadonlyMap<string, number>
  /** By the hash of the tag. */
  readonly tags: ReadonlyMap<string, number>
  readonly notes: readonly NoteDocument[]
}

/** A batch, and the parts that have to wait because the notes would be too large with theirs. */
export interface NumberedBatch {
  readonly batch: Batch
  readonly left: readonly Part[]
}

/** What notes take up in a document, by a generous estimate. */
export const noteBytes = (notes: readonly NoteDocument[]): Bytes =>
  notes.reduce((sum, { n }) => sum + 64 + n.byteLength, 0)

/** Numbers the parts of a batch, one after the other; a part whose attachment cannot be made is rejected alone. */
export function numberBatch(
  parts: readonly Part[],
  { id, head, nowMs, find }: { id: string; head: number; nowMs: number; find: (key: string) => number | undefined },
): NumberedBatch {
  const first = head + 1
  const numbered: { part: Part; appended: AppendedEntry[] }[] = []
  const entries: EntryDocument[] = []
  const keys = new Map<string, number>()
  const tags = new Map<string, number>()
  const notes: NoteDocument[] = []
  let bytes: Bytes = 0
  const batchOf = (): Batch => ({ id, first, parts: numbered, entries, bytes, keys, tags, notes })
  for (const [index, part] of parts.entries()) {
    const fresh: EntryDocument[] = []
    const freshKeys = new Map<string, number>()
    let freshBytes: Bytes = 0
    const appended = part.entries.map((entry): AppendedEntry => {
      const { payload, repeatKey } = entry
      const seq = first + entries.length + fresh.length
      if (repeatKey === undefined) {
        fresh.push({ p: payload })
      } else {
        const known = freshKeys.get(repeatKey) ?? keys.get(repeatKey) ?? find(repeatKey)
        if (known !== undefined) return { seq: known, repeated: true }
        freshKeys.set(repeatKey, seq)
        fresh.push({ p: payload, k: repeatKey })
      }
      freshBytes += entryBytes(entry)
      return { seq, repeated: false }
    })
    try {
      const attachment = fresh.length === 0 ? undefined : part.attach?.(appended)
      if (attachment?.note !== undefined) {
        const note = { q: first + entries.length + fresh.length - 1, at: nowMs, n: attachment.note }
        if (notes.length > 0 && noteBytes([...notes, note]) > maxNoteBytes)
          return { batch: batchOf(), left: parts.slice(index) }
        notes.push(note)
      }
      for (const { tag, seq } of attachment?.tags ?? []) {
        const hash = hashOf(tag)
        tags.set(hash, Math.max(seq, tags.get(hash) ?? 0))
      }
    } catch (error) {
      part.reject(error)
      continue
    }
    for (const entry of fresh) entries.push(entries.length === 0 ? { ...entry, b: id } : entry)
    for (const [key, seq] of freshKeys) keys.set(key, seq)
    bytes += freshBytes
    numbered.push({ part, appended })
  }
  return { batch: batchOf(), left: [] }
}

/** Tells the callers of a batch that it is durable. */
export function settleBatch(batch: Batch): void {
  for (const { part, appended } of batch.parts) {
    part.committed?.(appended)
    part.resolve(appended)
  }
}
