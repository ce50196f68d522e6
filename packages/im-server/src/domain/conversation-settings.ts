import { groupConversationID, notificationTypes, singleConversationID } from '@parlance/openim-protocol'
import type { Clock, Count } from '@parlance/core'
import type { Conversation } from '../entities/conversation.ts'
import type { Caller } from './caller.ts'
import type { ConversationChange, ConversationWrites, WantedChange } from './conversation-writes.ts'
import type { PeerRules } from './messages/peer-rules.ts'
import { newConversation } from './new-conversation.ts'
import type { Notifications } from './notifications.ts'
import { badArgument, notFound } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'

/** Which conversation is meant: its id, and with whom it is, for one that has not begun. */
export interface ConversationTarget {
  readonly conversationID: string
  readonly userID: string
  readonly groupID: string
}

/** What users set; what may be read is not among it. */
export type SettingsChange = Omit<ConversationChange, 'minSeq' | 'maxSeq' | 'isDeleted'>

/** What {@link ConversationSettings} needs. */
export interface ConversationSettingsOptions {
  readonly repositories: Pick<ImRepositories, 'conversations' | 'groupMembers'>
  readonly conversationWrites: ConversationWrites
  readonly users: Users
  readonly peerRules: PeerRules
  readonly notifications: Notifications
  readonly clock: Clock
}

/** A user's own settings as a conversation begins; whether it is private is the peer's business too. */
const unset: ConversationChange = {
  recvMsgOpt: 0,
  isPinned: false,
  burnDuration: 0,
  groupAtType: 0,
  attachedInfo: '',
  ex: '',
}

/** Rows changed in one durable step when all of a user's are. */
const changedAtOnce: Count = 500

/** What users set for their conversations. */
export class ConversationSettings {
  readonly #rows: ImRepositories['conversations']
  readonly #members: ImRepositories['groupMembers']
  readonly #writes: ConversationWrites
  readonly #users: Users
  readonly #peerRules: PeerRules
  readonly #notifications: Notifications
  readonly #clock: Clock

  constructor({
    repositories,
    conversationWrites,
    users,
    peerRules,
    notifications,
    clock,
  }: ConversationSettingsOptions) {
    this.#rows = repositories.conversations
    this.#members = repositories.groupMembers
    this.#writes = conversationWrites
    this.#users = users
    this.#peerRules = peerRules
    this.#notifications = notifications
    this.#clock = clock
  }

