import { constants, crc32, gunzipSync, gzipSync, type ZlibOptions } from 'node:zlib'
import { ProtocolError } from '../protocol-error.ts'

// Below this size deflate saves a few bytes for ten times the work of storing.
const storedBelowBytes = 256
const headBytes = 15
const tailBytes = 8
// Magic number, deflate, no flags, no time, no extra flags, unknown system; then one final block, stored.
const storedHead = Buffer.from('1f8b08000000000000ff01', 'hex')

function store(bytes: Buffer): Buffer {
  const into = Buffer.allocUnsafe(headBytes + bytes.length + tailBytes)
  into.set(storedHead)
  into.writeUInt16LE(bytes.length, storedHead.length)
  into.writeUInt16LE(~bytes.length & 0xffff, storedHead.length + 2)
  into.set(bytes, headBytes)
  into.writeUInt32LE(crc32(bytes), headBytes + bytes.length)
  into.writeUInt32LE(bytes.length, headBytes + bytes.length + 4)
  return into
}

const level = constants.Z_BEST_SPEED
// Most frames are small: most of their time goes into setting up zlib's tables, which these settings keep short.
const smallFrame: ZlibOptions = { level, memLevel: 3, windowBits: 11, chunkSize: 2048 }
const smallBelowBytes = 2048

const chunkBytes = (bytes: Buffer): number => Math.min(Math.max(bytes.length * 4, 1024), 16 * 1024)

/** Compresses one frame; a very small one is only wrapped. */
export function compress(bytes: Buffer): Buffer {
  if (bytes.length < storedBelowBytes) return store(bytes)
  return gzipSync(bytes, bytes.length < smallBelowBytes ? smallFrame : { level })
}

/**
 * Decompresses one frame, as far as `maxInflatedBytes`: no input makes it allocate more than that and one chunk.
 *
 * @throws {@link ProtocolError} when the input is not gzip, is cut off, or inflates to more.
 */
export function decompress(bytes: Buffer, maxInflatedBytes: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxInflatedBytes, chunkSize: chunkBytes(bytes) })
  } catch (cause) {
    const isTooLarge = cause instanceof RangeError
    const what = isTooLarge
      ? `a gzipped frame inflates to more than ${maxInflatedBytes} bytes`
      : 'a frame is not valid gzip'
    throw new ProtocolError(what, { cause })
  }
}
