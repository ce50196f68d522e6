const finalText = 0x81
const finalBinary = 0x82

/**
 * Builds one whole, unmasked WebSocket frame in one buffer (RFC 6455 §5.2), to be written to any number of sockets.
 *
 * The payload is copied: a frame is built once per message and codec, and one buffer is one chunk for every socket.
 */
export function buildFrame(payload: Uint8Array, binary: boolean): Buffer {
  const length = payload.length
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(headerBytes + length)
  frame[0] = binary ? finalBinary : finalText
  if (headerBytes === 2) frame[1] = length
  else if (headerBytes === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.set(payload, headerBytes)
  return frame
}
