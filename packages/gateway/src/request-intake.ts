import type { Clock, Count, Logger, Milliseconds, Timer } from '@parlance/core'
import { ParlanceError } from '@parlance/core'
import { closeCodes } from './close-codes.ts'
import type { SessionCodec } from './codec.ts'
import { UnknownOpError } from './errors.ts'
import type { ResolvedLimits } from './limits.ts'
import type { Measures } from './measures.ts'
import type { OpMessage, OpRouter, Outcome } from './ops.ts'
import { debtMs, take } from './rate.ts'
import type { Session } from './session.ts'

/** How requests are handled; the same for all sessions of a gateway. */
export interface RequestRules<In extends OpMessage, Out> {
  readonly router: OpRouter<In, Out>
  readonly reply: (request: In, outcome: Outcome) => Out | undefined
  readonly requestKey: ((request: In) => string | undefined) | undefined
  readonly unknownOp: 'close' | 'reply'
  readonly undecodableFarewell: ((error: unknown) => Out) | undefined
  readonly limits: ResolvedLimits
  readonly clock: Clock
  readonly logger: Logger
  readonly measures: Measures
}

/** The session whose requests are taken in. */
export interface IntakeSession<In, Out> extends Session<In, Out> {
  pauseReading(): void
  resumeReading(): void
  answered(): void
}

interface Arrived {
  readonly data: Buffer
  readonly binary: boolean
}

/**
 * Takes in one session's messages: starts them in order, a bounded number at a time, at a bounded rate, and sees that
 * each request is answered exactly once. While it cannot take more, the socket is not read.
 */
export class RequestIntake<In extends OpMessage, Out> {
  readonly #session: IntakeSession<In, Out>
  readonly #rules: RequestRules<In, Out>
  readonly #codec: SessionCodec<In, Out>
  #inFlight: Count = 0
  #keys: (string | undefined)[] | undefined
  // What the socket had delivered in one piece before it could be paused; no more than one read holds.
  #waiting: Arrived[] | undefined
  #throttle: Timer | undefined
  #framesFullAtMs: Milliseconds = 0
  #bytesFullAtMs: Milliseconds = 0
  #paused = false
  #stopped = false
  #draining = false

  constructor(session: IntakeSession<In, Out>, rules: RequestRules<In, Out>) {
    this.#session = session
    this.#rules = rules
    this.#codec = session.codec
  }

  get isBusy(): boolean {
    return this.#inFlight > 0
  }

  get isPaused(): boolean {
    return this.#paused
  }

  isHandling(requestKey: string): boolean {
    return this.#keys?.includes(requestKey) ?? false
  }

  arrived(data: Buffer, binary: boolean): void {
    if (this.#stopped) return
    this.#rules.measures.framesIn.add()
    this.#rules.measures.bytesIn.add(data.length)
    if (this.#canTake && this.#waiting === undefined) this.#take(data, binary)
    else {
      this.#waiting ??= []
      this.#waiting.push({ data, binary })
    }
    this.#adjustReading()
  }

  arrivedControl(): void {
    if (this.#stopped) return
    this.#spend(0)
    this.#adjustReading()
  }

  /** Takes no more; what is being handled goes on. */
  stopReading(): void {
    this.#stopped = true
    this.#waiting = undefined
    this.#throttle?.cancel()
    this.#throttle = undefined
  }

  /** The session is over: nobody is answered any more. */
  stop(): void {
    this.stopReading()
    this.#keys = undefined
  }

  get #canTake(): boolean {
    return this.#throttle === undefined && this.#inFlight < this.#rules.limits.requestsInFlight
  }

  #spend(bytes: number): void {
    const { clock, limits, measures } = this.#rules
    const nowMs = clock.elapsed()
    this.#framesFullAtMs = take(this.#framesFullAtMs, nowMs, 1000 / limits.framesPerSecond)
    this.#bytesFullAtMs = take(this.#bytesFullAtMs, nowMs, (bytes * 1000) / limits.bytesPerSecond)
    if (this.#throttle !== undefined || this.#debtMs(nowMs) === 0) return
    measures.throttled.add()
    this.#wait(nowMs)
  }

  #debtMs(nowMs: Milliseconds): Milliseconds {
    return debtMs(Math.max(this.#framesFullAtMs, this.#bytesFullAtMs), nowMs, this.#rules.limits.burstMs)
  }

  #wait(nowMs: Milliseconds): void {
    this.#throttle = this.#rules.clock.after(this.#debtMs(nowMs), () => {
      this.#throttle = undefined
      const laterMs = this.#rules.clock.elapsed()
      if (this.#debtMs(laterMs) > 0) this.#wait(laterMs)
      else this.#drain()
    })
  }

  #adjustReading(): void {
    const shouldPause = !this.#stopped && (!this.#canTake || this.#waiting !== undefined)
    if (shouldPause === this.#paused) return
    this.#paused = shouldPause
    if (shouldPause) this.#session.pauseReading()
    else this.#session.resumeReading()
  }

  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    let taken = 0
    const waiting = this.#waiting
    if (waiting !== undefined) {
      while (taken < waiting.length && this.#canTake && !this.#stopped) {
        const { data, binary } = waiting[taken++]!
        this.#take(data, binary)
      }
      this.#waiting = this.#stopped || taken === waiting.length ? undefined : waiting.slice(taken)
    }
    this.#draining = false
    this.#adjustReading()
  }

