import type { ImRepositories } from '../repositories.ts'
import {
  type Address,
  groupAddress,
  groupNotificationAddress,
  singleAddress,
  singleNotificationAddress,
} from './address.ts'

const groupPrefix = groupAddress('').conversationID
const singlePrefix = 'si_'
const notificationPrefix = 'n_'
const conversationIDLength = 256

/**
 * Finds what a conversation id means to one user, and whether that user may read it: one answer for both questions.
 *
 * Ids are never taken apart to learn who is in them. A single chat is known by the user's own row, a group by the membership.
 */
export class Addresses {
  readonly #repositories: ImRepositories

  constructor(repositories: ImRepositories) {
    this.#repositories = repositories
  }

  /** The address of a conversation as this user knows it; undefined when the user has no part in it. */
  async find(userID: string, conversationID: string): Promise<Address | undefined> {
    if (!canBeThere(conversationID)) return undefined
    if (conversationID.startsWith(notificationPrefix)) return this.#findNotification(userID, conversationID)
    if (conversationID.startsWith(groupPrefix)) {
      const groupID = conversationID.slice(groupPrefix.length)
      return (await this.isMember(groupID, userID)) ? groupAddress(groupID) : undefined
    }
    const row = await this.#repositories.conversations.get({ ownerUserID: userID, conversationID })
    return row === undefined || row.userID === '' ? undefined : singleAddress(userID, row.userID)
  }

  /** Every conversation of the user: single chats by their rows, groups by membership. */
  async ofUser(userID: string): Promise<Address[]> {
    const [rows, memberships] = await Promise.all([
      this.#repositories.conversations.ofOwner({ ownerUserID: userID }),
      this.#repositories.groupMembers.ofUser({ userID }),
    ])
    const singles = rows.filter((row) => row.userID !== '').map((row) => singleAddress(userID, row.userID))
    return [...singles, ...memberships.map((membership) => groupAddress(membership.groupID))]
  }

  /** The notification twins of the user's conversations, and the user's own. */
  async notificationsOfUser(userID: string): Promise<Address[]> {
    const [rows, memberships] = await Promise.all([
      this.#repositories.conversations.ofOwner({ ownerUserID: userID }),
      this.#repositories.groupMembers.ofUser({ userID }),
    ])
    const singles = rows
      .filter((row) => row.userID !== '' && row.userID !== userID)
      .map((row) => singleNotificationAddress(userID, row.userID))
    const own = singleNotificationAddress(userID, userID)
    return [...singles, ...memberships.map((membership) => groupNotificationAddress(membership.groupID)), own]
  }

  async isMember(groupID: string, userID: string): Promise<boolean> {
    return (await this.#repositories.groupMembers.get({ groupID, userID })) !== undefined
  }

  async #findNotification(userID: string, conversationID: string): Promise<Address | undefined> {
    const own = singleNotificationAddress(userID, userID)
    if (conversationID === own.conversationID) return own
    const rest = conversationID.slice(notificationPrefix.length)
    const row = await this.#repositories.conversations.get({ ownerUserID: userID, conversationID: singlePrefix + rest })
    if (row !== undefined && row.userID !== '') return singleNotificationAddress(userID, row.userID)
    return (await this.isMember(rest, userID)) ? groupNotificationAddress(rest) : undefined
  }
}

/** What no conversation is called is not looked up: the store refuses such keys, and a client that asks for many still gets the rest. */
const canBeThere = (conversationID: string): boolean =>
  conversationID.length <= conversationIDLength && !conversationID.includes('\0')
