import { backoffMs, type Clock, type Count, type Logger, type Milliseconds, ParlanceError } from '@parlance/core'
import type { CacheStore } from './cache-store.ts'

/** The shared cache failed several times in a row and is left alone for a moment. */
export class CacheUnavailableError extends ParlanceError {
  static override readonly code = 'CACHE_UNAVAILABLE'
  static override readonly retryable = true
}

const maxFailures: Count = 3
const rest = { firstMs: 200, maxMs: 3_000 }

/**
 * Keeps callers from waiting for a store that is down: after three failures in a row its steps fail at once for a moment,
 * then one is let through, and the first that succeeds lets all through again.
 */
export class Breaker {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #random: () => number
  #failures: Count = 0
  #openUntilMs: Milliseconds = 0
  #isTrying = false

  constructor({ clock, logger, random }: { clock: Clock; logger: Logger; random: () => number }) {
    this.#clock = clock
    this.#logger = logger
    this.#random = random
  }

  /** @throws what the step throws; {@link CacheUnavailableError} `CACHE_UNAVAILABLE` without having begun it. */
  async run<T>(step: () => Promise<T>): Promise<T> {
    const isOpen = this.#failures >= maxFailures
    if (isOpen && (this.#isTrying || this.#clock.elapsed() < this.#openUntilMs))
      throw new CacheUnavailableError('the shared cache failed several times in a row and is left alone for a moment')
    this.#isTrying = isOpen
    try {
      const result = await step()
      if (this.#failures >= maxFailures) this.#logger.info('the shared cache answers again')
      this.#failures = 0
      return result
    } catch (error) {
      this.#failed(error)
      throw error
    } finally {
      if (isOpen) this.#isTrying = false
    }
  }

  #failed(error: unknown): void {
    this.#failures++
    if (this.#failures < maxFailures) return
    if (this.#failures === maxFailures) this.#logger.warn('the shared cache does not answer', { error })
    const attempt = this.#failures - maxFailures + 1
    this.#openUntilMs = this.#clock.elapsed() + backoffMs(attempt, { ...rest, random: () => (1 + this.#random()) / 2 })
  }
}

/** The store behind a breaker. Waiting for others is no matter of the store's health. */
export function guarded(store: CacheStore, breaker: Breaker): CacheStore {
  return {
    probe: (...step) => breaker.run(() => store.probe(...step)),
    fill: (...step) => breaker.run(() => store.fill(...step)),
    release: (...step) => breaker.run(() => store.release(...step)),
    markStale: (...step) => breaker.run(() => store.markStale(...step)),
    settled: (...step) => store.settled(...step),
  }
}
