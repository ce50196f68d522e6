import type { Count } from '@parlance/core'
import type { Collections } from './collections.ts'
import type { TailDocument } from './documents.ts'

/** A stream's end with its newest entries only: those up to `head`. */
export type NewestEntries = Pick<TailDocument, '_id' | 'head' | 'floor' | 'first' | 'tail'>

const streamsPerQuery: Count = 500

interface Asked {
  readonly streams: Set<string>
  /** Of each stream. */
  count: Count
  readonly found: Promise<ReadonlyMap<string, NewestEntries>>
}

/** Reads the newest entries of streams: everything asked for in one turn of the event loop is one query. */
export class NewestReads {
  readonly #collections: Collections
  #asked: Asked | undefined

  constructor(collections: Collections) {
    this.#collections = collections
  }

  /** The end of a stream as of now or later, with so many entries at least; undefined for a stream that nobody appended to. */
  async of(stream: string, count: Count): Promise<NewestEntries | undefined> {
    const asked = this.#asked === undefined || this.#asked.streams.size >= streamsPerQuery ? this.#begin() : this.#asked
    asked.streams.add(stream)
    asked.count = Math.max(asked.count, count)
    return (await asked.found).get(stream)
  }

  #begin(): Asked {
    const streams = new Set<string>()
    const asked: Asked = { streams, count: 0, found: Promise.resolve().then(() => this.#find(asked)) }
    this.#asked = asked
    return asked
  }

  async #find(asked: Asked): Promise<ReadonlyMap<string, NewestEntries>> {
    if (this.#asked === asked) this.#asked = undefined
    const found = await this.#collections.newest([...asked.streams], asked.count)
    return new Map(found.map((tail) => [tail._id, tail]))
  }
}
