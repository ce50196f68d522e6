import type { Logger } from '@parlance/core'
import type { DeliverOptions, Gateway } from '@parlance/gateway'
import { type FrameReply, type FrameRequest, encodePushMessages, isOptionOn, opCodes } from '@parlance/openim-protocol'
import { addressOf } from './address.ts'
import type { Delivery, Push, Pushed } from './delivery.ts'
import type { SyncingSessions } from './syncing-sessions.ts'
import type { ToldHeads } from './told-heads.ts'

type Deliver = DeliverOptions<FrameRequest, FrameReply>

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
 * Brings messages to the sessions of this process.
 *
 * Several messages go in one frame, encoded once per codec however many receivers there are. A sender's own copy travels alone,
 * under the operation id of its request, and never before the answer to it: the SDKs take a frame with one of their operation ids
 * for their own doing, and drop all of it. A session that was told of a message while it waited does not get it pushed as well.
 */
export class SessionDelivery implements Delivery {
  readonly #gateway: Pick<Gateway<FrameRequest, FrameReply>, 'deliver'>
  readonly #told: Pick<ToldHeads, 'toldOf'>
  readonly #syncing: SyncingSessions
  readonly #logger: Logger

  constructor(
    gateway: Pick<Gateway<FrameRequest, FrameReply>, 'deliver'>,
    told: Pick<ToldHeads, 'toldOf'>,
    syncing: SyncingSessions,
    logger: Logger,
  ) {
    this.#gateway = gateway
    this.#told = told
    this.#syncing = syncing
    this.#logger = logger
  }

  async deliver({ stream, batch, receivers, senders }: Push): Promise<void> {
    const others = [...receivers].filter((userID) => !senders.has(userID))
    const special = this.#specialSessions(stream)
    const except: Deliver =
      special.size === 0 ? {} : { except: ({ id }: { readonly id: string }): boolean => special.has(id) }
    const deliveries: Promise<number>[] = []

    if (others.length > 0) for (const frame of frames(batch)) deliveries.push(this.#send(others, frame, except))
    for (const sender of senders)
      for (const frame of framesFor(sender, batch))
        deliveries.push(this.#send([sender], frame, { ...except, ...behindItsCause(sender, frame) }))
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
        deliveries.push(this.#send([subject], frame, { only: (session) => session.id === id, ...after }))
      }
    }
    return deliveries
  }

  #specialSessions(stream: string): ReadonlyMap<string, SpecialSession> {
    const special = new Map<string, SpecialSession>()
    for (const [id, told] of this.#told.toldOf(stream) ?? [])
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
      this.#send([subject], frame, options).catch((error: unknown) =>
        this.#logger.error('a push that waited could not be delivered', { session: id, error }),
      )
    }
  }

  #send(to: readonly string[], frame: readonly Pushed[], options: Deliver): Promise<number> {
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
