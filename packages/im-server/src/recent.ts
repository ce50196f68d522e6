import { type Clock, type Milliseconds, Singleflight } from '@parlance/core'

/**
 * Asks at most once at a time, and shares each answer for a while, however many want to know.
 *
 * A failure reaches those who wait for it, and nobody later.
 */
export class Recent<T> {
  readonly #ask: () => Promise<T>
  readonly #clock: Clock
  readonly #forMs: Milliseconds
  readonly #flight = new Singleflight<'', T>()
  #known: { readonly answer: T; readonly untilMs: Milliseconds } | undefined

  constructor(ask: () => Promise<T>, clock: Clock, forMs: Milliseconds) {
    this.#ask = ask
    this.#clock = clock
    this.#forMs = forMs
  }

  /** An answer that is at most so old. */
  async get(): Promise<T> {
    if (this.#known !== undefined && this.#clock.elapsed() < this.#known.untilMs) return this.#known.answer
    return this.#flight.run('', async () => {
      // Counted from the question: what was seen may have changed since.
      const untilMs = this.#clock.elapsed() + this.#forMs
      const answer = await this.#ask()
      this.#known = { answer, untilMs }
      return answer
    })
  }
}
