import { InvalidArgumentError } from '@parlance/core'

const lengthBytes = 4
const decoder = new TextDecoder('utf-8', { fatal: true })

/** Puts a description, as JSON, before bytes that need no second encoding. */
export function encodeFramed(description: unknown, ...parts: readonly Uint8Array[]): Uint8Array {
  const json = Buffer.from(JSON.stringify(description))
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32BE(json.length)
  return Buffer.concat([length, json, ...parts])
}

/** The reverse; `rest` is a view on the given bytes. @throws InvalidArgumentError for anything else. */
export function decodeFramed(bytes: Uint8Array): { readonly description: unknown; readonly rest: Uint8Array } {
  const length = bytes.byteLength < lengthBytes ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  const end = lengthBytes + length
  if (length < 0 || end > bytes.byteLength) throw new InvalidArgumentError('not a description with bytes behind it')
  try {
    return { description: JSON.parse(decoder.decode(bytes.subarray(lengthBytes, end))), rest: bytes.subarray(end) }
  } catch (error) {
    throw new InvalidArgumentError('not a description with bytes behind it', { cause: error })
  }
}
