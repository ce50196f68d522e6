import { SendFrame } from '../wire/send-frame.ts'
import type { LoadContext } from './load-context.ts'
import { MessagingLoad } from './messaging-load.ts'
import { platformID, type ServerApi } from './server-api.ts'

const expectedMessageCount = 2 ** 21

/**
 * Senders write to one receiver each. Lane i sends, lane i + pairs receives.
 *
 * How sending is paced is the subclass's business.
 */
export abstract class PairLoad extends MessagingLoad {
  protected readonly frames: SendFrame[] = []
  protected readonly pairCount: number

  constructor(context: LoadContext) {
    super(context, { receiverCount: context.shape.pairCount, fanOut: 'one', expectedMessageCount })
    this.pairCount = context.shape.pairCount
  }

  received(lane: number, number: number, seq: number): void {
    if (number < 0) return
    if (lane < this.pairCount) this.windows.current.ownCopyCount += 1
    else if (this.takeDelivery(lane - this.pairCount, number, seq)) this.delivered(lane - this.pairCount, number)
  }

  /** A message of this lane has reached its receiver. */
  protected delivered(_lane: number, _number: number): void {
    // Whoever paces sends by deliveries looks here.
  }

  protected userIDs(): string[] {
    return Array.from({ length: 2 * this.pairCount }, (_, lane) => `pair-${lane}`)
  }

  protected prepare(_api: ServerApi, userIDs: readonly string[]): Promise<void> {
    const { textBytes } = this.context.shape
    for (let pair = 0; pair < this.pairCount; pair += 1) {
      const to = { recvID: userIDs[pair + this.pairCount]! }
      this.frames.push(new SendFrame({ sendID: userIDs[pair]!, platformID, to, textBytes }))
    }
    return Promise.resolve()
  }
}

/** W1: every sender keeps a fixed number of sends on their way: unacknowledged, or not delivered yet where the shape says so. */
export class ClosedPairLoad extends PairLoad {
  readonly #free: Int32Array
  readonly #isUntilDelivered: boolean

  constructor(context: LoadContext) {
    super(context)
    this.#isUntilDelivered = context.shape.isInFlightUntilDelivered
    this.#free = new Int32Array(2 * this.pairCount)
  }

  answered(lane: number, number: number, errCode: number): void {
    if (this.takeAnswer(number, errCode) && this.#isOver(number) && !this.ledger.isAbandoned(number))
      this.#release(lane)
  }

  protected override delivered(lane: number, number: number): void {
    if (this.#isUntilDelivered && this.ledger.isSettled(number) && !this.ledger.isAbandoned(number)) this.#release(lane)
  }

  chunkEnds(of: number): void {
    const lane = of % this.pairCount
    const free = this.#free[lane]!
    if (free === 0 || !this.isSending) return
    this.#free[lane] = 0
    this.sendNow(lane, this.frames[lane]!, free)
  }

  protected begin(): void {
    for (let pair = 0; pair < this.pairCount; pair += 1) {
      this.#free[pair] = this.context.shape.inFlightPerSender
      this.chunkEnds(pair)
    }
  }

  protected gaveUp(number: number): void {
    if (this.#isOver(number)) return
    const lane = this.ledger.receiverOf(number)
    this.#release(lane)
    this.chunkEnds(lane)
  }

  #isOver(number: number): boolean {
    return this.#isUntilDelivered ? this.ledger.isSettled(number) : this.ledger.isAnswered(number)
  }

  #release(lane: number): void {
    this.#free[lane] = this.#free[lane]! + 1
  }
}

/**
 * W1-open: sends at a fixed rate whatever the server does; latency counts from when a send was due.
 *
 * A server that stalls is charged for every send that was due meanwhile.
 */
export class OpenPairLoad extends PairLoad {
  answered(_lane: number, number: number, errCode: number): void {
    this.takeAnswer(number, errCode)
  }

  chunkEnds(): void {
    // Nothing follows from what was read: the schedule alone decides when to send.
  }

  protected begin(): void {
    const { clock, shape } = this.context
    const everyMs = 1000 / shape.openRatePerSecond
    const beginsAtMs = clock.elapsed()
    let due = 0
    const tick = (): void => {
      if (!this.isSending) return
      const nowMs = clock.elapsed()
      for (; beginsAtMs + due * everyMs <= nowMs; due += 1) this.#sendDue(beginsAtMs + due * everyMs)
      clock.after(1, tick)
    }
    tick()
  }

  protected gaveUp(): void {
    // An open loop has no places to give back.
  }

  #sendDue(dueAtMs: number): void {
    const lane = this.ledger.sentCount % this.pairCount
    const frame = this.frames[lane]!
    const bytes = Buffer.allocUnsafe(frame.byteLength)
    frame.write(bytes, 0, this.ledger.send(dueAtMs, lane))
    this.windows.current.sendDelay.record(this.context.clock.elapsed() - dueAtMs)
    this.transmit(lane, bytes)
  }
}
