import type { MsgData } from '@parlance/openim-protocol'

/** How far a conversation goes for one user, and how far that user has read it. */
export interface ConversationSeqs {
  readonly conversationID: string
  /** The first number the user may read. */
  readonly minSeq: number
  /** The last number; 0 while the conversation is empty. */
  readonly maxSeq: number
  /** Never beyond `maxSeq`; what the user sent counts as read. */
  readonly hasReadSeq: number
  /** When the last message was sent, in milliseconds; 0 while the conversation is empty. */
  readonly maxSeqTime: number
}

/** Reads what a list of conversations needs to know of its messages. */
export interface MessageReader {
  /**
   * The seqs of conversations, in the order asked; of all the user has when none is named. One left out is one the user has
   * no part in.
   *
   * Costs a bounded number of round trips, however many conversations there are.
   *
   * @throws {@link ImError} 1803 when more than 3 000 are named; all may be more.
   */
  seqs(userID: string, conversationIDs: readonly string[]): Promise<readonly ConversationSeqs[]>
  /** The newest message of each conversation, as the user may see it; empty conversations are left out. */
  lastMessages(userID: string, conversationIDs: readonly string[]): Promise<ReadonlyMap<string, MsgData>>
}
