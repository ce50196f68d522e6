import type { Clock, Milliseconds } from '@parlance/core'
import type { Cause } from './push-record.ts'

interface Unanswered {
  count: number
  readonly sinceMs: Milliseconds
  readonly answered: Promise<void>
  readonly resolve: () => void
}

/** What one request causes must not hold up the others for long, nor do many one after the other that overlap. */
const maxWaitMs: Milliseconds = 250

/**
 * Requests over HTTP that are being handled: what they cause is pushed behind their answers, for the SDKs recognise their own
 * doing by an operation id that they know only from then on.
 *
 * A push waits until 250 ms after the operation began at the most, also when further requests with its id begin meanwhile: who
 * keeps one unanswered for ever holds up nobody.
 */
export class UnansweredRequests {
  readonly #clock: Clock
  readonly #unanswered = new Map<string, Unanswered>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A request is being handled. Returns what to call once its answer is written. */
  begin(operationID: string): () => void {
    let request = this.#unanswered.get(operationID)
    if (request === undefined) {
      let resolve = (): void => undefined
      const answered = new Promise<void>((done) => (resolve = done))
      request = { count: 0, sinceMs: this.#clock.elapsed(), answered, resolve }
      this.#unanswered.set(operationID, request)
    }
    request.count++
    return () => this.#end(operationID, request)
  }

  /** Resolves when none of the causes waits for its answer, or has waited too long; undefined when that is so already. */
  answered(causes: Iterable<Cause>): Promise<unknown> | undefined {
    if (this.#unanswered.size === 0) return undefined
    const waiting = new Set<Promise<void>>()
    const now = this.#clock.elapsed()
    let longestMs: Milliseconds = 0
    for (const { operationID, sessionID } of causes) {
      if (sessionID !== '') continue
      const request = this.#unanswered.get(operationID)
      const leftMs = request === undefined ? 0 : request.sinceMs + maxWaitMs - now
      if (request === undefined || leftMs <= 0) continue
      waiting.add(request.answered)
      longestMs = Math.max(longestMs, leftMs)
    }
    if (waiting.size === 0) return undefined
    return new Promise((resolve) => {
      const timer = this.#clock.after(longestMs, () => resolve(undefined))
      void Promise.all(waiting).then(() => {
        timer.cancel()
        resolve(undefined)
      })
    })
  }

  #end(operationID: string, request: Unanswered): void {
    if (--request.count > 0) return
    this.#unanswered.delete(operationID)
    request.resolve()
  }
}
