import type { Count } from '@parlance/core'
import type { Tail } from './tail.ts'

/** The tails of the streams that this process appended to lately, bounded in streams and in repeat keys. */
export class TailCache {
  readonly #tails = new Map<string, Tail>()
  readonly #maxStreams: Count
  readonly #maxKeys: Count
  #keys: Count = 0

  constructor(maxStreams: Count, maxKeys: Count) {
    this.#maxStreams = maxStreams
    this.#maxKeys = maxKeys
  }

  /** Takes a tail out: whoever changes it puts it back once the change is durable. */
  take(stream: string): Tail | undefined {
    const tail = this.#tails.get(stream)
    this.drop(stream)
    return tail
  }

  /** A note of the stream up to this number needs no keeping any more. */
  settle(stream: string, through: number): void {
    const tail = this.#tails.get(stream)
    if (tail !== undefined) tail.notes = tail.notes.filter(({ q }) => q > through)
  }

  /** Keeps a tail, as the one used last; the ones used least recently make way. */
  set(stream: string, tail: Tail): void {
    this.drop(stream)
    this.#tails.set(stream, tail)
    this.#keys += tail.keys.size
    for (const oldest of this.#tails.keys()) {
      if (this.#tails.size <= this.#maxStreams && this.#keys <= this.#maxKeys) return
      this.drop(oldest)
    }
  }

  drop(stream: string): void {
    const tail = this.#tails.get(stream)
    if (tail === undefined) return
    this.#tails.delete(stream)
    this.#keys -= tail.keys.size
  }
}
