import { PbCoder } from '@openim/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  Conversation,
  ConversationMsg,
  ConversationSeqs,
  FriendInfoOnly,
  GetActiveConversationsReq,
  GetActiveConversationsResp,
  GetConversationsHasReadAndMaxSeqReq,
  GetConversationsHasReadAndMaxSeqResp,
  GetConversationsReq,
  GetConversationsResp,
  GetMaxSeqResp,
  GetSeqMessageReq,
  GetSeqMessageResp,
  GroupInfo,
  MsgData,
  OfflinePushInfo,
  PullMessageBySeqsReq,
  PullMessageBySeqsResp,
  PullMsgs,
  PushMessages,
  SeqRange,
  Seqs,
  SubUserOnlineStatus,
  SubUserOnlineStatusElem,
  SubUserOnlineStatusTips,
  UserInfo,
  UserSendMsgResp,
} from '../src/index.ts'

/** What a coder of theirs looks like to this test. */
interface Theirs {
  encode(value: unknown): { finish(): Uint8Array }
  decode(bytes: Uint8Array): unknown
}

interface Ours {
  readonly name: string
  encode(value: never): Uint8Array
  decode(bytes: Uint8Array): unknown
}

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ minLength: 120, maxLength: 300 }),
)
const int32 = fc.oneof(fc.integer(), fc.constantFrom(0, 1, 127, 128, 2 ** 31 - 1, -1, -(2 ** 31)))
const uint32 = fc.nat({ max: 2 ** 32 - 1 })
const int64 = fc.oneof(fc.maxSafeInteger(), fc.nat(), fc.constantFrom(0, 2 ** 31, 2 ** 32, 2 ** 49, 2 ** 49 - 1, -1))
const flag = fc.boolean()
const blob = fc.uint8Array({ maxLength: 300 })
const id = fc.string({ minLength: 1, maxLength: 20 })
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const list = <T>(value: fc.Arbitrary<T>) => fc.array(value, { maxLength: 4 })
// Their coders keep maps in plain objects, where this one key has a meaning of its own.
const table = <T>(value: fc.Arbitrary<T>) =>
  fc.dictionary(
    id.filter((key) => key !== '__proto__'),
    value,
    { maxKeys: 4 },
  )

const offlinePushInfo = fc.record({
  title: text,
  desc: text,
  ex: text,
  iOSPushSound: text,
  iOSBadgeCount: flag,
  signalInfo: text,
})
const msgData = fc.record({
  sendID: text,
  recvID: text,
  groupID: text,
  clientMsgID: text,
  serverMsgID: text,
  senderPlatformID: int32,
  senderNickname: text,
  senderFaceURL: text,
  sessionType: int32,
  msgFrom: int32,
  contentType: int32,
  content: blob,
  seq: int64,
  sendTime: int64,
  createTime: int64,
  status: int32,
  isRead: flag,
  options: table(flag),
  offlinePushInfo: optional(offlinePushInfo),
  atUserIDList: list(text),
  attachedInfo: text,
  ex: text,
})
const pullMsgs = fc.record({ Msgs: list(msgData), isEnd: flag })
const pulls = fc.record({ msgs: table(pullMsgs), notificationMsgs: table(pullMsgs) })
const seqRange = fc.record({ conversationID: text, begin: int64, end: int64, num: int64 })
const conversationSeqs = fc.record({ conversationID: text, seqs: fc.array(int64, { maxLength: 40 }) })
const order = fc.constantFrom(0, 1)
const seqs = fc.record({ maxSeq: int64, hasReadSeq: int64, maxSeqTime: int64 })
const online = fc.record({ userID: text, onlinePlatformIDs: list(int32) })
const conversation = fc.record({
  ownerUserID: text,
  conversationID: text,
  recvMsgOpt: int32,
  conversationType: int32,
  userID: text,
  groupID: text,
  isPinned: flag,
  attachedInfo: text,
  isPrivateChat: flag,
  groupAtType: int32,
  ex: text,
  burnDuration: int32,
  minSeq: int64,
  maxSeq: int64,
  msgDestructTime: int64,
  latestMsgDestructTime: int64,
  isMsgDestruct: flag,
})
const userInfo = fc.record({
  userID: text,
  nickname: text,
  faceURL: text,
  ex: text,
  createTime: int64,
  appMangerLevel: int32,
  globalRecvMsgOpt: int32,
})
const friend = fc.record({
  ownerUserID: text,
  friendUserID: text,
  remark: text,
  createTime: int64,
  addSource: int32,
  operatorUserID: text,
  ex: text,
  isPinned: flag,
})
const group = fc.record({
  groupID: text,
  groupName: text,
  notification: text,
  introduction: text,
  faceURL: text,
  ownerUserID: text,
  createTime: int64,
  memberCount: uint32,
  ex: text,
  status: int32,
  creatorUserID: text,
  groupType: int32,
  needVerification: int32,
  lookMemberInfo: int32,
  applyMemberFriend: int32,
  notificationUpdateTime: int64,
  notificationUserID: text,
})
const conversationMsg = fc.record({
  conversation: optional(conversation),
  lastMsg: optional(msgData),
  user: optional(userInfo),
  friend: optional(friend),
  group: optional(group),
  maxSeq: int64,
  readSeq: int64,
})
const conversations = fc.record({ unreadCount: int64, conversations: list(conversationMsg) })

