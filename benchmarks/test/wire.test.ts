import {
  clientFrameCodec,
  encodePushMessages,
  frameCodec,
  MsgData,
  opCodes,
  PushMessages,
  withNumber,
} from '@parlance/openim-protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { WireError } from '../src/errors.ts'
import { identityOf } from '../src/message-identity.ts'
import { emptyEnvelope, scanEnvelope } from '../src/wire/envelope-scanner.ts'
import { FrameReader } from '../src/wire/frame-reader.ts'
import { PushScanner } from '../src/wire/push-scanner.ts'
import { clientFrame, SendFrame } from '../src/wire/send-frame.ts'

const server = frameCodec({ sdkType: 'js' })
const client = clientFrameCodec({ sdkType: 'js' })

interface Seen {
  readonly number: number
  readonly seq: number
  readonly sendTimeMs: number
}

function scanPush(data: Uint8Array): Seen[] {
  const text = Buffer.from(data).toString('base64')
  const padded = Buffer.from(`"${text}" and what follows`)
  const seen: Seen[] = []
  new PushScanner().scan(padded, 1, 1 + text.length, {
    message: (number, seq, sendTimeMs) => void seen.push({ number, seq, sendTimeMs }),
  })
  return seen
}

function serverFrame(kind: number, payload: Buffer): Buffer {
  const { length } = payload
  const head = Buffer.from([0x80 | kind, length < 126 ? length : length < 65_536 ? 126 : 127])
  const size = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8)
  if (size.length === 2) size.writeUInt16BE(length)
  if (size.length === 8) size.writeBigUInt64BE(BigInt(length))
  return Buffer.concat([head, size, payload])
}

const anyMessage = fc.record(
  {
    sendID: fc.string(),
    groupID: fc.string(),
    serverMsgID: fc.string(),
    senderPlatformID: fc.nat(12),
    senderNickname: fc.string({ unit: 'grapheme', maxLength: 300 }),
    content: fc.uint8Array({ maxLength: 600 }),
    status: fc.nat(4),
    isRead: fc.boolean(),
    options: fc.dictionary(fc.string({ minLength: 1 }), fc.boolean()),
    offlinePushInfo: fc.record({ title: fc.string(), iOSBadgeCount: fc.boolean() }),
    atUserIDList: fc.array(fc.string()),
    ex: fc.string(),
  },
  { requiredKeys: [] },
)
const anySeen = fc.record({
  number: fc.nat(999_999_999_999),
  seq: fc.nat(Number.MAX_SAFE_INTEGER),
  sendTimeMs: fc.nat(4_000_000_000_000),
})

describe('PushScanner', () => {
  it('finds every message of a push, in order, whatever else the messages hold', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyMessage, anySeen), { maxLength: 6 }), fc.string(), (entries, conversationID) => {
        const Msgs = entries.map(([message, { number, seq, sendTimeMs }]) =>
          MsgData.encode({ ...message, clientMsgID: identityOf(number), seq, sendTime: sendTimeMs }),
        )
        const data = PushMessages.encode({ msgs: { [`c${conversationID}`]: { Msgs, isEnd: true, endSeq: 3 } } })
        expect(scanPush(data)).toEqual(entries.map(([, seen]) => seen))
      }),
    )
  })

  it('takes the last value of a field the server replaced by appending', () => {
    const message = MsgData.encode({ clientMsgID: identityOf(3), seq: 1, sendTime: 10, ex: 'x' })
    const data = encodePushMessages('msgs', 'sg_1', [withNumber(message, 77, 2)])
    expect(scanPush(data)).toEqual([{ number: 3, seq: 77, sendTimeMs: 10 }])
  })

  it('gives −1 for messages no workload sent, and passes notifications over', () => {
    const foreign = ['', 'abc', `${identityOf(1).slice(0, -2)}xm`, 'q'.repeat(identityOf(1).length)]
    const Msgs = foreign.map((clientMsgID, index) => MsgData.encode({ clientMsgID, seq: index + 1 }))
    const notificationMsgs = { n_1: { Msgs: [MsgData.encode({ clientMsgID: identityOf(9), seq: 9 })] } }
    const data = PushMessages.encode({ msgs: { si_1: { Msgs } }, notificationMsgs })
    expect(scanPush(data).map(({ number }) => number)).toEqual([-1, -1, -1, -1])
  })

  it('refuses bytes that are cut short', () => {
    const message = MsgData.encode({ clientMsgID: identityOf(1), content: Buffer.alloc(40), seq: 5 })
    const whole = encodePushMessages('msgs', 'sg_1', [message])
    for (let length = 1; length < whole.length; length += 1) {
      expect(() => scanPush(whole.subarray(0, length))).toThrow(WireError)
    }
  })
})

