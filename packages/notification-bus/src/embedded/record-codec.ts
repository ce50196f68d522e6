import type { LogRecord } from '../event-log.ts'

/** A record as the payload of a journal entry: key length (2), key, payload. */
export function encodeRecord({ key, payload }: LogRecord): Buffer {
  const keyBytes = Buffer.byteLength(key)
  const record = Buffer.allocUnsafe(2 + keyBytes + payload.byteLength)
  record.writeUInt16LE(keyBytes, 0)
  record.write(key, 2)
  record.set(payload, 2 + keyBytes)
  return record
}

/** The inverse of {@link encodeRecord}; the payload is a view of the given memory. */
export function decodeRecord(record: Uint8Array): LogRecord {
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength)
  const end = 2 + bytes.readUInt16LE(0)
  return { key: bytes.toString('utf8', 2, end), payload: bytes.subarray(end) }
}

/** The partition of a key: FNV-1a over its UTF-16 units, the same in every version. */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  return (hash >>> 0) % partitions
}