// The last entry names fields that the protocol got after this version of their coders.
const cases: readonly [Ours, Theirs, fc.Arbitrary<unknown>, (readonly string[])?][] = [
  [OfflinePushInfo, PbCoder.OfflinePushInfo, offlinePushInfo],
  [MsgData, PbCoder.MsgData, msgData],
  [PullMsgs, PbCoder.PullMsgs, pullMsgs, ['endSeq']],
  [PushMessages, PbCoder.PushMessages, pulls, ['endSeq']],
  [
    UserSendMsgResp,
    PbCoder.UserSendMsgResp,
    fc.record({ serverMsgID: text, clientMsgID: text, sendTime: int64 }),
    ['modify'],
  ],
  [SeqRange, PbCoder.SeqRange, seqRange],
  [PullMessageBySeqsReq, PbCoder.PullMessageBySeqsReq, fc.record({ userID: text, seqRanges: list(seqRange), order })],
  [PullMessageBySeqsResp, PbCoder.PullMessageBySeqsResp, pulls, ['endSeq']],
  [ConversationSeqs, PbCoder.ConversationSeqs, conversationSeqs],
  [
    GetSeqMessageReq,
    PbCoder.GetSeqMessageReq,
    fc.record({ userID: text, conversations: list(conversationSeqs) }),
    ['order'],
  ],
  [GetSeqMessageResp, PbCoder.GetSeqMessageResp, pulls, ['endSeq']],
  [GetMaxSeqResp, PbCoder.GetMaxSeqResp, fc.record({ maxSeqs: table(int64), minSeqs: table(int64) })],
  [Seqs, PbCoder.Seqs, seqs],
  [
    GetConversationsHasReadAndMaxSeqReq,
    PbCoder.GetConversationsHasReadAndMaxSeqReq,
    fc.record({ userID: text, conversationIDs: list(text) }),
    ['returnPinned'],
  ],
  [
    GetConversationsHasReadAndMaxSeqResp,
    PbCoder.GetConversationsHasReadAndMaxSeqResp,
    fc.record({ seqs: table(seqs) }),
    ['pinnedConversationIDs'],
  ],
  [
    SubUserOnlineStatus,
    PbCoder.SubUserOnlineStatus,
    fc.record({ subscribeUserID: list(text), unsubscribeUserID: list(text) }),
  ],
  [SubUserOnlineStatusElem, PbCoder.SubUserOnlineStatusElem, online],
  [SubUserOnlineStatusTips, PbCoder.SubUserOnlineStatusTips, fc.record({ subscribers: list(online) })],
  [Conversation, PbCoder.Conversation, conversation],
  [UserInfo, PbCoder.UserInfo, userInfo],
  [FriendInfoOnly, PbCoder.FriendInfoOnly, friend],
  [GroupInfo, PbCoder.GroupInfo, group],
  [ConversationMsg, PbCoder.ConversationMsg, conversationMsg],
  [GetActiveConversationsReq, PbCoder.GetActiveConversationsReq, fc.record({ ownerUserID: text, count: int64 })],
  [GetActiveConversationsResp, PbCoder.GetActiveConversationsResp, conversations],
  [GetConversationsReq, PbCoder.GetConversationsReq, fc.record({ ownerUserID: text, conversationIDs: list(text) })],
  [GetConversationsResp, PbCoder.GetConversationsResp, conversations],
]

const onlyTheirs = ['keyVersion', 'dstUserIDs', 'displayIsRead']

/** The value as plain JSON, without what one side does not know: bytes as arrays, maps in key order. */
function comparable(value: unknown, ignored: readonly string[]): unknown {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map((element) => comparable(element, ignored))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key, inner]) => inner !== undefined && !ignored.includes(key))
  return entries
    .map(([key, inner]) => [key, comparable(inner, ignored)])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
}

/** Their encoder wants every field set, also those that only it knows. */
function completed(value: unknown): unknown {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(completed)
  const copy: Record<string, unknown> = Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, completed(inner)]),
  )
  if ('clientMsgID' in copy && 'content' in copy) Object.assign(copy, { keyVersion: 3, dstUserIDs: ['x'] })
  if ('memberCount' in copy) Object.assign(copy, { displayIsRead: true })
  return copy
}

describe.each(
  cases.map(([ours, theirs, values, newer = []]) => ({
    name: ours.name,
    ours,
    theirs,
    values,
    ignored: [...onlyTheirs, ...newer],
  })),
)('$name of @openim/protocol', ({ ours, theirs, values, ignored }) => {
  it('is read as it was meant', () => {
    fc.assert(
      fc.property(values, (value) => {
        const decoded = ours.decode(theirs.encode(completed(value)).finish())
        expect(comparable(decoded, ignored)).toEqual(comparable(value, ignored))
      }),
      { numRuns: 60 },
    )
  })

  it('is written so that it reads as it was meant', () => {
    fc.assert(
      fc.property(values, (value) => {
        const decoded = theirs.decode(new Uint8Array(ours.encode(value as never)))
        expect(comparable(decoded, ignored)).toEqual(comparable(value, ignored))
      }),
      { numRuns: 60 },
    )
  })
})
