import { backoffMs, type Clock, type Logger, type Milliseconds, ParlanceError, wait } from '@parlance/core'

const between = { firstMs: 500, maxMs: 2_000 }
/** Whoever has not answered by then is named, although nothing failed so far. */
const quietMs: Milliseconds = 1_000

/** What {@link Patience} is made of. */
export interface PatienceOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** No try begins later than this. */
  readonly forMs: Milliseconds
  /** Ends the waiting, with its reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Waits for services that are still starting, and says for which.
 *
 * Each is tried until it can be had, for a bounded time from now on. An error that trying again does not mend ends all of it at
 * once, the waiting for the other services too. Each new reason is logged once, with the service's name in `waitsFor`.
 */
export class Patience {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #endsAtMs: Milliseconds
  readonly #hopeless = new AbortController()
  readonly #over: AbortSignal

  constructor({ clock, logger, forMs, signal }: PatienceOptions) {
    this.#clock = clock
    this.#logger = logger
    this.#endsAtMs = clock.elapsed() + forMs
    this.#over = signal === undefined ? this.#hopeless.signal : AbortSignal.any([this.#hopeless.signal, signal])
  }

  /** @throws the error of the last try, or the one that made waiting useless, or the signal's reason. */
  async for<T>(service: string, open: () => Promise<T>): Promise<T> {
    let said: string | undefined
    const say = (why: string): void => {
      if (why === said) return
      said = why
      this.#logger.warn(`waiting for ${service}: ${why}`, { waitsFor: service })
    }
    const quiet = this.#clock.after(quietMs, () => said ?? say('it has not answered yet'))
    // Between two tries nothing else keeps the process alive.
    const awake = setInterval(() => undefined, 60_000)
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await open()
        } catch (error) {
          this.#giveUpOn(error)
          say((error as Error).message)
        }
        await wait(this.#clock, backoffMs(attempt, between), this.#over)
      }
    } finally {
      quiet.cancel()
      clearInterval(awake)
    }
  }

  #giveUpOn(error: unknown): void {
    if (this.#over.aborted) throw this.#over.reason
    const isOver = this.#clock.elapsed() >= this.#endsAtMs
    if (ParlanceError.is(error) && error.retryable && !isOver) return
    this.#hopeless.abort(error)
    throw error
  }
}
