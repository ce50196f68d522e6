import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodePullMsgs,
  encodePushMessages,
  GetSeqMessageResp,
  MsgData,
  ProtocolError,
  PullMessageBySeqsResp,
  PushMessages,
  withNumber,
} from '../src/index.ts'

const encoded = (clientMsgID: string): Buffer =>
  MsgData.encode({ clientMsgID, sendID: 'alice', seq: 9, status: 1, content: Buffer.from('{"content":"hello"}') })

describe('withNumber', () => {
  it('changes number and status of encoded bytes and nothing else', () => {
    fc.assert(
      fc.property(
        fc.maxSafeInteger().map(Math.abs),
        fc.option(fc.integer({ min: 0, max: 127 }), { nil: undefined }),
        (seq, status) => {
          const original = encoded('c1')
          const expected = { ...MsgData.decode(original), seq, ...(status === undefined ? {} : { status }) }
          expect(MsgData.decode(withNumber(original, seq, status))).toEqual(expected)
          expect(original).toEqual(encoded('c1'))
        },
      ),
    )
  })

  it('can be applied again: the last number counts', () => {
    expect(MsgData.decode(withNumber(withNumber(encoded('c1'), 5, 2), 6))).toMatchObject({ seq: 6, status: 2 })
  })

  it.each([
    [-1, undefined],
    [1.5, undefined],
    [2 ** 53, undefined],
    [1, -1],
    [1, 128],
  ])('refuses the number %d with the status %s', (seq, status) => {
    expect(() => withNumber(encoded('c1'), seq, status)).toThrow(ProtocolError)
  })
})

describe('bodies around encoded messages', () => {
  const first = encoded('c1')
  const second = encoded('c2')

  it('push one conversation, among messages or notifications, in the given order', () => {
    const push = PushMessages.decode(encodePushMessages('msgs', 'si_a_b', [second, first]))
    expect(push.notificationMsgs).toEqual({})
    expect(push.msgs['si_a_b']!.Msgs.map(({ clientMsgID }) => clientMsgID)).toEqual(['c2', 'c1'])
    const notification = PushMessages.decode(encodePushMessages('notificationMsgs', 'n_a_b', [first]))
    expect(notification.msgs).toEqual({})
    expect(notification.notificationMsgs['n_a_b']!.Msgs).toEqual([MsgData.decode(first)])
  })

  it('hold the very bytes they were given', () => {
    expect(encodePushMessages('msgs', 'si_a_b', [first]).includes(first)).toBe(true)
  })

  it('answer pulls, with conversations that have nothing too', () => {
    const answer = encodePullMsgs(
      { a: { messages: [first], isEnd: true, endSeq: 9 }, b: { messages: [] } },
      { n_a: { messages: [second, first] } },
    )
    for (const Answer of [PullMessageBySeqsResp, GetSeqMessageResp]) {
      const { msgs, notificationMsgs } = Answer.decode(answer)
      expect(msgs).toEqual({
        a: { Msgs: [MsgData.decode(first)], isEnd: true, endSeq: 9 },
        b: { Msgs: [], isEnd: false, endSeq: 0 },
      })
      expect(notificationMsgs['n_a']!.Msgs).toHaveLength(2)
    }
  })
})
