import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientFrameCodec, frameCodec, type FrameReply, type FrameRequest, ProtocolError } from '../src/index.ts'
import { unknownFields, wideRequest } from './gob-samples.ts'

const server = frameCodec({ sdkType: 'go' })
const client = clientFrameCodec({ sdkType: 'go' })

const read = (stream: Buffer): FrameRequest => {
  const decoded = server.decode(stream, true)
  if (decoded.kind !== 'message') throw new Error('a control frame was not expected')
  return decoded.message
}

const plain = <T extends { readonly data: Uint8Array }>(frame: T) => ({
  ...frame,
  data: Buffer.from(frame.data).toString('hex'),
})

const text = fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: 'grapheme', maxLength: 100 }))
const number = fc.oneof(fc.integer(), fc.constantFrom(0, 63, 64, 127, 128, -64, -65, 2 ** 31 - 1, -(2 ** 31)))
const data = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.integer({ min: 65_530, max: 65_540 }).map((length) => Buffer.alloc(length, 'data')),
)

/** Wraps hexadecimal message bodies as a stream. */
const stream = (...messages: readonly string[]): Buffer =>
  Buffer.concat(
    messages
      .map((digits) => Buffer.from(digits.replaceAll(' ', ''), 'hex'))
      .flatMap((body) => [Buffer.of(body.length), body]),
  )

describe('gob', () => {
  it('brings any request and reply back as it was', () => {
    const requests = fc.record({ op: number, token: text, sendID: text, operationID: text, msgIncr: text, data })
    const replies = fc.record({ op: number, msgIncr: text, operationID: text, errCode: number, errMsg: text, data })
    fc.assert(
      fc.property(requests, replies, (request: FrameRequest, reply: FrameReply) => {
        expect(plain(read(client.encodeRequest(request).bytes))).toEqual(plain(request))
        expect(plain(client.decodeReply(server.encode(reply).bytes))).toEqual(plain(reply))
      }),
      { numRuns: 300 },
    )
  })

  it.each(Object.entries(unknownFields))('skips an unknown field: %s', (_kind, digits) => {
    expect(read(Buffer.from(digits, 'hex'))).toMatchObject({ op: 0, token: 'tok', sendID: '' })
  })

  it('finds all fields between unknown ones, by name and whatever their order', () => {
    expect(plain(read(Buffer.from(wideRequest, 'hex')))).toEqual({
      op: 1003,
      token: 'tok',
      sendID: 'send',
      operationID: 'oper',
      msgIncr: 'incr',
      data: Buffer.from('data').toString('hex'),
    })
  })

  it('leaves the input alone and out of later requests', () => {
    const { bytes } = client.encodeRequest({
      op: 1,
      token: '',
      sendID: 'a',
      operationID: '',
      msgIncr: '',
      data: Buffer.of(7),
    })
    const before = Buffer.from(bytes)
    read(bytes)
    expect(bytes.equals(before)).toBe(true)
    expect(
      read(
        client.encodeRequest({ op: 2, token: '', sendID: '', operationID: '', msgIncr: '', data: Buffer.alloc(0) })
          .bytes,
      ).sendID,
    ).toBe('')
  })

  // 7f = -64; a struct type "A" whose fields follow.
  it.each([
    ['a stream without a value', 'ends within a value', stream('7f 03 01 01 01 41 00 01 00 00 00')],
    ['a value of a type never defined', 'something else than a struct', stream('ff80 00')],
    ['a value of a built-in type', 'something else than a struct', stream('04 00 02')],
    ['a message that is longer than the stream', 'beyond its message', Buffer.from('ff80', 'hex')],
    ['a length of eight bytes', 'beyond 2^53', Buffer.from('f8ffffffffffffffff', 'hex')],
    ['a number wider than eight bytes', 'wider than 64 bits', Buffer.from('f0ffffffffffffffffffffffff', 'hex')],
    ['a definition of a built-in type', 'type 2 cannot be defined', stream('03 03 01 01 01 41 00 01 00 00 00')],
    ['an empty definition', 'definition is empty', stream('7f 00')],
    ['a definition of two types', 'defines two types', stream('7f 02 01 00 00 01 01 00 00 00')],
    ['a definition of an unknown kind', 'has no field 8', stream('7f 09 00')],
    [
      'a definition with something behind it',
      'longer than what it holds',
      stream('7f 03 01 01 01 41 00 01 00 00 00 00'),
    ],
    [
      'a type defined twice',
      'type 64 cannot be defined again',
      stream('7f 03 01 01 01 41 00 00 00', '7f 03 01 01 01 41 00 00 00'),
    ],
    ['more fields than the message has bytes', 'beyond its message', stream('7f 03 02 ff ff 00 00 00')],
    [
      'a field beyond the struct',
      'struct has no field 1',
      stream('7f 03 02 01 01 01 41 01 04 00 00 00', 'ff80 02 02 00'),
    ],
    [
      'a field of another type',
      'Token must be of type string',
      stream('7f 03 02 01 01 05 546f6b656e 01 04 00 00 00', 'ff80 01 02 00'),
    ],
    [
      'a text beyond the message',
      'beyond its message',
      stream('7f 03 02 01 01 05 546f6b656e 01 0c 00 00 00', 'ff80 01 20 41 00'),
    ],
    [
      'a value without its end',
      'ends within a value',
      stream('7f 03 02 01 01 05 546f6b656e 01 0c 00 00 00', 'ff80 01 01 41'),
    ],
    ['an empty stream', 'ends within a value', Buffer.alloc(0)],
    // A is a slice of A: every level takes one byte, and none ends.
    [
      'values nested without end',
      'more than 32 deep',
      stream(`7f 02 02 ff80 00 00`, `ff81 03 02 01 01 01 58 01 ff80 00 00 00`, `ff82 01 ${'01 '.repeat(100)}`),
    ],
  ])('refuses %s: %s', (_what, why, bytes) => {
    expect(() => read(bytes)).toThrow(why)
    expect(() => read(bytes)).toThrow(ProtocolError)
  })

  it('reads a value that follows more definitions than it needs', () => {
    const definitions = ['7f 02 02 04 00 00', 'ff81 03 02 01 01 05 546f6b656e 01 0c 00 00 00']
    expect(read(stream(...definitions, 'ff82 01 01 41 00')).token).toBe('A')
  })
})
