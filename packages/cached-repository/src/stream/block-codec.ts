import type { Bytes } from '@parlance/core'
import type { ValueKind } from '../cache/read-path.ts'
import { HeldEntry, sizeOfEntry } from './entry.ts'
import type { StreamCodec } from './stream.ts'

/** Entries of a full block: immutable, ascending. */
export type Block = readonly HeldEntry[]

/** How blocks are kept in the caches: per entry its seq (6 bytes), its length (4 bytes) and its bytes. */
export function blockKind(codec: StreamCodec<unknown>): ValueKind<Block> {
  return { codec: { encode, decode: (bytes) => decode(bytes, codec) }, sizeOf }
}

const headerBytes: Bytes = 10

function encode(block: Block): Uint8Array {
  const size = block.reduce((sum, { bytes }) => sum + headerBytes + bytes.byteLength, 0)
  const buffer = Buffer.allocUnsafe(size)
  let at = 0
  for (const { seq, bytes } of block) {
    at = buffer.writeUIntBE(seq, at, 6)
    at = buffer.writeUInt32BE(bytes.byteLength, at)
    buffer.set(bytes, at)
    at += bytes.byteLength
  }
  return buffer
}

function decode(bytes: Uint8Array, codec: StreamCodec<unknown>): Block {
  // The bytes belong to the cache, and entries outlive the call.
  const buffer = Buffer.from(bytes)
  const entries: HeldEntry[] = []
  for (let at = 0; at < buffer.length;) {
    const seq = buffer.readUIntBE(at, 6)
    const end = at + headerBytes + buffer.readUInt32BE(at + 6)
    entries.push(new HeldEntry(seq, buffer.subarray(at + headerBytes, end), codec))
    at = end
  }
  return Object.freeze(entries)
}

function sizeOf(block: Block | undefined): Bytes {
  return (block ?? []).reduce((sum, entry) => sum + sizeOfEntry(entry), 64)
}
