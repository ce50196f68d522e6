import { type Conversation as ConversationInfo, groupConversationID, receiveOptions } from '@parlance/openim-protocol'
import type { Conversation } from '../entities/conversation.ts'
import type { GroupMember } from '../entities/group-member.ts'
import { asMember, isKept } from './messages/addresses.ts'
import { newConversation } from './new-conversation.ts'
import { type PageRequest, pageOf } from './page.ts'
import { conversationInfo } from './profiles.ts'
import type { ImRepositories } from './repositories.ts'
import {
  fullAnswer,
  type IDList,
  idList,
  type Incremental,
  type KnownVersion,
  maxDeltaCount,
  positionOf,
  versionOf,
} from './version-sync.ts'

/** What {@link Conversations} needs. */
export interface ConversationsOptions {
  readonly repositories: Pick<ImRepositories, 'conversations' | 'groupMembers'>
}

/**
 * Whose conversations there are: a user's own rows, and one for each group joined.
 *
 * A group's conversation follows from the membership, so that joining costs nothing more; a row of its own appears once the
 * user changes a setting. It counts while the user is a member, and after that if its `maxSeq` keeps what was said before.
 */
export class Conversations {
  readonly #rows: ImRepositories['conversations']
  readonly #members: ImRepositories['groupMembers']

  constructor({ repositories }: ConversationsOptions) {
    this.#rows = repositories.conversations
    this.#members = repositories.groupMembers
  }

  /** All conversations of a user: single chats in the order they began, then groups in the order they were joined, then those left. */
  async all(ownerUserID: string): Promise<readonly ConversationInfo[]> {
    const [rows, memberships] = await Promise.all([
      this.#rows.ofOwner({ ownerUserID }),
      this.#members.ofUser({ userID: ownerUserID }),
    ])
    const ofGroup = new Map(rows.filter(({ groupID }) => groupID !== '').map((row) => [row.groupID, row]))
    const groups = memberships.map((membership) => asMember(ofGroup.get(membership.groupID)) ?? derived(membership))
    for (const { groupID } of memberships) ofGroup.delete(groupID)
    const left = [...ofGroup.values()].filter(isKept)
    const singles = rows.filter(({ groupID, isDeleted }) => groupID === '' && !isDeleted)
    return [...singles, ...groups, ...left].map(conversationInfo)
  }

  /** The ids of all conversations of a user, in the same order. */
  async ids(ownerUserID: string): Promise<readonly string[]> {
    return (await this.all(ownerUserID)).map(({ conversationID }) => conversationID)
  }

  /** Those of the conversations that are the user's, in the order asked. */
  async find(ownerUserID: string, conversationIDs: readonly string[]): Promise<readonly ConversationInfo[]> {
    const groupIDs = conversationIDs.filter((conversationID) => conversationID.startsWith(groupPrefix)).map(groupOf)
    const [rows, memberships] = await Promise.all([
      this.#rows.getMany(conversationIDs.map((conversationID) => ({ ownerUserID, conversationID }))),
      this.#members.getMany(groupIDs.map((groupID) => ({ groupID, userID: ownerUserID }))),
    ])
    const joined = new Map(
      memberships.filter((member) => member !== undefined).map((member) => [member.groupID, member]),
    )
    return conversationIDs.flatMap((conversationID, at) => {
      const row = rows[at]
      if (!conversationID.startsWith(groupPrefix))
        return row === undefined || row.isDeleted ? [] : [conversationInfo(row)]
      const membership = joined.get(groupOf(conversationID))
      if (membership !== undefined) return [conversationInfo(asMember(row) ?? derived(membership))]
      return row !== undefined && isKept(row) ? [conversationInfo(row)] : []
    })
  }

  /** One page of a user's conversations, and how many there are. */
  async page(
    ownerUserID: string,
    request: PageRequest,
  ): Promise<{ readonly total: number; readonly conversations: readonly ConversationInfo[] }> {
    const all = await this.all(ownerUserID)
    return { total: all.length, conversations: pageOf(all, request) }
  }

  /** Those that are not to be announced by a sound or a count. */
  async notNotifiedIDs(ownerUserID: string): Promise<readonly string[]> {
    const all = await this.all(ownerUserID)
    return all
      .filter(({ recvMsgOpt }) => recvMsgOpt === receiveOptions.doNotNotify)
      .map(({ conversationID }) => conversationID)
  }

  /** Those kept at the top of the list. */
  async pinnedIDs(ownerUserID: string): Promise<readonly string[]> {
    return (await this.all(ownerUserID)).filter(({ isPinned }) => isPinned).map(({ conversationID }) => conversationID)
  }

  /** The ids of all conversations, unless the client's list has the same. */
  async idList(ownerUserID: string, clientHash: number): Promise<IDList> {
    const position = await this.#rows.changesOfOwner({ ownerUserID }).position()
    return idList(position, await this.ids(ownerUserID), clientHash)
  }

  /**
   * What changed in a user's list since the client's version. A conversation that began since and has a setting already is an
   * update: the JS SDK learns of new conversations by their messages, and looks at updates only.
   */
  async incremental(ownerUserID: string, known: KnownVersion): Promise<Incremental<ConversationInfo>> {
    const list = this.#rows.changesOfOwner({ ownerUserID })
    const delta = await list.keysSince(positionOf(known), { limit: maxDeltaCount })
    if (delta.kind === 'full') return fullAnswer(delta.position)
    if (delta.more) return fullAnswer(await list.position())
    // A key may stand for a row, a membership or both: only a look tells what is there now.
    const inserted = new Set(delta.inserted.map(({ conversationID }) => conversationID))
    const touched = [...inserted, ...[...delta.updated, ...delta.removed].map(({ conversationID }) => conversationID)]
    const found = await this.find(ownerUserID, touched)
    const isNew = (conversation: ConversationInfo): boolean =>
      inserted.has(conversation.conversationID) && !isSet(conversation)
    const there = new Set(found.map(({ conversationID }) => conversationID))
    return {
      ...versionOf(delta.position),
      full: false,
      delete: touched.filter((conversationID) => !there.has(conversationID)),
      insert: found.filter(isNew),
      update: found.filter((conversation) => !isNew(conversation)),
    }
  }
}

/** Whether anything differs from how conversations begin. */
const isSet = (conversation: ConversationInfo): boolean =>
  [
    conversation.recvMsgOpt,
    conversation.isPinned,
    conversation.isPrivateChat,
    conversation.burnDuration,
    conversation.groupAtType,
    conversation.attachedInfo,
    conversation.ex,
    conversation.minSeq,
    conversation.maxSeq,
  ].some(Boolean)

const groupPrefix = groupConversationID('')

/** Only for ids with the prefix: whatever follows it names the group. */
const groupOf = (conversationID: string): string => conversationID.slice(groupPrefix.length)

const derived = ({ groupID, userID, joinTime }: Readonly<GroupMember>): Conversation =>
  newConversation({
    ownerUserID: userID,
    conversationID: groupConversationID(groupID),
    userID: '',
    groupID,
    createTime: joinTime,
  })
