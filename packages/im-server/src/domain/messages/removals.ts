import type { Clock, Count } from '@parlance/core'
import {
  errorCodes,
  isNotificationType,
  type MsgData,
  notificationTypes,
  roleLevels,
  sessionTypes,
} from '@parlance/openim-protocol'
import type { Caller } from '../caller.ts'
import type { ConversationWrites } from '../conversation-writes.ts'
import { ImError } from '../im-error.ts'
import type { Notifications } from '../notifications.ts'
import { badArgument, noPermission, notFound } from '../refusals.ts'
import type { ImRepositories } from '../repositories.ts'
import type { Addresses, ReadableAddress } from './addresses.ts'
import type { Marks } from './marks.ts'

/** Who else is to lose what the user deletes, and who is told. */
export interface SyncChoice {
  /** The user's other devices are told. */
  readonly self: boolean
  /** It goes for everybody. */
  readonly others: boolean
}

/** What {@link Removals} needs. */
export interface RemovalsOptions {
  readonly repositories: ImRepositories
  readonly addresses: Addresses
  readonly marks: Marks
  readonly conversationWrites: ConversationWrites
  readonly notifications: Notifications
  readonly clock: Clock
}

/** Rows changed in one durable step when somebody clears many conversations. */
const clearedAtOnce: Count = 500

/**
 * Takes messages back, deletes and clears them. Whether the user may is decided before anything is written.
 *
 * Everybody deletes and clears for themselves. For all others a message goes by its sender; in a group also by the owner, and
 * by an administrator of the group if an ordinary member sent it, or somebody who left; and by administrators of the server.
 */
export class Removals {
  readonly #repositories: ImRepositories
  readonly #addresses: Addresses
  readonly #marks: Marks
  readonly #writes: ConversationWrites
  readonly #notifications: Notifications
  readonly #clock: Clock

  constructor({ repositories, addresses, marks, conversationWrites, notifications, clock }: RemovalsOptions) {
    this.#repositories = repositories
    this.#addresses = addresses
    this.#marks = marks
    this.#writes = conversationWrites
    this.#notifications = notifications
    this.#clock = clock
  }

