export { encodePullMsgs, encodePushMessages, type EncodedPullMsgs, withNumber } from './bodies/encoded.ts'
export {
  Conversation,
  ConversationMsg,
  FriendInfoOnly,
  GetActiveConversationsReq,
  GetActiveConversationsResp,
  GetConversationsReq,
  GetConversationsResp,
  GroupInfo,
  UserInfo,
} from './bodies/jssdk.ts'
export {
  MsgData,
  type MsgDataInput,
  OfflinePushInfo,
  PullMsgs,
  PushMessages,
  UserSendMsgResp,
} from './bodies/msg-data.ts'
export { notificationContent, notificationTips } from './bodies/notification-content.ts'
export {
  DelUserPushTokenReq,
  SetAppBackgroundStatusReq,
  SubUserOnlineStatus,
  SubUserOnlineStatusElem,
  SubUserOnlineStatusTips,
} from './bodies/presence.ts'
export {
  ConversationSeqs,
  GetLastMessageReq,
  GetLastMessageResp,
  GetSeqMessageReq,
  GetSeqMessageResp,
  PullMessageBySeqsReq,
  PullMessageBySeqsResp,
  SeqRange,
} from './bodies/pulls.ts'
export {
  GetConversationsHasReadAndMaxSeqReq,
  GetConversationsHasReadAndMaxSeqResp,
  GetMaxSeqReq,
  GetMaxSeqResp,
  Seqs,
} from './bodies/seqs.ts'
export {
  type ClientFrameCodec,
  clientFrameCodec,
  type FrameCodec,
  frameCodec,
  type FrameCodecName,
  type FrameDialect,
} from './frames/frame-codec.ts'
export {
  type DecodedFrame,
  type FrameBytes,
  type FrameLimits,
  type FrameReply,
  type FrameRequest,
  replyLimits,
  requestLimits,
} from './frames/frame.ts'
export { refusal, welcome } from './frames/handshake.ts'
export { textPing } from './frames/heartbeat.ts'
export {
  type ContentType,
  contentTypes,
  isNotificationType,
  type NotificationType,
  notificationTypes,
} from './names/content-types.ts'
export {
  accountConversationID,
  groupConversationID,
  groupNotificationConversationID,
  isNotificationConversationID,
  singleConversationID,
  singleNotificationConversationID,
} from './names/conversation-ids.ts'
export {
  type ErrorCode,
  errorCodes,
  type ErrorName,
  errorName,
  type WireError,
  wireError,
} from './names/error-codes.ts'
export { isOptionOn, type OptionKey, optionKeys } from './names/message-options.ts'
export {
  atAllTag,
  conversationTypes,
  groupAtTypes,
  messageStatus,
  msgFrom,
  pullOrder,
  receiveOptions,
  sessionTypes,
} from './names/message-states.ts'
export { type OpCode, opCodes } from './names/op-codes.ts'
export {
  type DeviceClass,
  deviceClass,
  isPlatformID,
  type PlatformID,
  platformIDs,
  platformName,
} from './names/platforms.ts'
export {
  appLevels,
  friendSources,
  groupStatus,
  groupTypes,
  handleResults,
  joinSources,
  joinVerifications,
  roleLevels,
} from './names/relations.ts'
export { serverMsgID } from './names/server-msg-id.ts'
export { ProtocolError } from './protocol-error.ts'
export type { DecodeLimits, Infer, InferInput, Message } from './schema/message.ts'
