import { field, map, nested, repeated } from '../schema/field.ts'
import { type Infer, type InferInput, message } from '../schema/message.ts'
import { bool, bytes, int32, int64, string } from '../schema/scalars.ts'

/** What a vendor push shows of a message. */
export const OfflinePushInfo = message('OfflinePushInfo', {
  title: field(1, string),
  desc: field(2, string),
  ex: field(3, string),
  iOSPushSound: field(4, string),
  iOSBadgeCount: field(5, bool),
  signalInfo: field(6, string),
})
/** A decoded {@link OfflinePushInfo}. */
export type OfflinePushInfo = Infer<typeof OfflinePushInfo>

/** A message or notification, in every direction; body of `sendMsg`. */
export const MsgData = message('MsgData', {
  sendID: field(1, string),
  recvID: field(2, string),
  groupID: field(3, string),
  clientMsgID: field(4, string),
  serverMsgID: field(5, string),
  senderPlatformID: field(6, int32),
  senderNickname: field(7, string),
  senderFaceURL: field(8, string),
  sessionType: field(9, int32),
  msgFrom: field(10, int32),
  contentType: field(11, int32),
  content: field(12, bytes),
  seq: field(14, int64),
  sendTime: field(15, int64),
  createTime: field(16, int64),
  status: field(17, int32),
  isRead: field(18, bool),
  options: map(19, bool),
  offlinePushInfo: nested(20, OfflinePushInfo),
  atUserIDList: repeated(21, string),
  attachedInfo: field(22, string),
  ex: field(23, string),
})
/** A decoded {@link MsgData}. */
export type MsgData = Infer<typeof MsgData>
/** What {@link MsgData} can be encoded from: any part of it. */
export type MsgDataInput = InferInput<typeof MsgData>

/** Messages of one conversation. */
export const PullMsgs = message('PullMsgs', {
  Msgs: repeated(1, MsgData),
  isEnd: field(2, bool),
  endSeq: field(3, int64),
})
/** Decoded {@link PullMsgs}. */
export type PullMsgs = Infer<typeof PullMsgs>

/** Body of a push, by conversation id. SDKs need one conversation per frame. */
export const PushMessages = message('PushMessages', {
  msgs: map(1, PullMsgs),
  notificationMsgs: map(2, PullMsgs),
})
/** Decoded {@link PushMessages}. */
export type PushMessages = Infer<typeof PushMessages>

/** Answer to `sendMsg`; `modify` is set when the server changed the message. */
export const UserSendMsgResp = message('UserSendMsgResp', {
  serverMsgID: field(1, string),
  clientMsgID: field(2, string),
  sendTime: field(3, int64),
  modify: nested(4, MsgData),
})
/** A decoded {@link UserSendMsgResp}. */
export type UserSendMsgResp = Infer<typeof UserSendMsgResp>
