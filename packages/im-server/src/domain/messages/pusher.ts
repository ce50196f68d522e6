import { type Logger, ParlanceError } from '@parlance/core'
import type { DeliverOptions, Gateway } from '@parlance/gateway'
import type { Batch } from '@parlance/notification-bus'
import {
  type FrameReply,
  type FrameRequest,
  encodePushMessages,
  isOptionOn,
  msgFrom,
  MsgData,
  opCodes,
  sessionTypes,
  withNumber,
} from '@parlance/openim-protocol'
import type { ImRepositories } from '../repositories.ts'
import { addressOf } from './address.ts'
import type { PushBacklog } from './push-backlog.ts'
import type { Cause, PushRecord } from './push-record.ts'
import type { SyncingSessions } from './syncing-sessions.ts'
import type { UnansweredRequests } from './unanswered-requests.ts'

type Deliver = DeliverOptions<FrameRequest, FrameReply>

/** One message on its way to its receivers. */
interface Pushed {
  readonly body: MsgData
  /** 0 for a message that is not kept. */
  readonly seq: number
  readonly bytes: Uint8Array
  readonly cause: Cause
}

/** A session that does not simply get what the others of its user get. */
interface SpecialSession {
  readonly subject: string
  /** Messages up to here are known to it. */
  readonly head: number
  /** What is pushed has to come behind the answer to this request. */
  readonly behind: string | undefined
}

/** No frame carries more than this, so that every client's read limit holds; a message alone may be longer. */
const frameBytes = 32_768

/**
 * Brings messages to the sessions of their receivers.
 *
 * Messages of one stream go out in the order of their numbers, several in one frame, encoded once per codec however many
 * receivers there are. A sender's own copy travels alone, under the operation id of its request, and never before the answer
 * to it: the SDKs take a frame with one of their operation ids for their own doing, and drop all of it. What a request over HTTP
 * caused comes behind its answer for the same reason. A group's messages reach its members at the time of the push, and whom
 * their cause names; what the server says in the name of somebody else goes to nobody else. A session that was told
 * of a message while it waited here does not get it pushed as well.
 */
export class Pusher {
  readonly #repositories: ImRepositories
  readonly #gateway: Gateway<FrameRequest, FrameReply>
  readonly #backlog: PushBacklog
  readonly #syncing: SyncingSessions
  readonly #requests: UnansweredRequests
  readonly #logger: Logger
  /** The last record done, by partition: a batch that comes again after a failure goes on behind it. */
  readonly #done = new Map<number, number>()
  readonly #memberIDs = new WeakMap<readonly object[], ReadonlySet<string>>()

  constructor(
    repositories: ImRepositories,
    gateway: Gateway<FrameRequest, FrameReply>,
    backlog: PushBacklog,
    syncing: SyncingSessions,
    requests: UnansweredRequests,
    logger: Logger,
  ) {
    this.#repositories = repositories
    this.#gateway = gateway
    this.#backlog = backlog
    this.#syncing = syncing
    this.#requests = requests
    this.#logger = logger
  }

