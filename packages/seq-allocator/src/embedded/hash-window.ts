import type { Count } from '@parlance/core'

/** A table of numbers by hash: open addressing in two flat arrays, 16 bytes a place, two to four places an entry. */
class HashTable {
  #hashes = new Float64Array(1024)
  #seqs = new Float64Array(1024)
  #usedPlaces: Count = 0
  #size: Count = 0

  /** Entries that are in it; those taken out do not count. */
  get size(): Count {
    return this.#size
  }

  get placeCount(): Count {
    return this.#hashes.length
  }

  add(hash: number, seq: number): void {
    if (this.#usedPlaces * 2 >= this.#hashes.length) this.#rebuild()
    let place = this.#placeOf(hash)
    while (this.#hashes[place] !== 0) place = (place + 1) % this.#hashes.length
    this.#hashes[place] = hash
    this.#seqs[place] = seq
    this.#usedPlaces++
    this.#size++
  }

  /** The first number added under the hash that `accepts` wants; 0 when there is none. */
  find(hash: number, accepts: (seq: number) => boolean): number {
    for (let place = this.#placeOf(hash); this.#hashes[place] !== 0; place = (place + 1) % this.#hashes.length) {
      const seq = this.#seqs[place]!
      if (this.#hashes[place] === hash && seq !== 0 && accepts(seq)) return seq
    }
    return 0
  }

  /** Takes a number out; its place stays occupied until the next rebuild, so that those behind it are still found. */
  remove(hash: number, seq: number): void {
    for (let place = this.#placeOf(hash); this.#hashes[place] !== 0; place = (place + 1) % this.#hashes.length) {
      if (this.#hashes[place] !== hash || this.#seqs[place] !== seq) continue
      this.#seqs[place] = 0
      this.#size--
    }
  }

  #placeOf(hash: number): number {
    return hash % this.#hashes.length
  }

  // Larger only when entries need it: places that were left are free again afterwards.
  #rebuild(): void {
    const hashes = this.#hashes
    const seqs = this.#seqs
    const placeCount = this.#size * 4 > hashes.length ? hashes.length * 2 : hashes.length
    this.#hashes = new Float64Array(placeCount)
    this.#seqs = new Float64Array(placeCount)
    this.#usedPlaces = 0
    this.#size = 0
    hashes.forEach((hash, place) => {
      if (hash !== 0 && seqs[place] !== 0) this.add(hash, seqs[place]!)
    })
  }
}

/**
 * The newest hashes of a journal and their numbers: at least `window` of them, in two tables.
 *
 * When the newer table is full, whoever uses the window turns it: the older table is dropped. So it holds twice `window`
 * at most, and what one commit goes beyond.
 */
export class HashWindow {
  readonly #window: Count
  #newer = new HashTable()
  #older = new HashTable()

  constructor(window: Count) {
    this.#window = window
  }

  /** True when the newer table alone holds the window. */
  get isFull(): boolean {
    return this.#newer.size >= this.#window
  }

  /** Places of both tables, at 16 bytes. */
  get placeCount(): Count {
    return this.#newer.placeCount + this.#older.placeCount
  }

  /** Adds a hash, a positive whole number. */
  add(hash: number, seq: number): void {
    this.#newer.add(hash, seq)
  }

  /** Drops the older half; nothing added before can be taken out any more. */
  turn(): void {
    this.#older = this.#newer
    this.#newer = new HashTable()
  }

  find(hash: number, accepts: (seq: number) => boolean): number {
    return this.#newer.find(hash, accepts) || this.#older.find(hash, accepts)
  }

  /** Takes out what was added since the last turn. */
  remove(hash: number, seq: number): void {
    this.#newer.remove(hash, seq)
  }
}
