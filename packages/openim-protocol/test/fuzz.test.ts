import { gzipSync } from 'node:zlib'
import { type Random, runSeed, seededRandom } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import {
  clientFrameCodec,
  frameCodec,
  GetActiveConversationsResp,
  GetConversationsHasReadAndMaxSeqResp,
  GetSeqMessageReq,
  MsgData,
  ProtocolError,
  PullMessageBySeqsReq,
  PushMessages,
  SubUserOnlineStatusTips,
} from '../src/index.ts'
import { unknownFields, wideRequest } from './gob-samples.ts'

const seed = runSeed()

/** Cuts, flips, repeats, inserts and joins, a few at a time. */
function mutate(random: Random, samples: readonly Buffer[]): Buffer {
  let bytes = Buffer.from(random.pick(samples))
  for (let times = random.int(4); times >= 0; times--) {
    const at = random.int(bytes.length + 1)
    switch (random.int(6)) {
      case 0:
        bytes = bytes.subarray(0, at)
        break
      case 1:
        if (at < bytes.length) bytes[at] = random.pick([0, 1, 0x7f, 0x80, 0xfe, 0xff, random.int(256)])
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.int(9)), bytes.subarray(at)])
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.int(4))])
        break
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), random.pick(samples).subarray(random.int(40))])
        break
      default:
        bytes = Buffer.concat([bytes, bytes.subarray(at, at + random.int(60))])
    }
  }
  return bytes
}

/** Runs a decoder on mutated samples; it may accept or refuse, with a ProtocolError. Returns how often it did which. */
function bombard(decode: (bytes: Buffer) => unknown, samples: readonly Buffer[], count: number) {
  const random = seededRandom(seed)
  const outcome = { accepted: 0, refused: 0 }
  for (let i = 0; i < count; i++) {
    const bytes = i % 10 === 0 ? random.bytes(random.int(200)) : mutate(random, samples)
    try {
      decode(bytes)
      outcome.accepted++
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw new Error(`seed ${seed}: ${bytes.toString('hex')}`, { cause: error })
      outcome.refused++
    }
  }
  return outcome
}

const message = {
  sendID: 'alice',
  recvID: 'bob',
  clientMsgID: 'c'.repeat(32),
  content: Buffer.from('{"content":"hello"}'),
  seq: 12_345,
  sendTime: 1_764_000_000_000,
  options: { history: true, unreadCount: false },
  offlinePushInfo: { title: 't', iOSBadgeCount: true },
  atUserIDList: ['x', 'y'],
}
const request = { op: 1003, token: 't', sendID: 'alice', operationID: 'o', msgIncr: 'm', data: MsgData.encode(message) }
const reply = {
  op: 1003,
  msgIncr: 'm',
  operationID: 'o',
  errCode: 1302,
  errMsg: 'BlockedByPeer',
  data: Buffer.from('abc'),
}

describe('mutated frames', () => {
  it.each([
    ['js', undefined],
    ['js', 'gzip'],
    ['go', undefined],
    ['go', 'gzip'],
  ] as const)('of %s, %s are read or refused, and nothing else', (sdkType, compression) => {
    const server = frameCodec({ sdkType, compression })
    const client = clientFrameCodec({ sdkType, compression })
    const gobs = [...Object.values(unknownFields), wideRequest].map((digits) => Buffer.from(digits, 'hex'))
    const plain =
      sdkType === 'go'
        ? [client.encodeRequest(request).bytes, ...(compression ? [] : gobs)]
        : [client.encodeRequest(request).bytes]
    const requests = bombard((bytes) => server.decode(bytes, true), plain, compression ? 5000 : 30_000)
    const replies = bombard(
      (bytes) => client.decodeReply(bytes),
      [server.encode(reply).bytes],
      compression ? 5000 : 10_000,
    )
    const texts = bombard(
      (bytes) => server.decode(bytes, false),
      [Buffer.from('{"type":"ping","body":{"a":[1]}}')],
      2000,
    )
    expect(requests.refused).toBeGreaterThan(0)
    expect(replies.refused).toBeGreaterThan(0)
    expect(texts.refused).toBeGreaterThan(0)
  })

  it.each(['js', 'go'] as const)('inside valid gzip of %s are read or refused, and nothing else', (sdkType) => {
    const server = frameCodec({ sdkType, compression: 'gzip' })
    const { bytes } = clientFrameCodec({ sdkType }).encodeRequest(request)
    expect(bombard((mutated) => server.decode(gzipSync(mutated), true), [bytes], 3000).refused).toBeGreaterThan(0)
  })
})

describe('mutated bodies', () => {
  it.each([
    ['MsgData', MsgData, [MsgData.encode(message)]],
    ['PushMessages', PushMessages, [PushMessages.encode({ msgs: { si_a_b: { Msgs: [message, message] } } })]],
    [
      'PullMessageBySeqsReq',
      PullMessageBySeqsReq,
      [
        PullMessageBySeqsReq.encode({
          userID: 'u',
          seqRanges: [{ conversationID: 'c', begin: 1, end: 2 ** 50, num: -3 }],
          order: 1,
        }),
      ],
    ],
    [
      'GetSeqMessageReq',
      GetSeqMessageReq,
      [
        GetSeqMessageReq.encode({
          userID: 'u',
          conversations: [{ conversationID: 'c', seqs: [1, 200, 40_000, 2 ** 40] }],
        }),
      ],
    ],
    [
      'GetConversationsHasReadAndMaxSeqResp',
      GetConversationsHasReadAndMaxSeqResp,
      [GetConversationsHasReadAndMaxSeqResp.encode({ seqs: { a: { maxSeq: 5 }, b: { hasReadSeq: 2 ** 40 } } })],
    ],
    [
      'GetActiveConversationsResp',
      GetActiveConversationsResp,
      [
        GetActiveConversationsResp.encode({
          conversations: [{ lastMsg: message, group: { memberCount: 2 ** 32 - 1 }, user: {} }],
        }),
      ],
    ],
    [
      'SubUserOnlineStatusTips',
      SubUserOnlineStatusTips,
      [SubUserOnlineStatusTips.encode({ subscribers: [{ userID: 'u', onlinePlatformIDs: [1, 5] }] })],
    ],
  ])('of %s are read or refused, and nothing else', (_name, Body, samples) => {
    const outcome = bombard((bytes) => Body.decode(bytes), samples, 20_000)
    expect(outcome.refused).toBeGreaterThan(0)
    expect(outcome.accepted).toBeGreaterThan(0)
  })

  it('that were read can be written, and read alike', () => {
    const random = seededRandom(seed)
    const samples = [MsgData.encode(message)]
    const read = (bytes: Buffer) => {
      try {
        return MsgData.decode(bytes)
      } catch (error) {
        if (error instanceof ProtocolError) return undefined
        throw error
      }
    }
    let readable = 0
    for (let i = 0; i < 5000; i++) {
      const value = read(mutate(random, samples))
      if (value === undefined) continue
      readable++
      expect(MsgData.decode(MsgData.encode(value)), `seed ${seed}`).toEqual(value)
    }
    expect(readable).toBeGreaterThan(0)
  })
})
