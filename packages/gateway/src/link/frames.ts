import type { Bytes } from '@parlance/core'
import { LinkProtocolError } from '../errors.ts'

/** What travels over a link: a length of four bytes, a kind of one byte, and the body. */
export const frameKinds = {
  challenge: 1,
  hello: 2,
  welcome: 3,
  refusal: 4,
  call: 5,
  answer: 6,
  failure: 7,
  acknowledgement: 8,
  ping: 9,
  pong: 10,
} as const

export interface Frame {
  readonly kind: number
  readonly body: Buffer
}

const headBytes = 5
const numberBytes = 8
const empty = Buffer.alloc(0)

/** The bytes of a frame, in parts that need no copy of a long body. */
export function frameOf(kind: number, ...parts: readonly Uint8Array[]): readonly Uint8Array[] {
  const head = Buffer.alloc(headBytes)
  head.writeUInt32BE(1 + parts.reduce((bytes, part) => bytes + part.length, 0))
  head[4] = kind
  return [head, ...parts]
}

/** Cuts what comes over a socket into frames, and holds at most one unfinished. */
export class FrameReader {
  readonly #chunks: Buffer[] = []
  #bytes: Bytes = 0
  #neededBytes: Bytes = headBytes
  limitBytes: Bytes

  constructor(limitBytes: Bytes) {
    this.limitBytes = limitBytes
  }

  /** @throws {@link LinkProtocolError} as soon as a frame says that it is longer than the limit; nothing of it is kept. */
  *read(chunk: Buffer): Iterable<Frame> {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    while (this.#bytes >= this.#neededBytes) {
      const whole = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
      const length = whole.readUInt32BE()
      if (length < 1 || length > this.limitBytes) {
        this.#keep(empty)
        throw new LinkProtocolError(`a frame of ${length} bytes; the limit is ${this.limitBytes}`)
      }
      const end = headBytes - 1 + length
      if (whole.length < end) {
        this.#keep(whole)
        this.#neededBytes = end
        return
      }
      this.#keep(whole.subarray(end))
      yield { kind: whole[4]!, body: whole.subarray(headBytes, end) }
    }
  }

  #keep(rest: Buffer): void {
    this.#chunks.length = 0
    if (rest.length > 0) this.#chunks.push(rest)
    this.#bytes = rest.length
    this.#neededBytes = headBytes
  }
}

/** A call as it travels: its number, its op, its payload. */
export interface CallBody {
  readonly number: number
  readonly op: string
  readonly payload: Buffer
}

export function callFrame(number: number, op: string, payload: Uint8Array): readonly Uint8Array[] {
  const name = Buffer.from(op)
  return frameOf(frameKinds.call, numbered(number), Uint8Array.of(name.length), name, payload)
}

/** What a call takes in a frame besides its payload. */
export const callHeadBytes = (op: string): Bytes => 1 + numberBytes + 1 + Buffer.byteLength(op)

export function readCall(body: Buffer): CallBody {
  const opEnd = numberBytes + 1 + (body[numberBytes] ?? 0)
  if (body.length < opEnd) throw new LinkProtocolError('a call that is cut short')
  return {
    number: readNumber(body),
    op: body.toString('utf8', numberBytes + 1, opEnd),
    payload: body.subarray(opEnd),
  }
}

export const answerFrame = (number: number, payload: Uint8Array): readonly Uint8Array[] =>
  frameOf(frameKinds.answer, numbered(number), payload)

export const failureFrame = (number: number, failure: unknown): readonly Uint8Array[] =>
  frameOf(frameKinds.failure, numbered(number), Buffer.from(JSON.stringify(failure)))

/** The number of the call that is answered, and what comes behind it. */
export function readAnswer(body: Buffer): { readonly number: number; readonly rest: Buffer } {
  return { number: readNumber(body), rest: body.subarray(numberBytes) }
}

export const acknowledgementFrame = (numbers: readonly number[]): readonly Uint8Array[] =>
  frameOf(frameKinds.acknowledgement, ...numbers.map(numbered))

export function readAcknowledgement(body: Buffer): number[] {
  const numbers: number[] = []
  for (let at = 0; at < body.length; at += numberBytes) numbers.push(readNumber(body, at))
  return numbers
}

export function numbered(number: number): Buffer {
  const bytes = Buffer.alloc(numberBytes)
  bytes.writeDoubleBE(number)
  return bytes
}

export function readNumber(body: Buffer, at = 0): number {
  if (body.length < at + numberBytes) throw new LinkProtocolError('a frame that is cut short')
  return body.readDoubleBE(at)
}
