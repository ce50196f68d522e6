import type { MsgData } from '@parlance/openim-protocol'
import type { Caller } from './caller.ts'

/** A span of a conversation's messages; `num` limits it to its newest ones, 0 means all. */
export interface SeqRange {
  readonly conversationID: string
  readonly begin: number
  readonly end: number
  readonly num: number
}

/** Messages of one conversation that were pulled. */
export interface PulledMessages {
  readonly messages: readonly MsgData[]
  readonly isEnd: boolean
  readonly endSeq: number
}

/** What a pull found: chats and notification streams apart, by conversation id. */
export interface Pulled {
  readonly messages: ReadonlyMap<string, PulledMessages>
  readonly notifications: ReadonlyMap<string, PulledMessages>
}

/** The bounds of every stream a user can pull from, by conversation id; `minSeqs` has only those that do not begin at 1. */
export interface NewestSeqs {
  readonly maxSeqs: ReadonlyMap<string, number>
  readonly minSeqs: ReadonlyMap<string, number>
}

/** What became of a message that was sent. */
export interface Sent {
  readonly serverMsgID: string
  readonly clientMsgID: string
  readonly sendTime: number
}

/**
 * Sends, pulls and marks messages: what the routes below `/msg` and the WebSocket operations share.
 *
 * The caller was authorized to act for `userID`; whether that user has part in a conversation is checked here.
 *
 * @throws {@link ImError} 1002 or 1203 for a conversation the user has no part in, and what sending refuses.
 */
export interface MessageService {
  /** Stores a message and announces it; resolved means durable. A repeated (sendID, clientMsgID) gets the first one's answer. */
  send(caller: Caller, message: MsgData): Promise<Sent>
  newestSeqs(userID: string): Promise<NewestSeqs>
  /** @param order - 0 ascending, 1 descending. */
  pullByRanges(userID: string, ranges: readonly SeqRange[], order: 0 | 1): Promise<Pulled>
  /** Moves the user's read mark to `hasReadSeq` and tells the peer which messages were seen. Never moves it back. */
  markConversationAsRead(
    caller: Caller,
    userID: string,
    conversationID: string,
    hasReadSeq: number,
    seqs: readonly number[],
  ): Promise<void>
  /** Marks single messages of a single chat as seen, and the user's mark moves to the last of them. What it had passed counts as seen. */
  markMessagesAsRead(caller: Caller, userID: string, conversationID: string, seqs: readonly number[]): Promise<void>
  /** Moves the user's read mark. @param isSilent - tells nobody, not even the user's other devices. */
  setReadSeq(
    caller: Caller,
    userID: string,
    conversationID: string,
    hasReadSeq: number,
    isSilent: boolean,
  ): Promise<void>
}
