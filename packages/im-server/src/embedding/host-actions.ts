import { randomUUID } from 'node:crypto'
import type { Clock } from '@parlance/core'
import { errorCodes, notificationTypes, platformIDs } from '@parlance/openim-protocol'
import { z } from 'zod'
import { conversationID, id, requiredText } from '../api/fields.ts'
import { checked } from '../api/route.ts'
import { sendMessageBody, toMessage } from '../api/send-message.ts'
import type { MessageService, Sent } from '../domain/message-service.ts'
import type { Notification, Notifications } from '../domain/notifications.ts'
import { usersNotFound } from '../domain/refusals.ts'
import { ImError } from '../domain/im-error.ts'
import type { Participation } from '../domain/participation.ts'
import type { ImRepositories } from '../domain/repositories.ts'
import type { HostUsers } from './host-users.ts'
import type { Identity } from './identity.ts'

/** A message as `/msg/send_msg` takes it. */
export type OutgoingMessage = z.input<typeof sendMessageBody>

/** Something that applications, not chats, are to hear of: SDKs raise `OnRecvCustomBusinessMessage` with key and data. */
export interface BusinessNotification {
  /** In whose name. @defaultValue the administrator */
  readonly sendID?: string | undefined
  /**
   * The user told, the group whose members are told, or a conversation that the sender takes part in. The sender's own devices are
   * told as well.
   */
  readonly to: { readonly userID: string } | { readonly groupID: string } | { readonly conversationID: string }
  /** What it is about, up to 256 characters. */
  readonly key: string
  /** Up to 32 768 characters, for example JSON. */
  readonly data: string
  /** Numbered and kept, so that who is not connected finds it later. @defaultValue false */
  readonly stored?: boolean | undefined
  /** Of the request that causes it. @defaultValue a new one */
  readonly operationID?: string | undefined
}

/** What a program does on the server that it embeds, without HTTP and without a token. */
export interface ImActions {
  /**
   * Registers a user where it is new; else changes what differs of its profile, and tells whom that concerns.
   *
   * @throws {@link ImError} 1001 naming the field, 1002 for the administrator's id.
   */
  ensureUser(identity: Identity): Promise<void>
  /**
   * Sends a message as any user; resolved means durable.
   *
   * @throws {@link ImError} 1001 naming the field, 1101, and what sending refuses.
   */
  sendMessage(message: OutgoingMessage): Promise<Sent>
  /**
   * Tells applications something; resolves once what has to be stored is durable. Without `stored`, who is not connected misses it.
   *
   * @throws {@link ImError} 1001 naming the field, 1101 and 1201 for who is not there, 1002 for a conversation the sender has no part in.
   */
  sendNotification(notification: BusinessNotification): Promise<void>
}

/** What {@link HostActions} needs. */
export interface HostActionsOptions {
  readonly repositories: Pick<ImRepositories, 'users' | 'groups'>
  readonly hostUsers: HostUsers
  readonly messages: Pick<MessageService, 'send'>
  readonly notifications: Notifications
  readonly participation: Participation
  readonly adminUserID: string
  readonly clock: Clock
}

const notificationSchema = z.object({
  sendID: id.optional(),
  to: z.union(
    [z.object({ userID: id }), z.object({ groupID: id }), z.object({ conversationID })],
    'must name a user, a group or a conversation',
  ),
  key: requiredText(1, 256),
  data: requiredText(0, 32_768),
  stored: z.boolean('must be true or false').optional(),
  operationID: requiredText(1, 256).optional(),
})

/** {@link ImActions} by the same domains as the API. */
export class HostActions implements ImActions {
  readonly #options: HostActionsOptions

  constructor(options: HostActionsOptions) {
    this.#options = options
  }

  ensureUser(identity: Identity): Promise<void> {
    return this.#options.hostUsers.ensure(identity, randomUUID())
  }

  async sendMessage(message: OutgoingMessage): Promise<Sent> {
    const { messages, adminUserID, clock } = this.#options
    const body = checked(sendMessageBody, message)
    await this.#requireUser(body.sendID)
    const caller = { userID: adminUserID, platformID: platformIDs.admin, isAdmin: true, operationID: randomUUID() }
    return messages.send(caller, toMessage(body, clock.now()))
  }

  async sendNotification(notification: BusinessNotification): Promise<void> {
    const { notifications, adminUserID } = this.#options
    const given = checked(notificationSchema, notification)
    const { sendID = adminUserID, key, data, stored = false, operationID = randomUUID() } = given
    await this.#requireUser(sendID)
    const to = await this.#receiver(sendID, given.to)
    const contentType = notificationTypes.business
    await notifications.send({ sendID, to, contentType, tips: { key, data }, operationID, stored })
  }

  async #receiver(sendID: string, to: BusinessNotification['to']): Promise<Notification['to']> {
    if ('conversationID' in to) {
      const others = await this.#options.participation.require(sendID, to.conversationID)
      return others.kind === 'group' ? { groupID: others.groupID } : { userID: others.peerUserID }
    }
    if ('userID' in to) await this.#requireUser(to.userID)
    else await this.#requireGroup(to.groupID)
    return to
  }

  async #requireUser(userID: string): Promise<void> {
    if ((await this.#options.repositories.users.get({ userID })) === undefined) throw usersNotFound([userID])
  }

  async #requireGroup(groupID: string): Promise<void> {
    if ((await this.#options.repositories.groups.get({ groupID })) === undefined)
      throw new ImError(errorCodes.GroupIDNotFoundError, `there is no group ${groupID}`)
  }
}
