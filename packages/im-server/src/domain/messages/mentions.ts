import { InvalidArgumentError, type Count } from '@parlance/core'
import { type Bus, json, topic } from '@parlance/notification-bus'
import {
  atAllTag,
  contentTypes,
  groupAtTypes,
  groupConversationID,
  type MsgData,
  notificationTypes,
  sessionTypes,
} from '@parlance/openim-protocol'
import type { ConversationWrites } from '../conversation-writes.ts'
import type { Notifications } from '../notifications.ts'
import type { Presence } from '../presence.ts'
import type { ImRepositories } from '../repositories.ts'
import { waitsWhenBusy } from '../waits-when-busy.ts'

/** A message of a group that names members. */
export interface Mention {
  readonly groupID: string
  readonly sendID: string
  readonly operationID: string
  /** Those named; with `all` everybody else is meant too. */
  readonly userIDs: readonly string[]
  readonly all: boolean
}

function check(value: unknown): Mention {
  const { groupID, sendID, operationID, userIDs, all } = (value ?? {}) as Record<string, unknown>
  const isRight =
    typeof groupID === 'string' &&
    typeof sendID === 'string' &&
    typeof operationID === 'string' &&
    typeof all === 'boolean' &&
    Array.isArray(userIDs) &&
    userIDs.every((userID) => typeof userID === 'string')
  if (!isRight) throw new InvalidArgumentError('not a mention')
  return { groupID, sendID, operationID, userIDs, all }
}

/** Mentions that have to be shown in the conversations of those mentioned. */
export const mentions = topic<Mention>('message.mention', { schema: json(check), key: ({ groupID }) => groupID })

/** The mention that a message makes, if it does. */
export function mentionOf({ contentType, sessionType, sendID, groupID, atUserIDList }: MsgData, operationID: string) {
  if (contentType !== contentTypes.atText || sessionType !== sessionTypes.group || atUserIDList.length === 0)
    return undefined
  const userIDs = [...new Set(atUserIDList)].filter((userID) => userID !== sendID && userID !== atAllTag)
  return { groupID, sendID, operationID, userIDs, all: atUserIDList.includes(atAllTag) }
}

/** What {@link Mentions} needs. */
export interface MentionsOptions {
  readonly repositories: Pick<ImRepositories, 'groupMembers'>
  readonly conversationWrites: ConversationWrites
  readonly notifications: Notifications
  readonly presence: Presence
}

/** Rows written in one durable step. */
const writtenAtOnce: Count = 500

/**
 * Shows members that a message names them: `groupAtType` of their conversation, until they set it back.
 *
 * A mention is taken durably before its sender is answered, and then written in steps of 500 members, however large the group is.
 * After a crash it is written again from the start, which changes nothing that stands.
 */
export class Mentions {
  readonly #members: ImRepositories['groupMembers']
  readonly #writes: ConversationWrites
  readonly #notifications: Notifications
  readonly #presence: Presence
  /** By group, those whose rows were written and who are still to be told: a mention that comes again finds nothing to write. */
  readonly #untold = new Map<string, Set<string>>()

  constructor({ repositories, conversationWrites, notifications, presence }: MentionsOptions) {
    this.#members = repositories.groupMembers
    this.#writes = conversationWrites
    this.#notifications = notifications
    this.#presence = presence
  }

  /** Writes what was taken, from now on and what waited; resolves when the latter is done. */
  async follow(bus: Bus): Promise<void> {
    await bus.consume(mentions, {
      group: 'mention',
      handler: async ({ received }) => {
        for (const { message } of received) await this.write(message)
      },
    })
  }

  /**
   * Writes a mention to the rows of those it means, and tells those of them who are online (1300).
   *
   * @throws `OverloadedError` while the server is busy: written again, it goes on where it ended.
   */
  write(mention: Mention): Promise<void> {
    return waitsWhenBusy(() => this.#write(mention))
  }

  async #write(mention: Mention): Promise<void> {
    const { groupID, sendID, all } = mention
    const named = new Set(mention.userIDs)
    if (!all) return this.#writeSome(mention, [...named], () => groupAtTypes.atMe)
    const members = await this.#members.ofGroup.keys({ groupID })
    const meant = members.map(({ userID }) => userID).filter((userID) => userID !== sendID)
    for (let from = 0; from < meant.length; from += writtenAtOnce)
      await this.#writeSome(mention, meant.slice(from, from + writtenAtOnce), (userID) =>
        named.has(userID) ? groupAtTypes.atAllAtMe : groupAtTypes.atAll,
      )
  }

  async #writeSome(
    { groupID, operationID }: Mention,
    userIDs: readonly string[],
    typeOf: (userID: string) => number,
  ): Promise<void> {
    const found = await this.#members.getMany(userIDs.map((userID) => ({ groupID, userID })))
    const members = found.filter((member) => member !== undefined).map(({ userID }) => userID)
    const conversationID = groupConversationID(groupID)
    const changed = await this.#writes.change(
      members.map((ownerUserID) => ({
        ownerUserID,
        conversationID,
        change: ({ groupAtType }) => ({ groupAtType: together(groupAtType, typeOf(ownerUserID)) }),
      })),
      'skip',
    )
    const untold = this.#untold.get(groupID) ?? new Set()
    for (const { ownerUserID } of changed) untold.add(ownerUserID)
    if (untold.size === 0) return
    this.#untold.set(groupID, untold)
    await this.#tell(untold, conversationID, operationID)
    this.#untold.delete(groupID)
  }

  /** Tells those who are online, and takes out of the set who was told; the others find it when they sign in. */
  async #tell(untold: Set<string>, conversationID: string, operationID: string): Promise<void> {
    const online = await this.#presence.onlinePlatforms([...untold])
    for (const [userID, platforms] of online) {
      if (platforms.length > 0)
        await this.#notifications.send({
          sendID: userID,
          to: { userID },
          contentType: notificationTypes.conversationChange,
          tips: { userID, conversationIDList: [conversationID] },
          operationID,
        })
      untold.delete(userID)
    }
  }
}

/** Who was named before and not looked yet stays named. */
function together(before: number, now: number): number {
  const isMe = (type: number): boolean => type === groupAtTypes.atMe || type === groupAtTypes.atAllAtMe
  const isAll = (type: number): boolean => type === groupAtTypes.atAll || type === groupAtTypes.atAllAtMe
  if ((isMe(before) || isMe(now)) && (isAll(before) || isAll(now))) return groupAtTypes.atAllAtMe
  return now
}