  /**
   * Takes one message back for everybody: whoever reads it finds who took it back instead, and everybody is told (2101, stored).
   *
   * One durable step, then the notification. A repeat is refused, and tells again if the server was killed in between.
   *
   * @throws {@link ImError} 1002 for who may not, 1004 when there is no such message, 1404 when it was revoked before.
   */
  async revoke(caller: Caller, userID: string, conversationID: string, seq: number): Promise<void> {
    const address = await this.#address(caller, userID, conversationID)
    const [message] = await this.#messages(address, [seq])
    if (message === undefined) throw notFound(`conversation ${conversationID} has no message ${seq}`)
    if (isNotificationType(message.contentType)) throw badArgument(`message ${seq} is a notification: it stays`)
    const member = await this.#authorize(caller, userID, [message])
    const profile = await this.#repositories.users.get({ userID })
    const mine = {
      kind: 'revoked' as const,
      userID,
      nickname: (member?.nickname || profile?.nickname) ?? '',
      roleLevel: member?.roleLevel ?? 0,
      isAdmin: caller.isAdmin,
      atMs: this.#clock.now(),
    }
    const before = await this.#marks.of({ stream: address.stream, seq })
    const mark = before ?? (await this.#marks.revoke({ stream: address.stream, seq }, mine))
    if (mark.kind === 'erased') throw notFound(`message ${seq} of conversation ${conversationID} was deleted`)
    await this.#notifications.send({
      ...audience(mark.userID, message),
      contentType: notificationTypes.msgRevoke,
      tips: {
        revokerUserID: mark.userID,
        clientMsgID: message.clientMsgID,
        revokeTime: mark.atMs,
        // As clients read it.
        sesstionType: message.sessionType,
        seq,
        conversationID,
        isAdminRevoke: mark.isAdmin,
      },
      operationID: caller.operationID,
      stored: true,
      clientMsgID: `revoke/${address.stream}/${seq}`,
    })
    if (before !== undefined || mark.userID !== mine.userID || mark.atMs !== mine.atMs)
      throw new ImError(
        errorCodes.MsgAlreadyRevoke,
        `message ${seq} of conversation ${conversationID} was revoked before`,
      )
  }

  /**
   * Deletes messages for the user, or for everybody; numbers that the user cannot read are left out. One durable step, then the
   * notification (2102, stored): to everybody, or to the user's devices if asked for.
   *
   * @throws {@link ImError} 1002 for who may not; nothing is deleted then.
   */
  async delete(
    caller: Caller,
    userID: string,
    conversationID: string,
    seqs: readonly number[],
    { self, others }: SyncChoice,
  ): Promise<void> {
    const address = await this.#address(caller, userID, conversationID)
    const messages = await this.#messages(address, seqs)
    const [first] = messages
    if (others) await this.#authorize(caller, userID, messages)
    if (first === undefined) return
    const found = messages.map(({ seq }) => seq)
    if (others) await this.#marks.erase(address.stream, found)
    else await this.#marks.hide(userID, address.stream, found)
    if (!self && !others) return
    await this.#notifications.send({
      ...(others ? audience(userID, first) : { sendID: userID, to: { userID } }),
      contentType: notificationTypes.deleteMsgs,
      tips: { userID, conversationID, seqs: found },
      operationID: caller.operationID,
      stored: true,
    })
  }

  /**
   * Hides all that was said so far in conversations, for the user alone or, with `others`, for everybody: then the messages are
   * given up. Of many conversations 500 are cleared in one durable step and told of; a repeat goes on where a failure ended it.
   *
   * @throws {@link ImError} 1002 for a conversation the user has no part in or may not clear for everybody; nothing is cleared then.
   */
  async clear(caller: Caller, userID: string, conversationIDs: readonly string[], sync: SyncChoice): Promise<void> {
    const addresses = await Promise.all(conversationIDs.map((id) => this.#address(caller, userID, id)))
    if (sync.others) await Promise.all(addresses.map((address) => this.#requireOwner(caller, userID, address)))
    const heads = await this.#repositories.messages.heads(addresses.map(({ stream }) => stream))
    const tips = { userID, conversationIDs }
    const clearing = { contentType: notificationTypes.clearConversation, tips, operationID: caller.operationID }
    if (sync.others) {
      for (const [at, { stream }] of addresses.entries()) {
        const { head, floor } = heads[at]!
        if (head <= floor) continue
        const [newest] = await this.#repositories.messages.at(stream, [head])
        // Another request has just cleared it, and told of it.
        if (newest === undefined) continue
        // Told first: a repeat after a failure in between finds the messages still there, and tells again.
        await this.#notifications.send({ ...clearing, ...audience(userID, newest.row.body) })
        await this.#repositories.messages.truncate(stream, head + 1)
      }
      return
    }
    const cleared = addresses.map(({ conversationID }, at) => ({
      ownerUserID: userID,
      conversationID,
      change: ({ minSeq }: { readonly minSeq: number }) => ({ minSeq: Math.max(minSeq, heads[at]!.head + 1) }),
    }))
    for (let from = 0; from < cleared.length; from += clearedAtOnce) {
      const part = cleared.slice(from, from + clearedAtOnce)
      await this.#writes.change(part)
      if (!sync.self) continue
      // Told in the same parts: a notification has to fit into one message.
      const partTips = { userID, conversationIDs: part.map(({ conversationID }) => conversationID) }
      await this.#notifications.send({ ...clearing, tips: partTips, sendID: userID, to: { userID } })
    }
  }

  /** The same with all conversations of the user. */
  async clearAll(caller: Caller, userID: string, sync: SyncChoice): Promise<void> {
    const addresses = await this.#addresses.ofUser(userID)
    await this.clear(
      caller,
      userID,
      addresses.map(({ conversationID }) => conversationID),
      sync,
    )
  }

  /** Erases messages for everybody, and tells nobody. For administrators of the server. */
  async erase(conversationID: string, seqs: readonly number[]): Promise<void> {
    const address = await this.#addresses.ofAnybody(conversationID)
    const messages = await this.#messages(address, seqs)
    if (messages.length > 0)
      await this.#marks.erase(
        address.stream,
        messages.map(({ seq }) => seq),
      )
  }

  /** Gives up what was sent before a time, for good. For administrators of the server. Costs few reads, however long a stream is. */
  async eraseBefore(conversationIDs: readonly string[], timestampMs: number): Promise<void> {
    const addresses = await Promise.all(conversationIDs.map((id) => this.#addresses.ofAnybody(id)))
    const { messages } = this.#repositories
    for (const { stream } of addresses) {
      const [bounds] = await messages.heads([stream])
      let first = bounds!.floor + 1
      let beyond = bounds!.head + 1
      // Times grow with the numbers.
      while (first < beyond) {
        const middle = Math.floor((first + beyond) / 2)
        const [entry] = await messages.at(stream, [middle])
        if (entry !== undefined && entry.row.body.sendTime >= timestampMs) beyond = middle
        else first = middle + 1
      }
      if (first > bounds!.floor + 1) await messages.truncate(stream, first)
    }
  }

  async #address(caller: Caller, userID: string, conversationID: string): Promise<ReadableAddress> {
    const address = await this.#addresses.find(userID, conversationID)
    if (address !== undefined && !address.isNotification) return address
    if (caller.isAdmin && caller.userID === userID) return this.#addresses.ofAnybody(conversationID)
    throw noPermission(`${userID} has no part in conversation ${conversationID}`)
  }

  /** Those of the messages that can be read and were not deleted for everybody, ascending. */
  async #messages({ stream, minSeq, maxSeq }: ReadableAddress, seqs: readonly number[]): Promise<MsgData[]> {
    const asked = [...new Set(seqs)].filter((seq) => seq >= minSeq && seq <= maxSeq).toSorted((a, b) => a - b)
    const entries = await this.#repositories.messages.at(stream, asked)
    return entries.filter((entry) => entry !== undefined).map(({ row }) => row.body)
  }

  /** The user's membership, in a group. @throws ImError 1002 for who may not remove all of these for everybody. */
  async #authorize(caller: Caller, userID: string, messages: readonly MsgData[]) {
    const [first] = messages
    if (first === undefined) return undefined
    const { groupID } = first
    const isGroup = first.sessionType === sessionTypes.group
    const member = isGroup ? await this.#repositories.groupMembers.get({ groupID, userID }) : undefined
    if (caller.isAdmin) return member
    if (isGroup && member === undefined) throw noPermission(`${userID} is not a member of group ${groupID}`)
    const senders = [...new Set(messages.map(({ sendID }) => sendID))].filter((sendID) => sendID !== userID)
    if (senders.length === 0 || member?.roleLevel === roleLevels.owner) return member
    if (member?.roleLevel === roleLevels.admin) {
      const roles = await this.#repositories.groupMembers.getMany(
        senders.map((sender) => ({ groupID, userID: sender })),
      )
      if (roles.every((role) => role === undefined || role.roleLevel < roleLevels.admin)) return member
    }
    throw noPermission(
      `messages of ${senders[0]} can be removed for everybody by their sender, and in a group by who stands above`,
    )
  }

  async #requireOwner(caller: Caller, userID: string, { stream, conversationID }: ReadableAddress): Promise<void> {
    if (caller.isAdmin) return
    const [, groupID = ''] = /^group\/(.*)$/s.exec(stream) ?? []
    const member = groupID === '' ? undefined : await this.#repositories.groupMembers.get({ groupID, userID })
    if (member?.roleLevel !== roleLevels.owner)
      throw noPermission(
        `conversation ${conversationID} is cleared for everybody by the owner of the group, or by an administrator of the server`,
      )
  }
}

/** Everybody in the chat of a message: told by `userID`, where that is one of them. */
function audience(userID: string, { sessionType, groupID, sendID, recvID }: MsgData) {
  if (sessionType === sessionTypes.group) return { sendID: userID, to: { groupID } }
  if (userID === recvID) return { sendID: recvID, to: { userID: sendID } }
  return { sendID, to: { userID: recvID } }
}
