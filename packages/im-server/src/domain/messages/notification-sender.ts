import { randomUUID } from 'node:crypto'
import type { Clock } from '@parlance/core'
import {
  messageStatus,
  msgFrom,
  MsgData,
  notificationContent,
  serverMsgID,
  sessionTypes,
} from '@parlance/openim-protocol'
import { ImError } from '../im-error.ts'
import type { Notification, Notifications } from '../notifications.ts'
import { groupAddress, groupNotificationAddress, singleAddress, singleNotificationAddress } from './address.ts'
import type { ConversationRows } from './conversation-rows.ts'
import type { Outbox } from './outbox.ts'
import type { Cause } from './push-record.ts'

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
  readonly #outbox: Outbox
  readonly #rows: ConversationRows
  readonly #clock: Clock

  constructor(outbox: Outbox, rows: ConversationRows, clock: Clock) {
    this.#outbox = outbox
    this.#rows = rows
    this.#clock = clock
  }

  async send(notification: Notification): Promise<void> {
    const { to, sendID } = notification
    const cause = { operationID: notification.operationID, sessionID: '' }
    const isGroup = 'groupID' in to
    const told = isGroup ? { ...cause, ...audienceOf(to) } : cause
    const twin = isGroup ? groupNotificationAddress(to.groupID) : singleNotificationAddress(sendID, to.userID)
    const body = this.#body(notification)
    if (notification.stored) {
      await this.#outbox.store(twin, { ...body, options: { ...body.options, history: true, persistent: true } }, told)
    } else if (notification.asMessage !== 'only') {
      await this.#outbox.pass(twin, body, told)
    }
    if (notification.asMessage && (isGroup || (await this.#hasChat(sendID, to.userID)))) {
      const chat = isGroup ? groupAddress(to.groupID) : singleAddress(sendID, to.userID)
      const of = notification.asMessage === 'only' ? told : cause
      await this.#outbox.store(chat, { ...body, options: { unreadCount: true, offlinePush: false } }, of)
    }
  }

  /** The chat of two users begins with its first message, also with one of the server; ids that others chat under have none. */
  async #hasChat(a: string, b: string): Promise<boolean> {
    try {
      await this.#rows.ensureSingle(a, b)
      return true
    } catch (error) {
      if (error instanceof ImError) return false
      throw error
    }
  }

  #body({ sendID, to, contentType, tips, senderSync = true, ...given }: Notification): MsgData {
    const isGroup = 'groupID' in to
    const clientMsgID = given.clientMsgID ?? randomUUID()
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

const audienceOf = ({ alsoTo, onlyTo }: Pick<Cause, 'alsoTo' | 'onlyTo'>): Pick<Cause, 'alsoTo' | 'onlyTo'> => ({
  ...(alsoTo === undefined ? {} : { alsoTo }),
  ...(onlyTo === undefined ? {} : { onlyTo }),
})
