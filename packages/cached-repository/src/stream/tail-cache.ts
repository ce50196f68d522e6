import type { Bytes, Count, Gauge, Metrics } from '@parlance/core'
import { type HeldEntry, sizeOfEntry } from './entry.ts'

/** How a {@link TailCache} is bounded. */
export interface TailCacheOptions {
  readonly maxBytes: Bytes
  readonly metrics: Metrics
}

interface Tail {
  entries: HeldEntry[]
  bytes: Bytes
}

const keptCount: Count = 100
const trimmedAtCount: Count = 150

/**
 * The newest entries of streams that are being written or read, bounded in bytes; the streams used least recently make way.
 *
 * A tail has no gap, and its last entry was the stream's newest when it was put there. There may be newer ones by now, when
 * others append too.
 */
export class TailCache {
  readonly #tails = new Map<string, Tail>()
  readonly #maxBytes: Bytes
  readonly #gauge: Gauge
  #bytes: Bytes = 0

  constructor({ maxBytes, metrics }: TailCacheOptions) {
    this.#maxBytes = maxBytes
    this.#gauge = metrics.gauge('parlance_repository_tail_bytes', 'Estimated size of the newest entries held in memory')
  }

  /** The held entries of a stream, ascending and without a gap; not to be changed. */
  get(stream: string): readonly HeldEntry[] | undefined {
    const tail = this.#tails.get(stream)
    if (tail === undefined) return undefined
    this.#tails.delete(stream)
    this.#tails.set(stream, tail)
    return tail.entries
  }

  /** Adds the newest entries, ascending. What is held already stays; newer entries that do not continue it replace it. */
  add(stream: string, newest: readonly HeldEntry[]): void {
    let tail = this.#tails.get(stream)
    const heldTo = tail?.entries.at(-1)!.seq ?? 0
    const entries =
      newest[0] !== undefined && newest[0].seq <= heldTo ? newest.filter(({ seq }) => seq > heldTo) : newest
    if (entries.length === 0) return
    if (tail === undefined || tail.entries.at(-1)!.seq + 1 !== entries[0]!.seq) {
      if (tail !== undefined) this.#bytes -= tail.bytes
      tail = { entries: [], bytes: 0 }
    }
    this.#tails.delete(stream)
    this.#tails.set(stream, tail)
    for (const entry of entries) {
      tail.entries.push(entry)
      this.#grow(tail, sizeOfEntry(entry))
    }
    if (tail.entries.length > trimmedAtCount) this.#trim(tail, tail.entries.length - keptCount)
    while (this.#bytes > this.#maxBytes) this.#evict()
    this.#gauge.set(this.#bytes)
  }

  #evict(): void {
    const [stream, tail] = this.#tails.entries().next().value!
    if (this.#tails.size === 1 && tail.entries.length > 1) {
      this.#trim(tail, Math.ceil(tail.entries.length / 2))
      return
    }
    this.#bytes -= tail.bytes
    this.#tails.delete(stream)
  }

  #trim(tail: Tail, count: Count): void {
    let freed: Bytes = 0
    for (let index = 0; index < count; index++) freed += sizeOfEntry(tail.entries[index]!)
    tail.entries = tail.entries.slice(count)
    this.#grow(tail, -freed)
  }

  #grow(tail: Tail, bytes: Bytes): void {
    tail.bytes += bytes
    this.#bytes += bytes
  }
}
