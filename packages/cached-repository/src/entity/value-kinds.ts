import type { Count } from '@parlance/core'
import type { ValueKind } from '../cache/read-path.ts'
import type { KeyCodec } from './key-codec.ts'
import type { AnyRow } from './values.ts'

const text = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()

/** Counts in the caches. */
export const countKind: ValueKind<Count> = {
  codec: { encode: (count) => Buffer.from(String(count)), decode: (bytes) => Number(text(bytes)) },
  sizeOf: () => 8,
}

/** Lists of keys in the caches. */
export function keysKind(key: KeyCodec): ValueKind<readonly AnyRow[]> {
  return {
    codec: {
      encode: (keys) => Buffer.from(JSON.stringify(keys.map((one) => key.encode(one)))),
      decode: (bytes) => Object.freeze((JSON.parse(text(bytes)) as string[]).map((one) => key.decode(one))),
    },
    sizeOf: (keys = []) => keys.reduce((size, one) => size + key.sizeOf(one), 64),
  }
}