  /**
   * Pushes records in order, each once; neighbouring ones of the same stream share frames.
   *
   * A failure that may pass rejects, and the batch comes again. Any other is logged and left: the messages are stored, and
   * their receivers find them when they next ask.
   */
  async push({ partition, received }: Batch<PushRecord>): Promise<void> {
    const done = this.#done.get(partition) ?? 0
    const waiting = received.filter(({ offset }) => offset > done)
    for (let from = 0; from < waiting.length;) {
      const { stream } = waiting[from]!.message
      let to = from + 1
      while (to < waiting.length && waiting[to]!.message.stream === stream) to++
      const records = waiting.slice(from, to).map(({ message }) => message)
      await this.#pushRecords(stream, records)
      this.#done.set(partition, waiting[to - 1]!.offset)
      this.#backlog.leave(
        stream,
        records.reduce((count, { causes }) => count + causes.length, 0),
      )
      from = to
    }
  }

  async #pushRecords(stream: string, records: readonly PushRecord[]): Promise<void> {
    try {
      const batches = await Promise.all(records.map((record) => this.#read(record)))
      await this.#requests.answered(records.flatMap(({ causes }) => causes))
      for (const batch of byAudience(batches.flat())) await this.#pushBatch(stream, batch)
    } catch (error) {
      if (ParlanceError.is(error) && error.retryable) throw error
      this.#logger.error('messages could not be pushed; their receivers have to pull them', { stream, error })
    }
  }

  async #read(record: PushRecord): Promise<Pushed[]> {
    if (record.kind === 'online') {
      const bytes = Buffer.from(record.message, 'base64')
      return [{ body: MsgData.decode(bytes), seq: 0, bytes, cause: record.causes[0]! }]
    }
    const entries = await this.#repositories.messages.range(record.stream, record.first, record.last)
    return entries.map(({ seq, bytes, row }) => ({
      body: row.body,
      seq,
      bytes: withNumber(bytes, seq),
      cause: record.causes[seq - record.first]!,
    }))
  }

  async #pushBatch(stream: string, batch: readonly Pushed[]): Promise<void> {
    const sample = batch[0]?.body
    if (sample === undefined) return
    const receivers =
      sample.sessionType === sessionTypes.group
        ? await this.#audienceOf(sample.groupID, batch[0]!.cause)
        : new Set([sample.sendID, sample.recvID])
    const senders = new Set(
      batch
        .filter(({ body }) => receivers.has(body.sendID) || body.msgFrom !== msgFrom.system)
        .map(({ body }) => body.sendID),
    )
    const others = [...receivers].filter((userID) => !senders.has(userID))
    const special = this.#specialSessions(stream)
    const except: Deliver =
      special.size === 0 ? {} : { except: ({ id }: { readonly id: string }): boolean => special.has(id) }
    const deliveries: Promise<number>[] = []

    if (others.length > 0) for (const frame of frames(batch)) deliveries.push(this.#deliver(others, frame, except))
    for (const sender of senders)
      for (const frame of framesFor(sender, batch))
        deliveries.push(this.#deliver([sender], frame, { ...except, ...behindItsCause(sender, frame) }))
    const isReached = (userID: string): boolean => receivers.has(userID) || senders.has(userID)
    if (special.size > 0) deliveries.push(...this.#toSpecial(stream, batch, special, isReached))
    await Promise.all(deliveries)
  }

  /** Each special session gets what it does not know of yet, when it may have it. */
  #toSpecial(
    stream: string,
    batch: readonly Pushed[],
    special: ReadonlyMap<string, SpecialSession>,
    isReached: (userID: string) => boolean,
  ): Promise<number>[] {
    const deliveries: Promise<number>[] = []
    const bytes = batch.reduce((sum, pushed) => sum + pushed.bytes.length, 0)
    for (const [id, { subject, head, behind }] of special) {
      if (!isReached(subject)) continue
      if (this.#syncing.isNew(id)) {
        this.#syncing.hold(id, stream, bytes, (known) =>
          this.#deliverHeld(
            id,
            subject,
            batch.filter(({ seq }) => seq === 0 || seq > Math.max(head, known)),
          ),
        )
        continue
      }
      const unknown = batch.filter(({ seq }) => seq === 0 || seq > head)
      for (const frame of framesFor(subject, unknown)) {
        const after =
          behind === undefined ? behindItsCause(subject, frame) : { after: { sessionId: id, requestKey: behind } }
        deliveries.push(this.#deliver([subject], frame, { only: (session) => session.id === id, ...after }))
      }
    }
    return deliveries
  }

  #specialSessions(stream: string): ReadonlyMap<string, SpecialSession> {
    const special = new Map<string, SpecialSession>()
    for (const [id, told] of this.#backlog.toldOf(stream) ?? [])
      special.set(id, { ...told, behind: this.#syncing.sessions.get(id)?.requestKey })
    for (const [id, { subject, requestKey }] of this.#syncing.sessions)
      if (!special.has(id)) special.set(id, { subject, head: 0, behind: requestKey })
    for (const [id, { subject }] of this.#syncing.newSessions)
      if (!special.has(id)) special.set(id, { subject, head: 0, behind: undefined })
    return special
  }

  #deliverHeld(id: string, subject: string, batch: readonly Pushed[]): void {
    for (const frame of framesFor(subject, batch)) {
      const options = {
        only: (session: { readonly id: string }) => session.id === id,
        ...behindItsCause(subject, frame),
      }
      this.#deliver([subject], frame, options).catch((error: unknown) =>
        this.#logger.error('a push that waited could not be delivered', { session: id, error }),
      )
    }
  }

  #deliver(to: readonly string[], frame: readonly Pushed[], options: Deliver): Promise<number> {
    const { conversationID, isNotification } = addressOf(frame[0]!.body)
    const data = encodePushMessages(
      isNotification ? 'notificationMsgs' : 'msgs',
      conversationID,
      frame.map(({ bytes }) => bytes),
    )
    const { operationID } = frame[0]!.cause
    const message = { op: opCodes.pushMsg, msgIncr: '', operationID, errCode: 0, errMsg: '', data }
    return this.#gateway.deliver(to, message, options)
  }

  async #audienceOf(groupID: string, { alsoTo, onlyTo }: Cause): Promise<ReadonlySet<string>> {
    if (onlyTo !== undefined) return new Set(onlyTo)
    const members = await this.#membersOf(groupID)
    return alsoTo === undefined ? members : new Set([...members, ...alsoTo])
  }

  async #membersOf(groupID: string): Promise<ReadonlySet<string>> {
    const members = await this.#repositories.groupMembers.ofGroup.keys({ groupID })
    let ids = this.#memberIDs.get(members)
    if (ids === undefined) {
      ids = new Set(members.map(({ userID }) => userID))
      this.#memberIDs.set(members, ids)
    }
    return ids
  }
}

/** Cuts a batch where other users are to be told. */
function byAudience(batch: readonly Pushed[]): Pushed[][] {
  const cut: Pushed[][] = []
  for (const pushed of batch) {
    const { alsoTo, onlyTo } = pushed.cause
    const last = cut.at(-1)?.[0]?.cause
    if (last !== undefined && last.alsoTo === alsoTo && last.onlyTo === onlyTo) cut.at(-1)!.push(pushed)
    else cut.push([pushed])
  }
  return cut
}

/** The frames that a user gets of a batch: its own messages each alone, unless it does not want them back. */
function framesFor(userID: string, batch: readonly Pushed[]): Pushed[][] {
  const wanted = batch.filter(
    ({ body }) => body.sendID !== userID || body.recvID === userID || isOptionOn(body.options, 'senderSync'),
  )
  return frames(wanted, userID)
}

/** A sender's own copy comes behind the answer to what it sent. */
function behindItsCause(userID: string, frame: readonly Pushed[]): Deliver {
  const { body, cause } = frame[0]!
  if (body.sendID !== userID || cause.sessionID === '') return {}
  return { after: { sessionId: cause.sessionID, requestKey: cause.operationID } }
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
