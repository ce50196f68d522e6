import type { Count } from '@parlance/core'
import type { ValueKind } from '../cache/read-path.ts'
import type { KeyCodec } from './key-codec.ts'
import { type KeyList, keyListCodec, type ListOrder } from './key-list.ts'

const text = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()

/** Counts in the caches. */
export const countKind: ValueKind<Count> = {
  codec: { encode: (count) => Buffer.from(String(count)), decode: (bytes) => Number(text(bytes)) },
  sizeOf: () => 8,
}

/** Lists of keys in the caches. */
export const keyListKind = (key: KeyCodec, order: ListOrder): ValueKind<KeyList> => ({
  codec: keyListCodec(key, order),
  sizeOf: (list) => list?.sizeBytes ?? 0,
})
