import { field, map, repeated } from '../schema/field.ts'
import { type Infer, message } from '../schema/message.ts'
import { bool, int64, string } from '../schema/scalars.ts'

/** Body of `getNewestSeq`. */
export const GetMaxSeqReq = message('GetMaxSeqReq', { userID: field(1, string) })
/** A decoded {@link GetMaxSeqReq}. */
export type GetMaxSeqReq = Infer<typeof GetMaxSeqReq>

/** Answer to `getNewestSeq`, by conversation id. */
export const GetMaxSeqResp = message('GetMaxSeqResp', {
  maxSeqs: map(1, int64),
  minSeqs: map(2, int64),
})
/** A decoded {@link GetMaxSeqResp}. */
export type GetMaxSeqResp = Infer<typeof GetMaxSeqResp>

/** Where a conversation ends, how far its reader read, and when its last message was sent. */
export const Seqs = message('Seqs', {
  maxSeq: field(1, int64),
  hasReadSeq: field(2, int64),
  maxSeqTime: field(3, int64),
})
/** Decoded {@link Seqs}. */
export type Seqs = Infer<typeof Seqs>

/** Body of `getConvMaxReadSeq`; no ids mean all conversations. */
export const GetConversationsHasReadAndMaxSeqReq = message('GetConversationsHasReadAndMaxSeqReq', {
  userID: field(1, string),
  conversationIDs: repeated(2, string),
  returnPinned: field(3, bool),
})
/** A decoded {@link GetConversationsHasReadAndMaxSeqReq}. */
export type GetConversationsHasReadAndMaxSeqReq = Infer<typeof GetConversationsHasReadAndMaxSeqReq>

/** Answer to `getConvMaxReadSeq`, by conversation id. */
export const GetConversationsHasReadAndMaxSeqResp = message('GetConversationsHasReadAndMaxSeqResp', {
  seqs: map(1, Seqs),
  pinnedConversationIDs: repeated(2, string),
})
/** A decoded {@link GetConversationsHasReadAndMaxSeqResp}. */
export type GetConversationsHasReadAndMaxSeqResp = Infer<typeof GetConversationsHasReadAndMaxSeqResp>
