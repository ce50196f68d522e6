import type { Entry } from './entry.ts'

/** Entries by last use, coldest first; every step is O(1) and none moves memory about. */
export class Recency {
  #coldest: Entry | undefined
  #warmest: Entry | undefined

  get coldest(): Entry | undefined {
    return this.#coldest
  }

  touch(entry: Entry): void {
    if (entry === this.#warmest) return
    this.remove(entry)
    entry.colder = this.#warmest
    if (this.#warmest === undefined) this.#coldest = entry
    else this.#warmest.warmer = entry
    this.#warmest = entry
  }

  /** Takes an entry out; one that is not in does no harm. */
  remove(entry: Entry): void {
    if (entry.colder !== undefined) entry.colder.warmer = entry.warmer
    else if (this.#coldest === entry) this.#coldest = entry.warmer
    if (entry.warmer !== undefined) entry.warmer.colder = entry.colder
    else if (this.#warmest === entry) this.#warmest = entry.colder
    entry.colder = undefined
    entry.warmer = undefined
  }
}
