import type { Bytes } from '@parlance/core'
import type { NewEntry, StoredEntry } from '../journal.ts'

/** An entry on its way into a batch. */
export interface BatchEntry {
  readonly payload: Uint8Array
  /** UTF-8 of its repeat key; empty when it has none. */
  readonly key: Uint8Array
  /** Hash of the repeat key; 0 when it has none. */
  readonly hash: number
}

/** Bytes that a batch needs for each entry besides payload and key. */
export const entryOverheadBytes = 6

const noKey = new Uint8Array(0)

/** The UTF-8 of a repeat key. */
export const keyBytes = (repeatKey: string | undefined): Uint8Array =>
  repeatKey === undefined ? noKey : Buffer.from(repeatKey)

/** Writes entries one after the other: payload length (4), key length (2), payload, key. */
export function encodeBatch(entries: readonly BatchEntry[]): Buffer {
  let length = 0
  for (const { payload, key } of entries) length += entryOverheadBytes + payload.byteLength + key.byteLength
  const batch = Buffer.allocUnsafe(length)
  let offset = 0
  for (const { payload, key } of entries) {
    offset = batch.writeUInt32LE(payload.byteLength, offset)
    offset = batch.writeUInt16LE(key.byteLength, offset)
    batch.set(payload, offset)
    offset += payload.byteLength
    batch.set(key, offset)
    offset += key.byteLength
  }
  return batch
}

/** The entries of a batch whose numbers lie in `first…last`; payloads are views of the batch's memory. */
export function decodeRange(batch: Buffer, batchFirst: number, first: number, last: number): StoredEntry[] {
  const entries: StoredEntry[] = []
  let seq = batchFirst
  for (let offset = 0; offset < batch.byteLength && seq <= last; seq++) {
    const start = offset + entryOverheadBytes
    const end = start + batch.readUInt32LE(offset)
    if (seq >= first) entries.push({ seq, payload: batch.subarray(start, end) })
    offset = end + batch.readUInt16LE(offset + 4)
  }
  return entries
}

/** The wanted entries of a batch; payloads are copies, so that a few small ones do not keep the whole batch in memory. */
export function decodeChosen(batch: Buffer, batchFirst: number, wanted: ReadonlySet<number>): StoredEntry[] {
  return decodeRange(batch, batchFirst, batchFirst, Number.MAX_SAFE_INTEGER).flatMap(({ seq, payload }) =>
    wanted.has(seq) ? [{ seq, payload: Buffer.from(payload) }] : [],
  )
}

/** As many entries as have at most `maxBytes` of payload together, and never none of some. */
export function cutToBytes(entries: StoredEntry[], maxBytes: Bytes): StoredEntry[] {
  let bytes = 0
  const end = entries.findIndex(({ payload }, index) => (bytes += payload.byteLength) > maxBytes && index > 0)
  return end < 0 ? entries : entries.slice(0, end)
}

/** The repeat key of one entry of a batch; empty when it has none, undefined when the batch ends before it. */
export function decodeKey(batch: Buffer, batchFirst: number, wanted: number): Buffer | undefined {
  let seq = batchFirst
  for (let offset = 0; offset < batch.byteLength; seq++) {
    const start = offset + entryOverheadBytes + batch.readUInt32LE(offset)
    const end = start + batch.readUInt16LE(offset + 4)
    if (seq === wanted) return batch.subarray(start, end)
    offset = end
  }
  return undefined
}

/** All entries of a batch with their repeat keys; payloads are views of the batch's memory. */
export function decodeEntries(batch: Buffer): NewEntry[] {
  const entries: NewEntry[] = []
  for (let offset = 0; offset < batch.byteLength;) {
    const start = offset + entryOverheadBytes
    const end = start + batch.readUInt32LE(offset)
    const next = end + batch.readUInt16LE(offset + 4)
    const payload = batch.subarray(start, end)
    entries.push(end === next ? { payload } : { payload, repeatKey: batch.toString('utf8', end, next) })
    offset = next
  }
  return entries
}