describe('scanEnvelope', () => {
  it('reads what the protocol package writes', () => {
    const reply = fc.record({
      op: fc.nat(3001),
      msgIncr: fc.oneof(fc.constant(''), fc.nat().map(String)),
      operationID: fc.string({ unit: 'grapheme' }),
      errCode: fc.nat(2000),
      errMsg: fc.string({ unit: 'grapheme' }),
      data: fc.uint8Array({ maxLength: 400 }),
    })
    fc.assert(
      fc.property(reply, (written) => {
        const { bytes } = server.encode(written)
        const found = emptyEnvelope()
        scanEnvelope(Buffer.concat([Buffer.from('}"'), bytes, Buffer.from('"')]), 2, 2 + bytes.length, found)
        expect(found).toMatchObject({
          reqIdentifier: written.op,
          errCode: written.errCode,
          msgIncr: written.msgIncr === '' ? -1 : Number(written.msgIncr),
        })
        const text = bytes.toString('latin1', found.dataStart - 2, found.dataEnd - 2)
        expect(Buffer.from(text, 'base64')).toEqual(Buffer.from(written.data))
      }),
    )
  })

  it('takes fields in any order, with spaces, and data that is null', () => {
    const text = Buffer.from('{ "data" : null, "errCode":7 ,"msgIncr":"12x", "reqIdentifier" : 1003 }')
    const found = emptyEnvelope()
    scanEnvelope(text, 0, text.length, found)
    expect(found).toEqual({ reqIdentifier: 1003, errCode: 7, msgIncr: -1, dataStart: 0, dataEnd: 0 })
  })

  it.each(['not json', '{"reqIdentifier":2001,"data":"abc', '{"data":{"a":1}}', '{"data"'])('refuses %s', (text) => {
    expect(() => scanEnvelope(Buffer.from(text), 0, text.length, emptyEnvelope())).toThrow(WireError)
  })
})

describe('FrameReader', () => {
  it('gives the same frames however the bytes are cut', () => {
    const payloads = fc.array(fc.tuple(fc.constantFrom(1, 2, 8, 9, 10), fc.nat(70_000)), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(payloads, fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1 }), (frames, cuts) => {
        const sent = frames.map(([kind, length]) => ({ kind, payload: Buffer.alloc(length, kind) }))
        const stream = Buffer.concat(sent.map(({ kind, payload }) => serverFrame(kind, payload)))
        const reader = new FrameReader()
        const received: { kind: number; payload: Buffer }[] = []
        const sink = {
          frame: (kind: number, buffer: Buffer, start: number, end: number) =>
            void received.push({ kind, payload: Buffer.from(buffer.subarray(start, end)) }),
        }
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const size = Math.min(cuts[turn % cuts.length]!, stream.length - at)
          const chunk = Buffer.alloc(size + 10, 0xff)
          stream.copy(chunk, 0, at, at + size)
          reader.read(chunk, size, sink)
          at += size
        }
        expect(received.map(({ kind, payload }) => [kind, payload.length])).toEqual(frames)
        expect(received.every(({ payload }, index) => payload.equals(sent[index]!.payload))).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it.each([
    ['a masked frame', Buffer.from([0x82, 0x80, 0, 0, 0, 0])],
    ['a fragment', Buffer.from([0x02, 0x00])],
    ['a compressed frame', Buffer.from([0xc2, 0x00])],
    ['a frame of 1 GiB', Buffer.from([0x82, 127, 0, 0, 0, 0, 0x40, 0, 0, 0])],
  ])('refuses %s', (_name, bytes) => {
    expect(() => new FrameReader().read(bytes, bytes.length, { frame: () => undefined })).toThrow(WireError)
  })
})

describe('SendFrame', () => {
  it('is the request an official client would send, for any number and any length of names', () => {
    const names = fc.tuple(fc.stringMatching(/^[a-z0-9_-]{1,40}$/), fc.stringMatching(/^[a-z0-9_-]{1,40}$/))
    const numbers = fc.array(fc.nat(999_999_999_999), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(names, numbers, fc.boolean(), ([sendID, target], sent, isGroup) => {
        const to = isGroup ? { groupID: target } : { recvID: target }
        const frame = new SendFrame({ sendID, platformID: 5, to, textBytes: 150 })
        for (const number of sent) {
          const bytes = Buffer.alloc(frame.byteLength + 3)
          expect(frame.write(bytes, 3, number)).toBe(bytes.length)
          const decoded = server.decode(bytes.subarray(3 + 8), true)
          if (decoded.kind !== 'message') throw new Error('A send request was read as a control message.')
          const { message } = decoded
          const digits = String(number).padStart(12, '0')
          expect(message).toMatchObject({
            op: opCodes.sendMsg,
            sendID,
            msgIncr: digits,
            operationID: `benchmark-${digits}`,
          })
          const body = MsgData.decode(message.data)
          expect(body).toMatchObject({
            sendID,
            ...to,
            clientMsgID: identityOf(number),
            contentType: 101,
            senderPlatformID: 5,
          })
          expect(body.sessionType).toBe(isGroup ? 3 : 1)
          const content = JSON.parse(Buffer.from(body.content).toString()) as { content: string }
          expect(Buffer.byteLength(content.content)).toBe(150)
        }
      }),
    )
  })

  it('masks with zeros', () => {
    const short = clientFrame(1, Buffer.from('hi'))
    expect([...short]).toEqual([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])
    const long = clientFrame(2, Buffer.alloc(300, 7))
    expect([...long.subarray(0, 9)]).toEqual([0x82, 0xfe, 0x01, 0x2c, 0, 0, 0, 0, 7])
  })

  it('carries numbers an acknowledgement gives back', () => {
    const reply = server.encode({
      op: 1003,
      msgIncr: '000000000042',
      operationID: 'o',
      errCode: 0,
      errMsg: '',
      data: Buffer.alloc(3),
    })
    const found = emptyEnvelope()
    scanEnvelope(reply.bytes, 0, reply.bytes.length, found)
    expect(found.msgIncr).toBe(42)
    expect(client.decodeReply(reply.bytes).msgIncr).toBe('000000000042')
  })
})
