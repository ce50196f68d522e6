import type { Conversation } from '../../entities/conversation.ts'
import { badArgument, notFound } from '../refusals.ts'
import type { ImRepositories } from '../repositories.ts'
import {
  type Address,
  groupAddress,
  groupNotificationAddress,
  singleAddress,
  singleNotificationAddress,
} from './address.ts'

/** A stream as far as one user may read it. */
export interface ReadableAddress extends Address {
  /** The first number the user may read; 1 when nothing is hidden. */
  readonly minSeq: number
  /** The last one; infinite while the user has part in the conversation. */
  readonly maxSeq: number
}

const groupPrefix = groupAddress('').conversationID
const singlePrefix = 'si_'
const notificationPrefix = 'n_'
const conversationIDLength = 256

/**
 * Finds what a conversation id means to one user, and how much of it that user may read: one answer for both questions.
 *
 * Ids are never taken apart to learn who is in them. A single chat is known by the user's own row, a group by the membership.
 * Whoever left a group reads on up to `maxSeq` of the own row, if that is set, and nothing of the group's notifications.
 */
export class Addresses {
  readonly #repositories: ImRepositories

  constructor(repositories: ImRepositories) {
    this.#repositories = repositories
  }

  /** The address of a conversation as this user knows it; undefined when the user has no part in it. */
  async find(userID: string, conversationID: string): Promise<ReadableAddress | undefined> {
    if (!canBeThere(conversationID)) return undefined
    if (conversationID.startsWith(notificationPrefix)) return this.#findNotification(userID, conversationID)
    if (conversationID.startsWith(groupPrefix)) {
      const groupID = conversationID.slice(groupPrefix.length)
      const [isMember, row] = await Promise.all([this.isMember(groupID, userID), this.#row(userID, conversationID)])
      if (isMember) return within(groupAddress(groupID), asMember(row))
      return isKept(row) ? within(groupAddress(groupID), row) : undefined
    }
    const row = await this.#row(userID, conversationID)
    return row === undefined || row.userID === '' || row.isDeleted
      ? undefined
      : within(singleAddress(userID, row.userID), row)
  }

  /** Every conversation of the user: single chats by their rows, groups by membership, then groups left of which something is kept. */
  async ofUser(userID: string): Promise<ReadableAddress[]> {
    const [rows, memberships] = await Promise.all([
      this.#repositories.conversations.ofOwner({ ownerUserID: userID }),
      this.#repositories.groupMembers.ofUser({ userID }),
    ])
    const singles = rows
      .filter((row) => row.userID !== '' && !row.isDeleted)
      .map((row) => within(singleAddress(userID, row.userID), row))
    const ofGroup = new Map(rows.filter((row) => row.groupID !== '').map((row) => [row.groupID, row]))
    const joined = memberships.map(({ groupID }) => within(groupAddress(groupID), asMember(ofGroup.get(groupID))))
    for (const { groupID } of memberships) ofGroup.delete(groupID)
    const left = [...ofGroup.values()].filter(isKept).map((row) => within(groupAddress(row.groupID), row))
    return [...singles, ...joined, ...left]
  }

  /** The notification twins of the user's conversations, and the user's own. */
  async notificationsOfUser(userID: string): Promise<ReadableAddress[]> {
    const [rows, memberships] = await Promise.all([
      this.#repositories.conversations.ofOwner({ ownerUserID: userID }),
      this.#repositories.groupMembers.ofUser({ userID }),
    ])
    const singles = rows
      .filter((row) => row.userID !== '' && row.userID !== userID)
      .map((row) => singleNotificationAddress(userID, row.userID))
    const own = singleNotificationAddress(userID, userID)
    const groups = memberships.map((membership) => groupNotificationAddress(membership.groupID))
    return [...singles, ...groups, own].map((address) => within(address))
  }

  /**
   * The address of a conversation whoever has part in it; for administrators of the server.
   *
   * @throws {@link ImError} 1004 when nobody has such a conversation, 1001 when several pairs of users do.
   */
  async ofAnybody(conversationID: string): Promise<ReadableAddress> {
    const missing = notFound(`there is no conversation ${conversationID}`)
    if (!canBeThere(conversationID)) throw missing
    if (conversationID.startsWith(groupPrefix)) {
      const groupID = conversationID.slice(groupPrefix.length)
      if ((await this.#repositories.groups.get({ groupID })) === undefined) throw missing
      return within(groupAddress(groupID))
    }
    const rows = await this.#repositories.conversations.ofConversation({ conversationID })
    const addresses = rows.map(({ ownerUserID, userID }) => singleAddress(ownerUserID, userID))
    const [first] = addresses
    if (first === undefined) throw missing
    if (addresses.some(({ stream }) => stream !== first.stream))
      throw badArgument(`${conversationID} is the chat of several pairs of users: act as one of them`)
    return within(first)
  }

  async isMember(groupID: string, userID: string): Promise<boolean> {
    return (await this.#repositories.groupMembers.get({ groupID, userID })) !== undefined
  }

  async #findNotification(userID: string, conversationID: string): Promise<ReadableAddress | undefined> {
    const own = singleNotificationAddress(userID, userID)
    if (conversationID === own.conversationID) return within(own)
    const rest = conversationID.slice(notificationPrefix.length)
    const row = await this.#row(userID, singlePrefix + rest)
    if (row !== undefined && row.userID !== '') return within(singleNotificationAddress(userID, row.userID))
    return (await this.isMember(rest, userID)) ? within(groupNotificationAddress(rest)) : undefined
  }

  #row(ownerUserID: string, conversationID: string): Promise<Readonly<Conversation> | undefined> {
    return this.#repositories.conversations.get({ ownerUserID, conversationID })
  }
}

/** A group's row as it is for a member: the bound of who left counts no more. */
export function asMember<T extends Readonly<Conversation> | undefined>(row: T): T {
  return row === undefined || row.maxSeq === 0 ? row : { ...row, maxSeq: 0 }
}

/** Whether a row alone lets its owner read, without a membership. */
export const isKept = (row: Pick<Conversation, 'maxSeq'> | undefined): boolean => row !== undefined && row.maxSeq > 0

const within = (address: Address, row?: Pick<Conversation, 'minSeq' | 'maxSeq'>): ReadableAddress => ({
  ...address,
  minSeq: Math.max(1, row?.minSeq ?? 0),
  maxSeq: row !== undefined && row.maxSeq > 0 ? row.maxSeq : Number.POSITIVE_INFINITY,
})

/** What no conversation is called is not looked up: the store refuses such keys, and a client that asks for many still gets the rest. */
const canBeThere = (conversationID: string): boolean =>
  conversationID.length <= conversationIDLength && !conversationID.includes('\0')
