import type { Clock, Milliseconds } from '@parlance/core'
import type { Cause } from './push-record.ts'

interface Unanswered {
  count: number
  readonly answered: Promise<void>
  readonly resolve: () => void
}

/** What one request causes must not hold up the others for long. */
const maxWaitMs: Milliseconds = 250

/**
 * Requests over HTTP that are being handled: what they cause is pushed behind their answers, for the SDKs recognise their own
 * doing by an operation id that they know only from then on.
 *
 * A push waits at most 250 ms for the answer.
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
      request = { count: 0, answered, resolve }
      this.#unanswered.set(operationID, request)
    }
    request.count++
    return () => this.#end(operationID, request)
  }

  /** Resolves when none of the causes waits for its answer, or after 250 ms; undefined when that is so already. */
  answered(causes: Iterable<Cause>): Promise<unknown> | undefined {
    if (this.#unanswered.size === 0) return undefined
    const waiting = new Set<Promise<void>>()
    for (const { operationID, sessionID } of causes) {
      if (sessionID !== '') continue
      const request = this.#unanswered.get(operationID)
      if (request !== undefined) waiting.add(request.answered)
    }
    if (waiting.size === 0) return undefined
    return new Promise((resolve) => {
      const timer = this.#clock.after(maxWaitMs, () => resolve(undefined))
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
