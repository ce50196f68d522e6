import type { Clock, Count, Milliseconds } from '@parlance/core'

/** A session that was told how far a stream goes while some of it may still wait to be pushed. */
export interface ToldSession {
  readonly subject: string
  /** What is numbered up to here the session knows of; it pulls it. */
  readonly head: number
}

/**
 * Who was told how far which stream goes: what is pushed up to there is known to the session already, and clients that count by
 * pushes would miscount if they got it as well.
 */
export interface ToldHeads {
  tell(sessionID: string, stream: string, told: ToldSession): void
  toldOf(stream: string): ReadonlyMap<string, ToldSession> | undefined
}

type Generation = Map<string, Map<string, ToldSession>>

/** Longer than anything waits to be pushed: what is shed is shed before. */
const rememberedMs: Milliseconds = 30_000

/** As many as may be remembered at the same time, half of them at the least: many sessions come back at once, each with many streams. */
const maxRemembered: Count = 1_000_000

/**
 * Remembers what was told for 30 to 60 s, for processes that do not see what waits to be pushed to them; for less when more is told
 * than there is room for.
 */
export class RecentlyToldHeads implements ToldHeads {
  readonly #clock: Clock
  #current: Generation = new Map()
  #previous: Generation = new Map()
  readonly #maxRemembered: Count
  #since: Milliseconds
  #count: Count = 0

  constructor(clock: Clock, maxInMemory = maxRemembered) {
    this.#clock = clock
    this.#maxRemembered = maxInMemory
    this.#since = clock.elapsed()
  }

  tell(sessionID: string, stream: string, told: ToldSession): void {
    this.#age()
    if (++this.#count > this.#maxRemembered / 2) this.#begin(this.#current, 1)
    const sessions = this.#current.get(stream)
    if (sessions === undefined) this.#current.set(stream, new Map([[sessionID, told]]))
    else sessions.set(sessionID, told)
  }

  toldOf(stream: string): ReadonlyMap<string, ToldSession> | undefined {
    this.#age()
    const [older, newer] = [this.#previous.get(stream), this.#current.get(stream)]
    return older === undefined || newer === undefined ? (older ?? newer) : new Map([...older, ...newer])
  }

  #age(): void {
    const elapsedMs = this.#clock.elapsed() - this.#since
    if (elapsedMs < rememberedMs) return
    this.#begin(elapsedMs < 2 * rememberedMs ? this.#current : new Map(), 0)
  }

  #begin(previous: Generation, count: Count): void {
    this.#previous = previous
    this.#current = new Map()
    this.#count = count
    this.#since = this.#clock.elapsed()
  }
}
