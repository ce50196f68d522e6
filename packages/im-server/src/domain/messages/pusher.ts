import type { Gateway } from '@parlance/gateway'
import {
  type FrameReply,
  type FrameRequest,
  encodePushMessages,
  groupConversationID,
  groupNotificationConversationID,
  isOptionOn,
  MsgData,
  opCodes,
  sessionTypes,
  singleConversationID,
  singleNotificationConversationID,
  withNumber,
} from '@parlance/openim-protocol'
import type { GroupMember } from '../../entities/group-member.ts'
import type { ImRepositories } from '../repositories.ts'
import type { PushBacklog } from './push-backlog.ts'
import type { Cause, PushRecord } from './push-record.ts'

/** One message on its way to its receivers. */
interface Pushed {
  readonly body: MsgData
  readonly bytes: Uint8Array
  readonly cause: Cause
}

/** No frame carries more than this, so that every client's read limit holds; a message alone may be longer. */
const frameBytes = 32_768

/**
 * Brings messages to the sessions of their receivers.
 *
 * Messages of one stream go out in the order of their numbers, several in one frame, encoded once per codec however many
 * receivers there are. A sender's own copy travels alone, under the operation id of its request, and never before the answer
 * to it: the SDKs take a frame with one of their operation ids for their own doing, and drop all of it.
 */
export class Pusher {
  readonly #repositories: ImRepositories
  readonly #gateway: Gateway<FrameRequest, FrameReply>
  readonly #backlog: PushBacklog
  readonly #memberIDs = new WeakMap<readonly GroupMember[], readonly string[]>()

  constructor(repositories: ImRepositories, gateway: Gateway<FrameRequest, FrameReply>, backlog: PushBacklog) {
    this.#repositories = repositories
    this.#gateway = gateway
    this.#backlog = backlog
  }

  /** Pushes records in order; neighbouring ones of the same stream share frames. */
  async push(records: readonly PushRecord[]): Promise<void> {
    for (let from = 0; from < records.length;) {
      let to = from + 1
      while (to < records.length && records[to]!.stream === records[from]!.stream) to++
      const group = records.slice(from, to)
      try {
        const batches = await Promise.all(group.map((record) => this.#read(record)))
        await this.#pushBatch(batches.flat())
      } finally {
        this.#backlog.leave(group.reduce((count, { causes }) => count + causes.length, 0))
      }
      from = to
    }
  }

  async #read(record: PushRecord): Promise<Pushed[]> {
    if (record.kind === 'online') {
      const bytes = Buffer.from(record.message, 'base64')
      return [{ body: MsgData.decode(bytes), bytes, cause: record.causes[0]! }]
    }
    const entries = await this.#repositories.messages.range(record.stream, record.first, record.last)
    return entries.map(({ seq, bytes, row }) => ({
      body: row.body,
      bytes: withNumber(bytes, seq),
      cause: record.causes[seq - record.first]!,
    }))
  }

  async #pushBatch(batch: readonly Pushed[]): Promise<void> {
    const sample = batch[0]?.body
    if (sample === undefined) return
    const isNotification = sample.options['isNotNotification'] === false
    const isGroup = sample.sessionType === sessionTypes.group
    const conversationID = conversationIDOf(sample, isGroup, isNotification)
    const receivers = isGroup ? await this.#membersOf(sample.groupID) : [...new Set([sample.sendID, sample.recvID])]
    const senders = new Set(batch.map(({ body }) => body.sendID))
    const others = receivers.filter((userID) => !senders.has(userID))
    const deliveries: Promise<number>[] = []
    const deliver = (to: readonly string[], frame: readonly Pushed[], after?: Cause): void => {
      const data = encodePushMessages(
        isNotification ? 'notificationMsgs' : 'msgs',
        conversationID,
        frame.map(({ bytes }) => bytes),
      )
      const message = {
        op: opCodes.pushMsg,
        msgIncr: '',
        operationID: frame[0]!.cause.operationID,
        errCode: 0,
        errMsg: '',
        data,
      }
      const behind =
        after !== undefined && after.sessionID !== ''
          ? { after: { sessionId: after.sessionID, requestKey: after.operationID } }
          : {}
      deliveries.push(this.#gateway.deliver(to, message, behind))
    }
    if (others.length > 0) for (const frame of frames(batch)) deliver(others, frame)
    for (const sender of senders) {
      for (const frame of frames(batch, sender)) {
        const isOwn = frame[0]!.body.sendID === sender
        if (isOwn && !isOptionOn(frame[0]!.body.options, 'senderSync') && frame[0]!.body.recvID !== sender) continue
        deliver([sender], frame, isOwn ? frame[0]!.cause : undefined)
      }
    }
    await Promise.all(deliveries)
  }

  async #membersOf(groupID: string): Promise<readonly string[]> {
    const members = await this.#repositories.groupMembers.ofGroup({ groupID })
    let ids = this.#memberIDs.get(members)
    if (ids === undefined) {
      ids = members.map(({ userID }) => userID)
      this.#memberIDs.set(members, ids)
    }
    return ids
  }
}

/** Cuts a batch into frames: bounded in bytes, and each message of `alone` by itself. */
function frames(batch: readonly Pushed[], alone?: string): Pushed[][] {
  const cut: Pushed[][] = []
  let current: Pushed[] = []
  let bytes = 0
  const finish = (): void => {
    if (current.length > 0) cut.push(current)
    current = []
    bytes = 0
  }
  for (const pushed of batch) {
    const isAlone = pushed.body.sendID === alone
    if (isAlone || bytes + pushed.bytes.length > frameBytes) finish()
    current.push(pushed)
    bytes += pushed.bytes.length
    if (isAlone) finish()
  }
  finish()
  return cut
}

function conversationIDOf(message: MsgData, isGroup: boolean, isNotification: boolean): string {
  if (isGroup)
    return isNotification ? groupNotificationConversationID(message.groupID) : groupConversationID(message.groupID)
  return isNotification
    ? singleNotificationConversationID(message.sendID, message.recvID)
    : singleConversationID(message.sendID, message.recvID)
}
