import { WireError } from '../errors.ts'

const maxFrameBytes = 16 * 1024 * 1024

/** Opcodes of RFC 6455 that a server may send. */
export const opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** Receives the frames of one connection; the buffer is only valid during the call. */
export interface FrameSink {
  frame(kind: number, buffer: Buffer, start: number, end: number): void
}

/**
 * Cuts a server's byte stream into WebSocket frames.
 *
 * Frames that lie within one chunk are handed on in place; only one that is split over chunks is copied, and held to
 * 16 MiB. Fragmented messages, extensions and masked server frames are refused: no server under test sends them.
 */
export class FrameReader {
  #carry: Buffer | undefined
  #carryBytes = 0

  /** @throws {@link WireError} when the stream is not acceptable; the reader is of no use afterwards. */
  read(chunk: Buffer, chunkBytes: number, sink: FrameSink): void {
    if (this.#carryBytes === 0) {
      const consumed = readFrames(chunk, 0, chunkBytes, sink)
      if (consumed < chunkBytes) this.#keep(chunk, consumed, chunkBytes)
      return
    }
    this.#keep(chunk, 0, chunkBytes)
    const carry = this.#carry!
    const consumed = readFrames(carry, 0, this.#carryBytes, sink)
    if (consumed === 0) return
    carry.copyWithin(0, consumed, this.#carryBytes)
    this.#carryBytes -= consumed
    if (this.#carryBytes === 0) this.#carry = undefined
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const neededBytes = this.#carryBytes + end - start
    if (neededBytes > 2 * maxFrameBytes) throw new WireError('A frame does not end; the server sends no WebSocket.')
    if (this.#carry === undefined || this.#carry.length < neededBytes) {
      const larger = Buffer.allocUnsafeSlow(Math.max(1024, 2 * neededBytes))
      this.#carry?.copy(larger, 0, 0, this.#carryBytes)
      this.#carry = larger
    }
    chunk.copy(this.#carry, this.#carryBytes, start, end)
    this.#carryBytes = neededBytes
  }
}

function readFrames(buffer: Buffer, from: number, to: number, sink: FrameSink): number {
  let at = from
  while (to - at >= 2) {
    const first = buffer[at]!
    let payloadBytes = buffer[at + 1]!
    let start = at + 2
    if (payloadBytes === 126) {
      if (to - at < 4) return at
      payloadBytes = (buffer[at + 2]! << 8) | buffer[at + 3]!
      start = at + 4
    } else if (payloadBytes === 127) {
      if (to - at < 10) return at
      payloadBytes = buffer.readUInt32BE(at + 2) * 2 ** 32 + buffer.readUInt32BE(at + 6)
      start = at + 10
    } else if (payloadBytes > 127) {
      throw new WireError('The server sent a masked frame.')
    }
    if (payloadBytes > maxFrameBytes) throw new WireError(`A frame of ${payloadBytes} bytes exceeds ${maxFrameBytes}.`)
    const end = start + payloadBytes
    if (end > to) return at
    if ((first & 0xf0) !== 0x80 || (first & 0x0f) === 0) {
      throw new WireError(`Frame header 0x${first.toString(16)}: fragments and extensions are not read here.`)
    }
    sink.frame(first & 0x0f, buffer, start, end)
    at = end
  }
  return at
}
