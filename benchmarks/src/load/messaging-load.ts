import { deferred, type Timer, wait } from '@parlance/core'

import { type DeliveryExpectation, DeliveryLedger } from '../delivery-ledger.ts'
import type { RawClientSink } from '../raw-client.ts'
import type { SendFrame } from '../wire/send-frame.ts'
import { ClientPool } from './client-pool.ts'
import type { LoadContext } from './load-context.ts'
import type { MessagingReport } from './messages.ts'
import { ServerApi } from './server-api.ts'
import { WindowRecorder } from './window-recorder.ts'

const giveUpAfterMs = 10_000
const sweepMs = 1_000
const drainPollMs = 20
const lateArrivalsMs = 500

/**
 * A workload that sends messages: prepares users, runs warm-up and windows, stops, waits for everything that is due
 * and then adds up what was lost, doubled or reordered.
 */
export abstract class MessagingLoad implements RawClientSink {
  protected readonly context: LoadContext
  protected readonly ledger: DeliveryLedger
  protected readonly windows: WindowRecorder
  protected isSending = false
  /** The time at which the chunk being read arrived; one reading of the clock per chunk. */
  protected nowMs = 0
  readonly #errorCodes: Record<string, number> = {}
  readonly #failure = deferred<never>()
  #heardAtMs = 0
  #sweep: Timer | undefined
  #pool: ClientPool | undefined

  constructor(context: LoadContext, expectation: DeliveryExpectation) {
    this.context = context
    this.ledger = new DeliveryLedger(expectation)
    this.windows = new WindowRecorder(context.clock, context.shape, (mark, window) => void context.mark(mark, window))
  }

  /** Runs the workload once. */
  async run(): Promise<MessagingReport> {
    const { clock, target, shape } = this.context
    const api = new ServerApi(target)
    await api.open()
    const userIDs = this.userIDs()
    const tokens = await api.registerUsers(userIDs)
    this.#pool = new ClientPool(clock, target, userIDs, tokens, this)
    try {
      await this.prepare(api, userIDs, tokens)
      await this.#pool.connect(shape.concurrentConnects)
      await this.context.mark('prepared')
      return await Promise.race([this.#measure(), this.#failure.promise])
    } finally {
      this.#sweep?.cancel()
      this.#pool.close()
    }
  }

  chunkBegins(): void {
    this.nowMs = this.context.clock.elapsed()
  }

  abstract answered(lane: number, number: number, errCode: number): void
  abstract received(lane: number, number: number, seq: number): void
  abstract chunkEnds(lane: number): void

  lost(lane: number, reason: Error): void {
    this.#failure.reject(
      new Error(`Connection ${lane} was lost while messages were sent: ${reason.message}`, { cause: reason }),
    )
  }

  /** The users to register and connect; their position is their lane. */
  protected abstract userIDs(): string[]
  /** Prepares what the workload needs besides users. */
  protected abstract prepare(api: ServerApi, userIDs: readonly string[], tokens: readonly string[]): Promise<void>
  /** Begins to send; called once {@link isSending} is true. */
  protected abstract begin(): void
  /** A message will not be waited for any longer: its place in flight is free. */
  protected abstract gaveUp(number: number): void

  /** Takes an answer down; false when it counts for nothing. */
  protected takeAnswer(number: number, errCode: number): boolean {
    this.#heardAtMs = this.nowMs
    if (errCode !== 0) {
      if (!this.ledger.refuse(number)) return false
      this.#errorCodes[errCode] = (this.#errorCodes[errCode] ?? 0) + 1
      return true
    }
    if (!this.ledger.acknowledge(number)) return false
    const counts = this.windows.current
    counts.acknowledgedCount += 1
    counts.acknowledgement.record(this.nowMs - this.ledger.sentAtMs(number))
    return true
  }

  /** Takes a delivery down; false when it counts for nothing. */
  protected takeDelivery(receiver: number, number: number, seq: number): boolean {
    if (!this.ledger.deliver(number, receiver, seq)) return false
    this.#heardAtMs = this.nowMs
    const counts = this.windows.current
    counts.deliveredCount += 1
    counts.delivery.record(this.nowMs - this.ledger.sentAtMs(number))
    return true
  }

  /** Sends `count` messages of one lane in one write, as sent now. */
  protected sendNow(lane: number, frame: SendFrame, count: number): void {
    const nowMs = this.context.clock.elapsed()
    const bytes = Buffer.allocUnsafe(count * frame.byteLength)
    for (let index = 0; index < count; index += 1) {
      frame.write(bytes, index * frame.byteLength, this.ledger.send(nowMs, lane))
    }
    this.transmit(lane, bytes)
  }

  /** Writes finished frames to one lane's connection. */
  protected transmit(lane: number, frames: Buffer): void {
    this.#pool!.clients[lane]!.send(frames)
  }

  async #measure(): Promise<MessagingReport> {
    const { clock } = this.context
    this.#sweepLater()
    this.isSending = true
    this.begin()
    const windows = await this.windows.run()
    this.isSending = false
    const stoppedAtMs = clock.elapsed()
    // What is late is not lost: as long as something arrives, the rest is waited for.
    while (!this.ledger.isAllSettled && clock.elapsed() - Math.max(this.#heardAtMs, stoppedAtMs) < giveUpAfterMs)
      await wait(clock, drainPollMs)
    const drainMs = clock.elapsed() - stoppedAtMs
    await wait(clock, lateArrivalsMs)
    await this.context.mark('finished')
    return {
      kind: 'messaging',
      windows,
      drainMs,
      deliveries: this.ledger.report(),
      errorCodes: this.#errorCodes,
    }
  }

  #sweepLater(): void {
    this.#sweep = this.context.clock.after(sweepMs, () => {
      this.ledger.abandon(this.context.clock.elapsed() - giveUpAfterMs, (number) => this.gaveUp(number))
      this.#sweepLater()
    })
  }
}
