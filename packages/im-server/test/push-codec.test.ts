import { InvalidArgumentError } from '@parlance/core'
import { MsgData } from '@parlance/openim-protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { acceptedMessages } from '../src/domain/messages/accepted-message.ts'
import type { Push } from '../src/domain/messages/delivery.ts'
import { encodeFramed } from '../src/domain/messages/framed.ts'
import { decodePush, encodePush } from '../src/domain/messages/push-codec.ts'
import { pushes } from '../src/domain/messages/push-record.ts'
import { runsByKey } from '../src/domain/messages/stream-runs.ts'

const body = (clientMsgID: string) => ({ ...MsgData.zero(), clientMsgID, sendID: 'ada', content: Buffer.from('ä€😀') })

function push(...clientMsgIDs: string[]): Push {
  const batch = clientMsgIDs.map((id, index) => ({
    body: MsgData.decode(MsgData.encode(body(id))),
    seq: index,
    bytes: MsgData.encode(body(id)),
    cause: { operationID: `op ${id}`, sessionID: '', alsoTo: ['eve'] },
  }))
  return { stream: 'm/si_ada_bob', batch, receivers: new Set(['ada', 'bob']), senders: new Set(['ada']) }
}

describe('a push on its way to another process', () => {
  it.each([[[]], [['a']], [['a', 'b', 'c']]])('arrives as it was sent: %j', (ids) => {
    const sent = push(...ids)
    const { batch, ...rest } = decodePush(encodePush(sent))
    expect(rest).toEqual({ stream: sent.stream, receivers: sent.receivers, senders: sent.senders })
    expect(batch.map((one) => ({ ...one, bytes: Buffer.from(one.bytes) }))).toEqual(
      sent.batch.map((one) => ({ ...one, bytes: Buffer.from(one.bytes) })),
    )
  })

  it('is refused when any of its bytes are missing', () => {
    const bytes = encodePush(push('a', 'b'))
    for (let end = 0; end < bytes.length; end++)
      expect(() => decodePush(bytes.subarray(0, end)), `${end} of ${bytes.length}`).toThrow(InvalidArgumentError)
  })

  it('is refused when it is anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(() => decodePush(bytes)).toThrow(InvalidArgumentError)
      }),
    )
  })
})

describe('a record of what has to be pushed', () => {
  const { schema } = pushes
  const cause = { operationID: 'op', sessionID: '' }
  const stored = { kind: 'stored' as const, stream: 'm/x', first: 3, last: 4, causes: [cause, cause] }
  const online = { kind: 'online' as const, stream: 'm/x', message: '', causes: [cause] }

  it('arrives as it was announced', () => {
    for (const record of [stored, online]) expect(schema.decode(schema.encode(record))).toEqual(record)
  })

  it.each([
    ['nothing', null],
    ['a word', 'stored'],
    ['a number that is none', { ...stored, first: 3.5, last: 4.5 }],
    ['a number before the first', { ...stored, first: 0, last: 1 }],
    ['numbers that fall', { ...stored, first: 4, last: 3, causes: [] }],
    ['more numbers than it has causes for', { ...stored, last: 1e15 }],
    ['fewer numbers than it has causes for', { ...stored, last: 3 }],
    ['a message of several causes', { ...online, causes: [cause, cause] }],
    ['a message without a cause', { ...online, causes: [] }],
    ['a cause that is none', { ...online, causes: [{ operationID: 'op' }] }],
  ])('is refused when it is %s', (_, record) => {
    expect(() => schema.decode(Buffer.from(JSON.stringify(record)))).toThrow(InvalidArgumentError)
  })
})

describe('an accepted message', () => {
  it('is refused when it is anything else', () => {
    for (const description of [
      null,
      'm/x',
      { stream: 'm/x' },
      { stream: 1, cause: { operationID: '', sessionID: '' } },
    ])
      expect(() => acceptedMessages.schema.decode(encodeFramed(description))).toThrow(InvalidArgumentError)
  })

  it('arrives as it was accepted', () => {
    const accepted = { stream: 'm/si_ada_bob', body: body('a'), cause: { operationID: 'op', sessionID: 's' } }
    const { schema } = acceptedMessages
    const read = schema.decode(schema.encode(accepted))
    expect({ ...read, body: { ...read.body, content: Buffer.from(read.body.content) } }).toEqual({
      ...accepted,
      body: { ...MsgData.decode(MsgData.encode(accepted.body)), content: accepted.body.content },
    })
  })
})

it('keeps the order within a stream and its twin, and tells the others apart', () => {
  const streams = ['m/x', 'm/y', 'm/x', 'n/x', 'm/x']
  const runs = runsByKey([...streams.keys()], (index) => streams[index]!)
  expect(runs.map((group) => group.map(({ stream, items }) => [stream, ...items]))).toEqual([
    [
      ['m/x', 0, 2],
      ['n/x', 3],
      ['m/x', 4],
    ],
    [['m/y', 1]],
  ])
})
