import type { Clock } from '@parlance/core'
import type { Bus } from '@parlance/notification-bus'
import {
  contentTypes,
  errorCodes,
  groupStatus,
  isOptionOn,
  messageStatus,
  msgFrom,
  type MsgData,
  roleLevels,
  serverMsgID,
  sessionTypes,
} from '@parlance/openim-protocol'
import type { Caller } from '../caller.ts'
import { idLength, isPrintable } from '../ids.ts'
import { ImError } from '../im-error.ts'
import { badArgument, groupDismissed, groupNotFound, mutedGroup, mutedMember, notInGroup } from '../refusals.ts'
import type { ImRepositories } from '../repositories.ts'
import { type Address, groupAddress, singleAddress } from './address.ts'
import type { ConversationRows } from './conversation-rows.ts'
import { MessageGate } from './message-gate.ts'
import { messageOptions } from './options.ts'
import { mentionOf, mentions } from './mentions.ts'
import type { Outbox, Stored } from './outbox.ts'
import type { PeerRules } from './peer-rules.ts'
import { SendOrder } from './send-order.ts'

/** What the sender is told once its message is durable. */
export interface SentMessage {
  readonly serverMsgID: string
  readonly clientMsgID: string
  readonly sendTime: number
}

/** Bounds on what one message may hold, in characters or items. */
const limits = {
  clientMsgID: 128,
  operationID: 256,
  attachedInfo: 16_384,
  ex: 16_384,
  nickname: 256,
  faceURL: 1024,
  atUsers: 1000,
  push: 1024,
}

const contentLimitBytes = 49_152
const ownContentTypes = { first: 101, last: 999 }

/**
 * Takes messages from their senders: checks them, gives them their place, and stores them.
 *
 * What a sender writes to one conversation keeps the order of the calls, however long each takes to be admitted.
 *
 * {@link send} resolves once the message is durable: stored with its number where the outbox appends, in the log of accepted
 * messages where it publishes. A message with a (sendID, clientMsgID) that its stream holds already is not stored again; its answer
 * has the first one's serverMsgID, and where the outbox appends also its time. One durable step, shared with all other sends of the
 * moment; one more for the very first message between two users, whose conversation rows are made before it.
 */
export class MessageSender {
  readonly #repositories: ImRepositories
  readonly #peers: PeerRules
  readonly #rows: ConversationRows
  readonly #outbox: Outbox
  readonly #bus: Pick<Bus, 'publish'>
  readonly #clock: Clock
  readonly #gate: MessageGate
  readonly #order = new SendOrder()

  constructor(
    repositories: ImRepositories,
    peers: PeerRules,
    rows: ConversationRows,
    outbox: Outbox,
    bus: Pick<Bus, 'publish'>,
    clock: Clock,
    gate = new MessageGate(clock),
  ) {
    this.#repositories = repositories
    this.#peers = peers
    this.#rows = rows
    this.#outbox = outbox
    this.#bus = bus
    this.#clock = clock
    this.#gate = gate
  }

  /** @throws ImError with OpenIM's code when the message may not be sent; nothing is stored then. */
  async send(caller: Caller, request: MsgData): Promise<SentMessage> {
    if (request.sendID !== caller.userID && !caller.isAdmin) {
      throw new ImError(errorCodes.NoPermissionError, `sendID must be the user of the connection`)
    }
    // It travels with every announcement of the message.
    if (caller.operationID.length > limits.operationID)
      throw badArgument(`operationID must have at most ${limits.operationID} characters`)
    checkShape(request, caller.isAdmin)
    const place = this.#order.enter(request.sendID, request.groupID || request.recvID)
    let storing: Promise<Stored>
    let address: Address
    let body: MsgData
    try {
      body = await this.#admitted(caller, request)
      address = await this.#place(body)
      await place.come()
      const cause = { operationID: caller.operationID, sessionID: caller.sessionID ?? '' }
      storing = isOptionOn(body.options, 'history')
        ? this.#outbox.store(address, body, cause)
        : this.#outbox.pass(address, body, cause).then(() => ({}))
    } finally {
      place.leave()
    }
    const { repeatOf } = await storing
    if (!isOptionOn(body.options, 'history')) return answer(body)
    // Before the answer: whoever gets none sends again, and the mention is taken then.
    const mention = mentionOf(body, caller.operationID)
    if (mention !== undefined) await this.#bus.publish(mentions, mention)
    return repeatOf === undefined ? answer(body) : this.#answerOfStored(address, repeatOf)
  }

  /** The message as it will be stored, if all rules let it pass. */
  async #admitted(caller: Caller, request: MsgData): Promise<MsgData> {
    await this.#admit(caller, request)
    const body = this.#stamp(caller, request)
    if (!this.#gate.isAsking) return body
    await this.#gate.admit(body, caller)
    // That may have taken seconds: who was kicked, muted or blocked meanwhile writes no more.
    await this.#admit(caller, request)
    return { ...body, sendTime: this.#clock.now() }
  }

  /** Where the message goes; a chat of two begins with it. */
  async #place({ sessionType, sendID, recvID, groupID }: MsgData): Promise<Address> {
    if (sessionType !== sessionTypes.single) return groupAddress(groupID)
    await this.#rows.ensureSingle(sendID, recvID)
    return singleAddress(sendID, recvID)
  }

