import type { MsgData } from '@parlance/openim-protocol'
import type { Caller } from '../caller.ts'
import type { ConversationSeqs, MessageReader } from '../message-reader.ts'
import type { MessageService, NewestSeqs, Pulled, PulledMessages, SeqRange, Sent } from '../message-service.ts'
import type { PulledEntries, Puller } from './puller.ts'
import type { ReadState } from './read-state.ts'
import type { MessageSender } from './sender.ts'

/** What the HTTP routes see of the messages: the same sender, puller and read state as the WebSocket operations use. */
export class ImMessageService implements MessageService, MessageReader {
  readonly #sender: MessageSender
  readonly #puller: Puller
  readonly #readState: ReadState

  constructor(sender: MessageSender, puller: Puller, readState: ReadState) {
    this.#sender = sender
    this.#puller = puller
    this.#readState = readState
  }

  send(caller: Caller, message: MsgData): Promise<Sent> {
    return this.#sender.send(caller, message)
  }

  seqs(userID: string, conversationIDs: readonly string[]): Promise<readonly ConversationSeqs[]> {
    return this.#puller.seqs(userID, conversationIDs)
  }

  async lastMessages(userID: string, conversationIDs: readonly string[]): Promise<ReadonlyMap<string, MsgData>> {
    const pulled = await this.#puller.newest(userID, conversationIDs)
    return new Map(pulled.map(({ address, entries }) => [address.conversationID, entries[0]!.row.body]))
  }

  async newestSeqs(userID: string): Promise<NewestSeqs> {
    const newest = await this.#puller.newestSeqs(userID)
    return {
      maxSeqs: new Map(newest.map(({ conversationID, maxSeq }) => [conversationID, maxSeq])),
      minSeqs: new Map(
        newest.filter(({ minSeq }) => minSeq > 1).map(({ conversationID, minSeq }) => [conversationID, minSeq]),
      ),
    }
  }

  async pullByRanges(userID: string, ranges: readonly SeqRange[], order: 0 | 1): Promise<Pulled> {
    const pulled = await this.#puller.byRanges(userID, ranges, order)
    return { messages: byConversation(pulled, false), notifications: byConversation(pulled, true) }
  }

  markConversationAsRead(
    caller: Caller,
    userID: string,
    conversationID: string,
    hasReadSeq: number,
    seqs: readonly number[],
  ): Promise<void> {
    return this.#readState.mark(caller, userID, conversationID, hasReadSeq, seqs)
  }

  markMessagesAsRead(caller: Caller, userID: string, conversationID: string, seqs: readonly number[]): Promise<void> {
    return this.#readState.mark(caller, userID, conversationID, 0, seqs)
  }

  setReadSeq(
    caller: Caller,
    userID: string,
    conversationID: string,
    hasReadSeq: number,
    isSilent: boolean,
  ): Promise<void> {
    return this.#readState.mark(caller, userID, conversationID, hasReadSeq, [], isSilent)
  }
}

function byConversation(pulled: readonly PulledEntries[], isNotification: boolean): Map<string, PulledMessages> {
  const wanted = pulled.filter(({ address }) => address.isNotification === isNotification)
  return new Map(
    wanted.map(({ address, entries, isEnd, endSeq }) => [
      address.conversationID,
      { messages: entries.map(({ row }) => row.body), isEnd, endSeq },
    ]),
  )
}
