import { type Flight, Singleflight } from '@parlance/core'

/** A moment in the order of things in this process. */
export type Tick = number

/** What a flight found, and the moment up to which it is sure to be right: callers that arrived before may have it. */
export interface Fresh<V> {
  readonly value: V
  readonly freshAt: Tick
}

/**
 * Shares flights among callers so that none gets what was read before it arrived.
 *
 * A flight that only begins anew after a local invalidation is not enough: another process may have marked the key
 * while this one's probe was on its way. So a caller that joined late takes the outcome only if a step that was sent after
 * the caller arrived has confirmed it, and otherwise flies again, together with everyone in the same case.
 */
export class FreshFlights<V> {
  readonly #flights = new Singleflight<string, Fresh<V> | undefined>()
  #now: Tick = 0

  /** The present moment; later than every moment named before. */
  tick(): Tick {
    return ++this.#now
  }

  /**
   * Joins or begins flights until one is fresh enough; at most two, unless the ones joined were given up.
   *
   * @param begin - answers `undefined` to say that it was given up because its own caller aborted.
   */
  async run(
    key: string,
    begin: (flight: Flight) => Promise<Fresh<V> | undefined>,
    signal: AbortSignal | undefined,
  ): Promise<V> {
    const arrivedAt = this.tick()
    for (;;) {
      const outcome = await this.#flights.run(key, begin, signal)
      if (outcome !== undefined && outcome.freshAt > arrivedAt) return outcome.value
    }
  }

  /** Callers from now on begin a new flight instead of waiting for one that cannot serve them. */
  invalidate(key: string): void {
    this.#flights.invalidate(key)
  }
}
