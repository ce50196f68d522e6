import type { Count, Milliseconds } from '@parlance/core'
import type { Announcement } from './announcement.ts'

interface Known {
  /** The last number heard; undefined when what came before is settled by a flush. */
  number: number | undefined
  heardAtMs: Milliseconds
}

/**
 * Who publishes, and up to which number each was heard: tells when something was missed.
 *
 * Whoever is new is believed from its first message on only if that is its first at all, or if we have just begun to listen:
 * then nothing is cached yet from before.
 */
export class Publishers {
  readonly #known = new Map<string, Known>()
  readonly #silentMs: Milliseconds
  #listeningSinceMs: Milliseconds = -Infinity

  /** @param silentMs - a living publisher is never silent for so long. */
  constructor(silentMs: Milliseconds) {
    this.#silentMs = silentMs
  }

  /** Everything cached before now was dropped, and from now on messages are heard. */
  began(nowMs: Milliseconds): void {
    this.#listeningSinceMs = nowMs
    for (const known of this.#known.values()) {
      known.number = undefined
      known.heardAtMs = nowMs
    }
  }

  /** Takes note of a message; true when one before it was missed. */
  heard({ publisher, number, keys, isLast }: Announcement, nowMs: Milliseconds): boolean {
    const known = this.#known.get(publisher)
    const isSettled =
      known === undefined ? nowMs - this.#listeningSinceMs <= this.#silentMs : known.number === undefined
    const last = known?.number ?? 0
    const isMissed = !isSettled && number > last + (keys.length > 0 ? 1 : 0)
    if (isLast) this.#known.delete(publisher)
    else this.#known.set(publisher, { number: Math.max(number, last), heardAtMs: nowMs })
    return isMissed
  }

  /** Forgets those that were silent too long, and says how many: what they published since may have been missed. */
  forgetSilent(nowMs: Milliseconds): Count {
    let count = 0
    for (const [publisher, { heardAtMs }] of this.#known) {
      if (nowMs - heardAtMs <= this.#silentMs) continue
      this.#known.delete(publisher)
      count++
    }
    return count
  }

  /** Time since the one that was heard longest ago was heard; 0 when there is nobody. */
  silenceMs(nowMs: Milliseconds): Milliseconds {
    let longest = 0
    for (const { heardAtMs } of this.#known.values()) longest = Math.max(longest, nowMs - heardAtMs)
    return longest
  }
}