  /** Decides whether the sender may write there. */
  async #admit(caller: Caller, message: MsgData): Promise<void> {
    if (message.sessionType === sessionTypes.single) {
      await this.#peers.admit(message.sendID, message.recvID, caller.isAdmin && message.sendID === caller.userID)
      return
    }
    const { groupID, sendID } = message
    const [group, membership] = await Promise.all([
      this.#repositories.groups.get({ groupID }),
      this.#repositories.groupMembers.get({ groupID, userID: sendID }),
    ])
    if (group === undefined) throw groupNotFound(groupID)
    if (group.status === groupStatus.dismissed) throw groupDismissed(groupID)
    if (membership === undefined) throw notInGroup(groupID, sendID)
    if (membership.muteEndTime.getTime() > this.#clock.now()) throw mutedMember(membership)
    if (group.status === groupStatus.muted && membership.roleLevel < roleLevels.admin) throw mutedGroup(groupID)
  }

  #stamp(caller: Caller, request: MsgData): MsgData {
    const isGroup = request.sessionType === sessionTypes.group
    return {
      ...request,
      recvID: isGroup ? '' : request.recvID,
      groupID: isGroup ? request.groupID : '',
      serverMsgID: serverMsgID(request.sendID, request.clientMsgID),
      senderPlatformID: caller.isAdmin && request.senderPlatformID !== 0 ? request.senderPlatformID : caller.platformID,
      msgFrom: caller.isAdmin && request.msgFrom !== 0 ? request.msgFrom : msgFrom.user,
      sendTime: this.#clock.now(),
      createTime: request.createTime === 0 ? this.#clock.now() : request.createTime,
      status: messageStatus.sent,
      seq: 0,
      isRead: false,
      options: messageOptions(request.contentType, request.options),
    }
  }

  async #answerOfStored(address: Address, seq: number): Promise<SentMessage> {
    const [stored] = await this.#repositories.messages.at(address.stream, [seq])
    return answer(stored!.row.body)
  }
}

const answer = ({ serverMsgID: id, clientMsgID, sendTime }: MsgData): SentMessage => ({
  serverMsgID: id,
  clientMsgID,
  sendTime,
})

function checkShape(message: MsgData, isAdmin: boolean): void {
  const refuse = (detail: string, code: number = errorCodes.ArgsError): never => {
    throw new ImError(code, detail)
  }
  if (message.sendID === '') refuse('sendID is empty')
  if (message.clientMsgID === '' || message.clientMsgID.length > limits.clientMsgID)
    refuse(`clientMsgID must have 1 to ${limits.clientMsgID} characters`)
  for (const name of ['clientMsgID', 'sendID', 'recvID', 'groupID'] as const)
    if (!isPrintable(message[name])) refuse(`${name} must not contain control characters`)
  const ids = [message.sendID, message.recvID, message.groupID, ...message.atUserIDList]
  if (ids.some(({ length }) => length > idLength)) refuse(`an id must have at most ${idLength} characters`)
  if (message.content.length === 0) refuse('content is empty')
  if (message.content.length > contentLimitBytes)
    refuse(`content is longer than ${contentLimitBytes} bytes`, errorCodes.TooLargeError)
  if (message.sessionType === sessionTypes.single) {
    if (message.recvID === '') refuse('recvID is empty')
  } else if (message.sessionType === sessionTypes.group) {
    if (message.groupID === '') refuse('groupID is empty')
  } else
    refuse(
      `sessionType ${message.sessionType} is unknown: use ${sessionTypes.single} (single) or ${sessionTypes.group} (group)`,
    )
  if (!isAdmin && (message.contentType < ownContentTypes.first || message.contentType > ownContentTypes.last)) {
    refuse(
      `contentType ${message.contentType} may not be sent by users: use ${ownContentTypes.first} to ${ownContentTypes.last}`,
    )
  }
  if (message.contentType === contentTypes.oaNotification) refuse('contentType 1400 needs a notification account')
  const bounded: readonly (readonly [string, number, number])[] = [
    ['attachedInfo', message.attachedInfo.length, limits.attachedInfo],
    ['ex', message.ex.length, limits.ex],
    ['senderNickname', message.senderNickname.length, limits.nickname],
    ['senderFaceURL', message.senderFaceURL.length, limits.faceURL],
    ['atUserIDList', message.atUserIDList.length, limits.atUsers],
    ['offlinePushInfo.title', message.offlinePushInfo?.title.length ?? 0, limits.push],
    ['offlinePushInfo.desc', message.offlinePushInfo?.desc.length ?? 0, limits.push],
  ]
  for (const [field, length, limit] of bounded)
    if (length > limit) refuse(`${field} is longer than ${limit}`, errorCodes.TooLargeError)
}
