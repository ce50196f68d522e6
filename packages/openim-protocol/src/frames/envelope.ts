import { ProtocolError } from '../protocol-error.ts'
import type { FrameLimits, FrameReply, FrameRequest } from './frame.ts'

/** How one kind of frame is written into, and read from, bytes that are not compressed. */
export interface Envelope<Frame> {
  encode(frame: Frame): Buffer
  decode(bytes: Buffer): Frame
}

const maxOp = 2 ** 31 - 1
const noLess = -(2 ** 31)

/** Refuses a frame with a number outside int32 or a text beyond the limit; both codecs share these rules. */
export function checkFrame<Frame extends FrameRequest | FrameReply>(frame: Frame, limits: FrameLimits): Frame {
  for (const [name, value] of Object.entries(frame) as [string, unknown][]) {
    if (typeof value === 'number' && (!Number.isInteger(value) || value > maxOp || value < noLess)) {
      throw new ProtocolError(`${name} of a frame must be an int32, not ${value}`)
    }
    if (typeof value === 'string' && value.length > limits.maxTextLength) {
      throw new ProtocolError(
        `${name} of a frame has ${value.length} characters; at most ${limits.maxTextLength} are allowed`,
      )
    }
  }
  return frame
}