  /**
   * Changes settings of one conversation for each of these users, all or none in one durable step; then the devices of each whose
   * row changed are told (1300). Whether a single chat is private goes for both sides: the peer's row changes in the same step, and
   * both are told by a message of the chat (1701); who may not write there may not do that either.
   *
   * @throws {@link ImError} 1001 for a target that cannot be, 1004 for a conversation that the user has not, 1101 for a chat
   * with nobody, and what {@link PeerRules} throw.
   */
  async set(
    caller: Caller,
    userIDs: readonly string[],
    target: ConversationTarget,
    change: SettingsChange,
  ): Promise<void> {
    const { conversationID } = target
    const peers = await Promise.all(userIDs.map((ownerUserID) => this.#peer(ownerUserID, target)))
    if (change.isPrivateChat !== undefined && peers.includes(undefined))
      throw badArgument('conversation.isPrivateChat: only a chat of two can be private')
    const wanted = new Map<string, WantedChange>()
    const want = (ownerUserID: string, userID: string | undefined, changed: ConversationChange): void => {
      const fallback = userID === undefined ? {} : { fallback: this.#begun(ownerUserID, conversationID, userID) }
      // Who sets something for a chat that was deleted wants it back.
      wanted.set(ownerUserID, {
        ownerUserID,
        conversationID,
        change: () => ({ ...changed, isDeleted: false }),
        ...fallback,
      })
    }
    if (change.isPrivateChat !== undefined)
      for (const [at, ownerUserID] of userIDs.entries()) {
        const peer = peers[at]!
        if (!(await this.#isPrivate(conversationID, [ownerUserID, peer], change.isPrivateChat)))
          await this.#peerRules.admit(ownerUserID, peer, caller.isAdmin && ownerUserID === caller.userID)
        want(peer, ownerUserID, { isPrivateChat: change.isPrivateChat })
      }
    for (const [at, ownerUserID] of userIDs.entries()) want(ownerUserID, peers[at], change)
    const before = await this.#writes.change([...wanted.values()])
    const changed = new Map(before.map((row) => [row.ownerUserID, row]))
    for (const [at, ownerUserID] of userIDs.entries()) {
      const row = changed.get(ownerUserID)
      if (row === undefined) continue
      await this.#tell(caller, ownerUserID, [conversationID])
      const { isPrivateChat } = change
      if (isPrivateChat !== undefined && isPrivateChat !== row.isPrivateChat)
        await this.#tellPrivate(caller, ownerUserID, peers[at]!, conversationID, isPrivateChat)
    }
  }

  /**
   * Deletes conversations from a user's list, 500 in one durable step, and tells the user's devices (1300). The user's own settings are
   * given up; what was cleared stays so, and whether the chat is private. A chat of two comes back with its next message. A group's conversation stays while the user is a
   * member; of a group that was left nothing can be read any more.
   *
   * @throws {@link ImError} 1004 naming a conversation that the user has not; those of the same step are all left then.
   */
  async delete(caller: Caller, ownerUserID: string, conversationIDs: readonly string[]): Promise<void> {
    const ids = [...new Set(conversationIDs)]
    const members = await this.#members.ofUser({ userID: ownerUserID })
    const joined = new Set(members.map(({ groupID }) => groupConversationID(groupID)))
    for (let from = 0; from < ids.length; from += changedAtOnce) {
      const part = ids.slice(from, from + changedAtOnce)
      const changed = await this.#writes.change(
        part.map((conversationID) => ({
          ownerUserID,
          conversationID,
          change(row) {
            if (row.isDeleted) throw notFound(`${ownerUserID} has no conversation ${conversationID}`)
            if (row.groupID === '') return { ...unset, isDeleted: true }
            return joined.has(conversationID) ? unset : { ...unset, maxSeq: 0 }
          },
        })),
      )
      if (changed.length > 0)
        await this.#tell(
          caller,
          ownerUserID,
          changed.map(({ conversationID }) => conversationID),
        )
    }
  }

  /** Sets `ex` in all conversations of a user, 500 in one durable step, and tells the user's devices. */
  async setExOfAll(caller: Caller, ownerUserID: string, ex: string): Promise<void> {
    const [rows, memberships] = await Promise.all([
      this.#rows.ofOwner({ ownerUserID }),
      this.#members.ofUser({ userID: ownerUserID }),
    ])
    const ids = new Set(rows.filter(({ isDeleted }) => !isDeleted).map(({ conversationID }) => conversationID))
    for (const { groupID } of memberships) ids.add(groupConversationID(groupID))
    const all = [...ids]
    for (let from = 0; from < all.length; from += changedAtOnce) {
      const part = all.slice(from, from + changedAtOnce)
      const changed = await this.#writes.change(
        part.map((conversationID) => ({ ownerUserID, conversationID, change: () => ({ ex }) })),
      )
      if (changed.length > 0)
        await this.#tell(
          caller,
          ownerUserID,
          changed.map(({ conversationID }) => conversationID),
        )
    }
  }

  /** The other side of a single chat; undefined for a group. */
  async #peer(
    ownerUserID: string,
    { conversationID, userID, groupID }: ConversationTarget,
  ): Promise<string | undefined> {
    if (conversationID.startsWith(groupConversationID(''))) {
      if (groupID !== '' && groupConversationID(groupID) !== conversationID)
        throw badArgument(`conversation.groupID: ${groupID} is not the group of ${conversationID}`)
      return undefined
    }
    const row = await this.#rows.get({ ownerUserID, conversationID })
    if (row !== undefined) return row.userID
    if (userID === '' || singleConversationID(ownerUserID, userID) !== conversationID)
      throw badArgument(
        `conversation.conversationID: ${conversationID} is no conversation of ${ownerUserID}; name its userID`,
      )
    await this.#users.requireAll([userID])
    return userID
  }

  /** Whether both sides have the chat, and have it so already. */
  async #isPrivate(conversationID: string, sides: readonly string[], isPrivateChat: boolean): Promise<boolean> {
    const rows = await this.#rows.getMany(sides.map((ownerUserID) => ({ ownerUserID, conversationID })))
    return rows.every((row) => row !== undefined && !row.isDeleted && row.isPrivateChat === isPrivateChat)
  }

  #begun(ownerUserID: string, conversationID: string, userID: string): Conversation {
    const createTime = new Date(this.#clock.now())
    return newConversation({ ownerUserID, conversationID, userID, groupID: '', createTime })
  }

  async #tell(caller: Caller, ownerUserID: string, conversationIDList: readonly string[]): Promise<void> {
    await this.#notifications.send({
      sendID: ownerUserID,
      to: { userID: ownerUserID },
      contentType: notificationTypes.conversationChange,
      tips: { userID: ownerUserID, conversationIDList },
      operationID: caller.operationID,
    })
  }

  async #tellPrivate(
    caller: Caller,
    sendID: string,
    recvID: string,
    conversationID: string,
    isPrivate: boolean,
  ): Promise<void> {
    await this.#notifications.send({
      sendID,
      to: { userID: recvID },
      contentType: notificationTypes.conversationPrivateChat,
      tips: { sendID, recvID, isPrivate, conversationID },
      operationID: caller.operationID,
      asMessage: true,
    })
  }
}
