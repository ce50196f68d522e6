import type { Count } from '@parlance/core'

/** A table of numbers by hash: open addressing in two flat arrays, 16 bytes a place, grown as needed. */
class HashTable {
  #hashes = new Float64Array(1024)
  #seqs = new Float64Array(1024)
  size: Count = 0

  add(hash: number, seq: number): void {
    if (this.size * 2 >= this.#hashes.length) this.#grow()
    let place = this.#placeOf(hash)
    while (this.#hashes[place] !== 0) place = (place + 1) % this.#hashes.length
    this.#hashes[place] = hash
    this.#seqs[place] = seq
    this.size++
  }

  /** The first number added under the hash that `accepts` wants; 0 when there is none. */
  find(hash: number, accepts: (seq: number) => boolean): number {
    for (let place = this.#placeOf(hash); this.#hashes[place] !== 0; place = (place + 1) % this.#hashes.length) {
      const seq = this.#seqs[place]!
      if (this.#hashes[place] === hash && seq !== 0 && accepts(seq)) return seq
    }
    return 0
  }

  /** Takes a number out; its place stays occupied, so that those behind it are still found. */
  remove(hash: number, seq: number): void {
    for (let place = this.#placeOf(hash); this.#hashes[place] !== 0; place = (place + 1) % this.#hashes.length) {
      if (this.#hashes[place] === hash && this.#seqs[place] === seq) this.#seqs[place] = 0
    }
  }

  #placeOf(hash: number): number {
    return hash % this.#hashes.length
  }

  #grow(): void {
    const hashes = this.#hashes
    const seqs = this.#seqs
    this.#hashes = new Float64Array(hashes.length * 2)
    this.#seqs = new Float64Array(hashes.length * 2)
    this.size = 0
    hashes.forEach((hash, place) => {
      if (hash !== 0 && seqs[place] !== 0) this.add(hash, seqs[place]!)
    })
  }
}

/**
 * The newest hashes of a journal and their numbers: at least `window` of them, at most twice as many.
 *
 * Two tables, the older of which is dropped whenever the newer one is full.
 */
export class HashWindow {
  readonly #window: Count
  #newer = new HashTable()
  #older = new HashTable()

  constructor(window: Count) {
    this.#window = window
  }

  /** Adds a hash (a positive whole number); tells whether the older half was dropped for it. */
  add(hash: number, seq: number): boolean {
    const full = this.#newer.size >= this.#window
    if (full) {
      this.#older = this.#newer
      this.#newer = new HashTable()
    }
    this.#newer.add(hash, seq)
    return full
  }

  find(hash: number, accepts: (seq: number) => boolean): number {
    return this.#newer.find(hash, accepts) || this.#older.find(hash, accepts)
  }

  remove(hash: number, seq: number): void {
    this.#newer.remove(hash, seq)
    this.#older.remove(hash, seq)
  }
}
