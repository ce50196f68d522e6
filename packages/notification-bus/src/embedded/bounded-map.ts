import type { Count } from '@parlance/core'

/** A map that forgets what was not asked for the longest time when it grows beyond its bound. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>()
  readonly #max: Count

  constructor(max: Count) {
    this.#max = max
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined) {
      this.#entries.delete(key)
      this.#entries.set(key, value)
    }
    return value
  }

  set(key: K, value: V): void {
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#max) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }

  delete(key: K): void {
    this.#entries.delete(key)
  }
}
