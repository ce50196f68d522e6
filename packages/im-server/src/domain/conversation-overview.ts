import type { Count } from '@parlance/core'
import type { Conversation as ConversationInfo, ConversationMsg } from '@parlance/openim-protocol'
import type { Conversations } from './conversations.ts'
import type { Friends } from './friends.ts'
import type { Groups } from './groups.ts'
import type { ConversationSeqs, MessageReader } from './message-reader.ts'
import type { Users } from './users.ts'

/** Conversations with all that a list of them shows. */
export interface Overview {
  /** Of every conversation that was considered, not only of those shown. */
  readonly unreadCount: Count
  readonly conversations: ConversationMsg[]
}

/** What {@link ConversationOverview} needs. */
export interface ConversationOverviewOptions {
  readonly conversations: Conversations
  readonly friends: Friends
  readonly groups: Groups
  readonly users: Users
  readonly reader: MessageReader
}

/** What web clients open with: conversations, their last messages, and whom they are with. */
export class ConversationOverview {
  readonly #conversations: Conversations
  readonly #friends: Friends
  readonly #groups: Groups
  readonly #users: Users
  readonly #reader: MessageReader

  constructor({ conversations, friends, groups, users, reader }: ConversationOverviewOptions) {
    this.#conversations = conversations
    this.#friends = friends
    this.#groups = groups
    this.#users = users
    this.#reader = reader
  }

  /** The `count` conversations with the latest messages, pinned ones first; empty ones are left out. */
  async active(ownerUserID: string, count: Count): Promise<Overview> {
    const all = await this.#conversations.all(ownerUserID)
    // By no list: there may be more than may be named.
    const seqs = byConversation(await this.#reader.seqs(ownerUserID, []))
    const active = all
      .flatMap((conversation) => {
        const seq = seqs.get(conversation.conversationID)
        return seq === undefined || seq.maxSeq === 0 ? [] : [{ conversation, seq }]
      })
      .sort(
        (a, b) =>
          Number(b.conversation.isPinned) - Number(a.conversation.isPinned) || b.seq.maxSeqTime - a.seq.maxSeqTime,
      )
    const shown = active.slice(0, count).map(({ conversation }) => conversation)
    return { unreadCount: unread(seqs.values()), conversations: await this.#filled(ownerUserID, shown, seqs) }
  }

  /** These conversations, in the order asked; those that are not the user's are left out. */
  async find(ownerUserID: string, conversationIDs: readonly string[]): Promise<Overview> {
    const found = await this.#conversations.find(ownerUserID, conversationIDs)
    // To the reader no ids mean all of them.
    if (found.length === 0) return { unreadCount: 0, conversations: [] }
    const foundIDs = found.map(({ conversationID }) => conversationID)
    const seqs = byConversation(await this.#reader.seqs(ownerUserID, foundIDs))
    return { unreadCount: unread(seqs.values()), conversations: await this.#filled(ownerUserID, found, seqs) }
  }

  async #filled(
    ownerUserID: string,
    conversations: readonly ConversationInfo[],
    seqs: ReadonlyMap<string, ConversationSeqs>,
  ): Promise<ConversationMsg[]> {
    const userIDs = conversations.filter(({ groupID }) => groupID === '').map(({ userID }) => userID)
    const groupIDs = conversations.filter(({ groupID }) => groupID !== '').map(({ groupID }) => groupID)
    const [messages, users, friends, groups] = await Promise.all([
      this.#reader.lastMessages(
        ownerUserID,
        conversations.map(({ conversationID }) => conversationID),
      ),
      this.#users.infos(userIDs),
      this.#friends.byID(ownerUserID, userIDs),
      this.#groups.infos(groupIDs),
    ])
    const userByID = new Map(users.map((user) => [user.userID, user]))
    const groupByID = new Map(groups.map((group) => [group.groupID, group]))
    return conversations.map((conversation) => ({
      conversation,
      lastMsg: messages.get(conversation.conversationID),
      user: userByID.get(conversation.userID),
      friend: friends.get(conversation.userID),
      group: groupByID.get(conversation.groupID),
      maxSeq: seqs.get(conversation.conversationID)?.maxSeq ?? 0,
      readSeq: seqs.get(conversation.conversationID)?.hasReadSeq ?? 0,
    }))
  }
}

const byConversation = (seqs: readonly ConversationSeqs[]): ReadonlyMap<string, ConversationSeqs> =>
  new Map(seqs.map((seq) => [seq.conversationID, seq]))

function unread(seqs: Iterable<ConversationSeqs>): Count {
  let count = 0
  for (const { maxSeq, hasReadSeq } of seqs) count += Math.max(0, maxSeq - hasReadSeq)
  return count
}