  #take(data: Buffer, binary: boolean): void {
    this.#spend(data.length)
    let decoded
    try {
      decoded = this.#codec.decode(data, binary)
    } catch (error) {
      this.#rules.logger.info('undecodable message', { session: this.#session.id, error: String(error) })
      this.#sayFarewell(error)
      this.#session.close(closeCodes.undecodable, 'this message cannot be read')
      return
    }
    if (decoded.kind === 'message') this.#handle(decoded.message)
    else if (decoded.reply !== undefined) this.#session.sendEncoded(decoded.reply.bytes, decoded.reply.binary)
  }

  #sayFarewell(reason: unknown): void {
    if (this.#rules.undecodableFarewell === undefined) return
    try {
      this.#session.send(this.#rules.undecodableFarewell(reason))
    } catch (error) {
      this.#rules.logger.error('a farewell could not be made', { error: String(error) })
    }
  }

  #handle(request: In): void {
    const handler = this.#rules.router.find(request.op)
    if (handler === undefined && this.#rules.unknownOp === 'close') {
      this.#session.close(closeCodes.unknownOp, `op ${String(request.op)} is not served`)
      return
    }
    this.#inFlight++
    const key = this.#rules.requestKey?.(request)
    if (key !== undefined) {
      this.#keys ??= []
      this.#keys.push(key)
    }
    let result: unknown
    try {
      if (handler === undefined) throw new UnknownOpError(`op ${String(request.op)} is not served`)
      result = handler(this.#session, request)
    } catch (error) {
      this.#settle(request, key, { error })
      return
    }
    if (isPromiseLike(result))
      result.then(
        (data) => this.#settle(request, key, { data }),
        (error: unknown) => this.#settle(request, key, { error }),
      )
    else this.#settle(request, key, { data: result })
  }

  #settle(request: In, key: string | undefined, outcome: Outcome): void {
    if ('error' in outcome) this.#noteFailure(request, outcome.error)
    if (this.#session.isOpen) this.#answer(request, outcome)
    this.#inFlight--
    if (key !== undefined && this.#keys !== undefined) this.#keys.splice(this.#keys.indexOf(key), 1)
    if (!this.#session.isOpen) return
    this.#session.answered()
    this.#drain()
  }

  #answer(request: In, outcome: Outcome): void {
    try {
      const answer = this.#rules.reply(request, outcome)
      if (answer !== undefined) this.#session.send(answer)
    } catch (error) {
      this.#rules.logger.error('an answer could not be made', { op: request.op, error: String(error) })
      this.#session.close(closeCodes.internal, 'the answer could not be written')
    }
  }

  #noteFailure(request: In, error: unknown): void {
    this.#rules.measures.requestsFailed.add()
    if (ParlanceError.is(error)) return
    const shown = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#rules.logger.error('a request failed', { op: request.op, session: this.#session.id, error: shown })
  }
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
