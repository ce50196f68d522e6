import { type Count, OverloadedError } from '@parlance/core'

const maxWaiting: Count = 100_000

/** Lets the steps of one process take turns on the rows they share, so that they do not meet in the store. */
export class KeyLocks {
  readonly #tails = new Map<string, Promise<void>>()
  #waiting: Count = 0

  /**
   * Runs `work` when nobody else has one of the keys.
   *
   * @throws OverloadedError when too many wait.
   */
  async with<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= maxWaiting)
      throw new OverloadedError(`${this.#waiting} writes wait for their rows: try again later`)
    this.#waiting++
    const before: Promise<void>[] = []
    let release!: () => void
    const mine = new Promise<void>((resolve) => (release = resolve))
    // All tails are taken at once: whoever waits for another came later to every key they share.
    for (const key of keys) {
      const tail = this.#tails.get(key)
      if (tail !== undefined) before.push(tail)
      this.#tails.set(key, mine)
    }
    try {
      if (before.length > 0) await Promise.all(before)
      return await work()
    } finally {
      this.#waiting--
      release()
      for (const key of keys) if (this.#tails.get(key) === mine) this.#tails.delete(key)
    }
  }
}
