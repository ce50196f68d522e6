import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { ProtocolError } from '../protocol-error.ts'

/** Compresses one frame. */
export const compress = (bytes: Buffer): Buffer => gzipSync(bytes, { level: constants.Z_BEST_SPEED })

/**
 * Decompresses one frame, as far as `maxInflatedBytes`: no input makes it allocate more than that and one chunk.
 *
 * @throws {@link ProtocolError} when the input is not gzip, is cut off, or inflates to more.
 */
export function decompress(bytes: Buffer, maxInflatedBytes: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxInflatedBytes })
  } catch (cause) {
    const isTooLarge = cause instanceof RangeError
    const what = isTooLarge
      ? `a gzipped frame inflates to more than ${maxInflatedBytes} bytes`
      : 'a frame is not valid gzip'
    throw new ProtocolError(what, { cause })
  }
}
