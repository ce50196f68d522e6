import { randomUUID } from 'node:crypto'
import type { Clock } from '@parlance/core'
import type { Bus } from '@parlance/notification-bus'
import {
  messageStatus,
  msgFrom,
  MsgData,
  notificationContent,
  serverMsgID,
  sessionTypes,
} from '@parlance/openim-protocol'
import type { Notification, Notifications } from '../notifications.ts'
import type { ImRepositories } from '../repositories.ts'
import { groupAddress, groupNotificationAddress, singleAddress, singleNotificationAddress } from './address.ts'
import { pushes } from './push-record.ts'

const allOff: Readonly<Record<string, boolean>> = {
  history: false,
  persistent: false,
  senderSync: true,
  conversationUpdate: false,
  senderConversationUpdate: false,
  unreadCount: false,
  offlinePush: false,
  isNotNotification: false,
  isSendMsg: false,
}

/**
 * Turns tips into messages: pushed only, or kept in the notification stream, or also shown in the chat itself.
 *
 * The notification goes before its copy in the chat: a client that learns of its new group from the tips shows the chat's
 * first message under the right name.
 */
export class NotificationSender implements Notifications {
  readonly #repositories: ImRepositories
  readonly #bus: Bus
  readonly #clock: Clock

  constructor(repositories: ImRepositories, bus: Bus, clock: Clock) {
    this.#repositories = repositories
    this.#bus = bus
    this.#clock = clock
  }

  async send(notification: Notification): Promise<void> {
    const { to, sendID } = notification
    const cause = { operationID: notification.operationID, sessionID: '' }
    const isGroup = 'groupID' in to
    const twin = isGroup ? groupNotificationAddress(to.groupID) : singleNotificationAddress(sendID, to.userID)
    const body = this.#body(notification)
    if (notification.stored) {
      await this.#repositories.messages.append(twin.stream, [
        { body: { ...body, options: { ...body.options, history: true, persistent: true } }, cause },
      ])
    } else {
      await this.#bus.publish(pushes, {
        kind: 'online',
        stream: twin.stream,
        message: Buffer.from(MsgData.encode(body)).toString('base64'),
        causes: [cause],
      })
    }
    if (notification.asMessage) {
      const chat = isGroup ? groupAddress(to.groupID) : singleAddress(sendID, to.userID)
      await this.#repositories.messages.append(chat.stream, [
        { body: { ...body, options: { unreadCount: true, offlinePush: false } }, cause },
      ])
    }
  }

  #body({ sendID, to, contentType, tips, senderSync = true }: Notification): MsgData {
    const isGroup = 'groupID' in to
    const clientMsgID = randomUUID()
    const now = this.#clock.now()
    return {
      ...MsgData.zero(),
      sendID,
      recvID: isGroup ? '' : to.userID,
      groupID: isGroup ? to.groupID : '',
      clientMsgID,
      serverMsgID: serverMsgID(sendID, clientMsgID),
      sessionType: isGroup ? sessionTypes.group : sessionTypes.single,
      msgFrom: msgFrom.system,
      contentType,
      content: notificationContent(tips),
      sendTime: now,
      createTime: now,
      status: messageStatus.sent,
      options: { ...allOff, senderSync },
    }
  }
}
