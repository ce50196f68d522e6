import { field, nested, repeated } from '../schema/field.ts'
import { type Infer, message } from '../schema/message.ts'
import { bool, int32, int64, string, uint32 } from '../schema/scalars.ts'
import { MsgData } from './msg-data.ts'

/** One user's row of a conversation. */
export const Conversation = message('Conversation', {
  ownerUserID: field(1, string),
  conversationID: field(2, string),
  recvMsgOpt: field(3, int32),
  conversationType: field(4, int32),
  userID: field(5, string),
  groupID: field(6, string),
  isPinned: field(7, bool),
  attachedInfo: field(8, string),
  isPrivateChat: field(9, bool),
  groupAtType: field(10, int32),
  ex: field(11, string),
  burnDuration: field(12, int32),
  minSeq: field(13, int64),
  maxSeq: field(14, int64),
  msgDestructTime: field(15, int64),
  latestMsgDestructTime: field(16, int64),
  isMsgDestruct: field(17, bool),
})
/** A decoded {@link Conversation}. */
export type Conversation = Infer<typeof Conversation>

/** A user's profile. */
export const UserInfo = message('UserInfo', {
  userID: field(1, string),
  nickname: field(2, string),
  faceURL: field(3, string),
  ex: field(4, string),
  createTime: field(5, int64),
  appMangerLevel: field(6, int32),
  globalRecvMsgOpt: field(7, int32),
})
/** A decoded {@link UserInfo}. */
export type UserInfo = Infer<typeof UserInfo>

/** A friendship without the friend's profile. */
export const FriendInfoOnly = message('FriendInfoOnly', {
  ownerUserID: field(1, string),
  friendUserID: field(2, string),
  remark: field(3, string),
  createTime: field(4, int64),
  addSource: field(5, int32),
  operatorUserID: field(6, string),
  ex: field(7, string),
  isPinned: field(8, bool),
})
/** A decoded {@link FriendInfoOnly}. */
export type FriendInfoOnly = Infer<typeof FriendInfoOnly>

/** A group's card. */
export const GroupInfo = message('GroupInfo', {
  groupID: field(1, string),
  groupName: field(2, string),
  notification: field(3, string),
  introduction: field(4, string),
  faceURL: field(5, string),
  ownerUserID: field(6, string),
  createTime: field(7, int64),
  memberCount: field(8, uint32),
  ex: field(9, string),
  status: field(10, int32),
  creatorUserID: field(11, string),
  groupType: field(12, int32),
  needVerification: field(13, int32),
  lookMemberInfo: field(14, int32),
  applyMemberFriend: field(15, int32),
  notificationUpdateTime: field(16, int64),
  notificationUserID: field(17, string),
})
/** A decoded {@link GroupInfo}. */
export type GroupInfo = Infer<typeof GroupInfo>

/** A conversation with all that a list of conversations shows. */
export const ConversationMsg = message('ConversationMsg', {
  conversation: nested(1, Conversation),
  lastMsg: nested(2, MsgData),
  user: nested(3, UserInfo),
  friend: nested(4, FriendInfoOnly),
  group: nested(5, GroupInfo),
  maxSeq: field(6, int64),
  readSeq: field(7, int64),
})
/** A decoded {@link ConversationMsg}. */
export type ConversationMsg = Infer<typeof ConversationMsg>

/** Body of `/jssdk/get_active_conversations`. */
export const GetActiveConversationsReq = message('GetActiveConversationsReq', {
  ownerUserID: field(1, string),
  count: field(2, int64),
})
/** A decoded {@link GetActiveConversationsReq}. */
export type GetActiveConversationsReq = Infer<typeof GetActiveConversationsReq>

/** Answer of `/jssdk/get_active_conversations`. */
export const GetActiveConversationsResp = message('GetActiveConversationsResp', {
  unreadCount: field(1, int64),
  conversations: repeated(2, ConversationMsg),
})
/** A decoded {@link GetActiveConversationsResp}. */
export type GetActiveConversationsResp = Infer<typeof GetActiveConversationsResp>

/** Body of `/jssdk/get_conversations`. */
export const GetConversationsReq = message('GetConversationsReq', {
  ownerUserID: field(1, string),
  conversationIDs: repeated(2, string),
})
/** A decoded {@link GetConversationsReq}. */
export type GetConversationsReq = Infer<typeof GetConversationsReq>

/** Answer of `/jssdk/get_conversations`. */
export const GetConversationsResp = message('GetConversationsResp', {
  unreadCount: field(1, int64),
  conversations: repeated(2, ConversationMsg),
})
/** A decoded {@link GetConversationsResp}. */
export type GetConversationsResp = Infer<typeof GetConversationsResp>
