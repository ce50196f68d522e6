import type { Count } from '@parlance/core'
import type { StreamHead } from '@parlance/seq-allocator'

const maxKnownStreams: Count = 50_000
const streamsPerRead: Count = 10_000

/**
 * Asks a store for heads: everything asked for in one turn of the event loop is one read.
 *
 * It remembers how far streams were at least; that is never given for a head.
 */
export class HeadReads {
  readonly #read: (streams: readonly string[]) => Promise<StreamHead[]>
  readonly #atLeast = new Map<string, number>()
  #asked: { readonly streams: Set<string>; readonly heads: Promise<ReadonlyMap<string, StreamHead>> } | undefined

  constructor(read: (streams: readonly string[]) => Promise<StreamHead[]>) {
    this.#read = read
  }

  /** Where a stream ends and begins, as of now or later. */
  async of(stream: string): Promise<StreamHead> {
    if (this.#asked === undefined || this.#asked.streams.size >= streamsPerRead) {
      const streams = new Set<string>()
      this.#asked = { streams, heads: this.#readSoon(streams) }
    }
    const { streams, heads } = this.#asked
    streams.add(stream)
    return (await heads).get(stream)!
  }

  /** Heads in the order asked. One read. */
  async many(streams: readonly string[]): Promise<StreamHead[]> {
    const heads = await this.#read(streams)
    streams.forEach((stream, index) => this.#learn(stream, heads[index]!))
    return heads
  }

  /** A number that the stream reached; 0 when nothing is known. */
  atLeast(stream: string): number {
    return this.#atLeast.get(stream) ?? 0
  }

  async #readSoon(streams: ReadonlySet<string>): Promise<ReadonlyMap<string, StreamHead>> {
    await Promise.resolve()
    this.#asked = undefined
    const names = [...streams]
    const heads = await this.many(names)
    return new Map(names.map((stream, index) => [stream, heads[index]!]))
  }

  #learn(stream: string, { head }: StreamHead): void {
    const known = this.#atLeast.get(stream) ?? 0
    this.#atLeast.delete(stream)
    this.#atLeast.set(stream, Math.max(known, head))
    if (this.#atLeast.size <= maxKnownStreams) return
    for (const oldest of this.#atLeast.keys()) {
      this.#atLeast.delete(oldest)
      break
    }
  }
}
