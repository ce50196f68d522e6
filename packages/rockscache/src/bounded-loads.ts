import { type Count, OverloadedError } from '@parlance/core'

interface Waiting {
  isGone: boolean
  readonly begin: () => void
}

/** Loads past the cache: so many at a time, the others in their order; more than may wait are refused. */
export class BoundedLoads {
  readonly #maxRunning: Count
  readonly #maxWaiting: Count
  readonly #waiting: Waiting[] = []
  #running: Count = 0

  constructor(maxRunning: Count, maxWaiting: Count) {
    this.#maxRunning = maxRunning
    this.#maxWaiting = maxWaiting
  }

  /** @throws what the load throws; the signal's reason while it waits; {@link OverloadedError} `CORE_OVERLOADED`. */
  async run<T>(load: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (this.#running >= this.#maxRunning) await this.#turn(signal)
    else this.#running++
    try {
      return await load()
    } finally {
      this.#pass()
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting)
      throw new OverloadedError('the shared cache is down and too many loads wait for the source; try again later')
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        waiting.isGone = true
        reject(signal?.reason as Error)
      }
      const begin = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      const waiting: Waiting = { isGone: false, begin }
      if (signal?.aborted) return onAbort()
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(waiting)
    })
  }

  /** Hands the place to the next who still wants it. */
  #pass(): void {
    for (;;) {
      const next = this.#waiting.shift()
      if (next === undefined) {
        this.#running--
        return
      }
      if (next.isGone) continue
      next.begin()
      return
    }
  }
}
