import { field, map, repeated } from '../schema/field.ts'
import { type Infer, message } from '../schema/message.ts'
import { int32, int64, string } from '../schema/scalars.ts'
import { MsgData, PullMsgs } from './msg-data.ts'

/** A range of numbers of one conversation, both ends included. */
export const SeqRange = message('SeqRange', {
  conversationID: field(1, string),
  begin: field(2, int64),
  end: field(3, int64),
  num: field(4, int64),
})
/** A decoded {@link SeqRange}. */
export type SeqRange = Infer<typeof SeqRange>

/** Body of `pullMsgByRange`. */
export const PullMessageBySeqsReq = message('PullMessageBySeqsReq', {
  userID: field(1, string),
  seqRanges: repeated(2, SeqRange),
  order: field(3, int32),
})
/** A decoded {@link PullMessageBySeqsReq}. */
export type PullMessageBySeqsReq = Infer<typeof PullMessageBySeqsReq>

/** Answer to `pullMsgByRange`, by conversation id. */
export const PullMessageBySeqsResp = message('PullMessageBySeqsResp', {
  msgs: map(1, PullMsgs),
  notificationMsgs: map(2, PullMsgs),
})
/** A decoded {@link PullMessageBySeqsResp}. */
export type PullMessageBySeqsResp = Infer<typeof PullMessageBySeqsResp>

/** Some numbers of one conversation. */
export const ConversationSeqs = message('ConversationSeqs', {
  conversationID: field(2, string),
  seqs: repeated(3, int64),
})
/** Decoded {@link ConversationSeqs}. */
export type ConversationSeqs = Infer<typeof ConversationSeqs>

/** Body of `pullMsgBySeqList`. */
export const GetSeqMessageReq = message('GetSeqMessageReq', {
  userID: field(1, string),
  conversations: repeated(2, ConversationSeqs),
  order: field(3, int32),
})
/** A decoded {@link GetSeqMessageReq}. */
export type GetSeqMessageReq = Infer<typeof GetSeqMessageReq>

/** Answer to `pullMsgBySeqList`, by conversation id; every conversation asked for must be in it. */
export const GetSeqMessageResp = message('GetSeqMessageResp', {
  msgs: map(1, PullMsgs),
  notificationMsgs: map(2, PullMsgs),
})
/** A decoded {@link GetSeqMessageResp}. */
export type GetSeqMessageResp = Infer<typeof GetSeqMessageResp>

/** Body of `pullConvLastMessage`. */
export const GetLastMessageReq = message('GetLastMessageReq', {
  userID: field(1, string),
  conversationIDs: repeated(2, string),
})
/** A decoded {@link GetLastMessageReq}. */
export type GetLastMessageReq = Infer<typeof GetLastMessageReq>

/** Answer to `pullConvLastMessage`, by conversation id. */
export const GetLastMessageResp = message('GetLastMessageResp', { msgs: map(1, MsgData) })
/** A decoded {@link GetLastMessageResp}. */
export type GetLastMessageResp = Infer<typeof GetLastMessageResp>
