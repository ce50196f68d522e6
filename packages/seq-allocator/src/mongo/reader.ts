import { type Bytes, type Count, InvalidArgumentError, ParlanceError } from '@parlance/core'
import type { StoredEntry, StreamHead } from '../journal.ts'
import { assertCount, maxReadBytes, maxReadEntries } from '../limits.ts'
import type { Collections } from './collections.ts'
import { type BlockDocument, blockCount, blockEnd, blockID, hashOf, numberID, type TailDocument } from './documents.ts'
import { NewestReads } from './newest-reads.ts'

/** Entries that a stream should have are not there: somebody else changed its documents. */
export class JournalDamagedError extends ParlanceError {
  static override readonly code = 'JOURNAL_DAMAGED'
}

/** What is known for good of a stream: all of it only rises. */
interface Bounds {
  readonly first: number
  readonly floor: number
  readonly head: number
}

/** A part of a stream, as one query gave it. */
interface Found {
  readonly tail: Pick<TailDocument, 'head' | 'floor'> | undefined
  /** Consecutive entries, ascending. */
  readonly pieces: readonly { readonly first: number; readonly entries: BlockDocument['entries'] }[]
}

const maxKnownStreams: Count = 50_000
const streamsPerQuery: Count = 10_000
/** A block may be sealed between the look at the tail and that at the blocks, and again. */
const tries: Count = 5
const tagFieldsPerQuery: Count = 50
/** Most of the newest entries of a stream that are asked for without the others. */
const newestCount: Count = 64
/** So many entries may have come since the end of a stream was last seen. */
const arrivedCount: Count = 8

/**
 * Reads streams: tails and sealed blocks by their ids, both in one query.
 *
 * Whoever follows streams asks for what was appended since: that is one query for all streams asked in one turn, of their newest
 * entries only.
 */
export class Reader {
  readonly #collections: Collections
  readonly #newest: NewestReads
  readonly #known = new Map<string, Bounds>()

  constructor(collections: Collections) {
    this.#collections = collections
    this.#newest = new NewestReads(collections)
  }

  async read(
    stream: string,
    first: number,
    last: number,
    limit: Count = 1000,
    maxBytes?: Bytes,
  ): Promise<StoredEntry[]> {
    assertCount('limit', limit, maxReadEntries)
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last))
      throw new InvalidArgumentError(`first and last must be whole numbers, not ${first} and ${last}`)
    if (maxBytes === undefined) return this.#range(stream, first, last, limit)
    assertCount('maxBytes', maxBytes, maxReadBytes)
    const entries: StoredEntry[] = []
    let bytes: Bytes = 0
    for (let from = first, step = blockCount; entries.length < limit; step *= 2) {
      const wanted = Math.min(step, limit - entries.length)
      const found = await this.#range(stream, from, last, wanted)
      for (const entry of found) {
        bytes += entry.payload.byteLength
        if (bytes > maxBytes && entries.length > 0) return entries
        entries.push(entry)
      }
      if (found.length < wanted) break
      from = found.at(-1)!.seq + 1
    }
    return entries
  }

  async readMany(stream: string, seqs: readonly number[]): Promise<StoredEntry[]> {
    if (seqs.length > maxReadEntries || !seqs.every(Number.isSafeInteger))
      throw new InvalidArgumentError(`seqs must be whole numbers, at most ${maxReadEntries} of them`)
    const wanted = [...new Set(seqs)].filter((seq) => seq > 0).toSorted((left, right) => left - right)
    if (wanted.length === 0) return []
    const { tail, pieces } = await this.#find(stream, wanted)
    const found: StoredEntry[] = []
    let piece = 0
    for (const seq of wanted) {
      if (tail === undefined || seq <= tail.floor || seq > tail.head) continue
      while (piece < pieces.length && pieces[piece]!.first + pieces[piece]!.entries.length <= seq) piece++
      // A copy: a few small entries are not to keep the whole answer in memory.
      found.push({ seq, payload: Buffer.from(pieces[piece]!.entries[seq - pieces[piece]!.first]!.p) })
    }
    return found
  }

  async heads(streams: readonly string[]): Promise<StreamHead[]> {
    const found = new Map<string, TailDocument>()
    const names = [...new Set(streams)]
    for (let from = 0; from < names.length; from += streamsPerQuery) {
      const part = names.slice(from, from + streamsPerQuery)
      for (const tail of await this.#collections.find<TailDocument>(part, { head: 1, floor: 1, first: 1 })) {
        this.#learn(tail)
        found.set(tail._id, tail)
      }
    }
    return streams.map((stream) => ({ head: found.get(stream)?.head ?? 0, floor: found.get(stream)?.floor ?? 0 }))
  }

  /** The newest numbers of tags, in the order asked; 0 where there is none. One query, two when streams have sealed blocks. */
  async newest(pairs: readonly { readonly stream: string; readonly tag: string }[]): Promise<number[]> {
    if (pairs.length === 0) return []
    const asked = pairs.map(({ stream, tag }) => ({ stream, hash: hashOf(tag) }))
    const hashes = [...new Set(asked.map(({ hash }) => hash))]
    const fields: readonly string[] =
      hashes.length > tagFieldsPerQuery ? ['tags'] : hashes.map((hash) => `tags.${hash}`)
    const streams = [...new Set(asked.map(({ stream }) => stream))]
    const tails = new Map(
      // First the tails: what leaves them is in the other collection before it does.
      (
        await this.#collections.find<TailDocument>(
          streams,
          Object.fromEntries(['first', ...fields].map((field) => [field, 1 as const])),
        )
      ).map((tail) => [tail._id, tail]),
    )
    const idOf = ({ stream, hash }: { stream: string; hash: string }) => numberID(stream, hash)
    const older = asked.filter(({ stream, hash }) => {
      const tail = tails.get(stream)
      return tail !== undefined && tail.first > 1 && tail.tags?.[hash] === undefined
    })
    const sealed = await this.#collections.tagNumbers([...new Set(older.map(idOf))])
    return asked.map((one) => tails.get(one.stream)?.tags?.[one.hash] ?? sealed.get(idOf(one)) ?? 0)
  }

  async #range(stream: string, first: number, last: number, limit: Count): Promise<StoredEntry[]> {
    let from = Math.max(first, (this.#known.get(stream)?.floor ?? 0) + 1)
    for (;;) {
      const to = Math.min(last, from + limit - 1)
      if (from > to) return []
      const { tail, pieces } = await this.#find(stream, [from, to], true)
      if (tail === undefined) return []
      if (tail.floor >= from && tail.floor < last) {
        from = tail.floor + 1
        continue
      }
      return entriesOf(pieces, from, Math.min(to, tail.head))
    }
  }

  /** The tail, and what holds the wanted numbers (ascending), or all from the first to the last of them. */
  async #find(stream: string, wanted: readonly number[], isRange = false): Promise<Found> {
    const from = wanted[0]!
    const to = wanted.at(-1)!
    const newest = isRange ? await this.#findNewest(stream, from, to) : undefined
    if (newest !== undefined) return newest
    for (let attempt = 0; attempt < tries; attempt++) {
      const ends = new Set<number>()
      if (isRange) for (let end = blockEnd(from); end <= blockEnd(to); end += blockCount) ends.add(end)
      else for (const seq of wanted) ends.add(blockEnd(seq))
      // Entries of a tail are not asked for when all that is wanted was sealed.
      const isSealed = to < (this.#known.get(stream)?.first ?? 1)
      const documents = await this.#collections.find<TailDocument | BlockDocument>(
        [stream, ...[...ends].map((end) => blockID(stream, end))],
        isSealed ? { tail: 0, tags: 0, notes: 0 } : { tags: 0, notes: 0 },
      )
      const tail = documents.find((document): document is TailDocument => document._id === stream)
      if (tail === undefined) return { tail, pieces: [] }
      this.#learn(tail)
      const parts = documents.flatMap((document) => document.parts ?? [])
      if (parts.length > 0)
        documents.push(
          ...(await this.#collections.find<BlockDocument>(
            parts.map((end) => blockID(stream, end)),
            {},
          )),
        )
      const pieces = documents
        .map((document) => ({
          first: document.first,
          entries: 'entries' in document ? document.entries : (document.tail ?? []),
        }))
        .toSorted((left, right) => left.first - right.first)
      if (isWhole(pieces, tail, isRange ? undefined : wanted, from, to)) return { tail, pieces }
    }
    throw new JournalDamagedError(`entries between ${from} and ${to} of ${stream} are missing`)
  }

  /** The same, for what lies close to the end that was last seen; undefined when it may not, or does not any more. */
  async #findNewest(stream: string, from: number, to: number): Promise<Found | undefined> {
    const head = this.#known.get(stream)?.head
    if (head === undefined) return undefined
    const count = Math.max(head, to) - from + 1 + arrivedCount
    if (count > newestCount) return undefined
    const tail = await this.#newest.of(stream, count)
    if (tail === undefined) return { tail, pieces: [] }
    this.#learn(tail)
    const first = tail.head - tail.tail.length + 1
    if (!isWhole([{ first, entries: tail.tail }], tail, undefined, from, to)) return undefined
    // Copies: a few entries are not to keep an answer about many streams in memory.
    const wanted = tail.tail.slice(Math.max(0, from - first), Math.max(0, to - first + 1))
    const entries = wanted.map(({ p }) => ({ p: Buffer.from(p) }))
    return { tail, pieces: [{ first: Math.max(first, from), entries }] }
  }

  #learn({ _id: stream, first, floor, head }: Pick<TailDocument, '_id' | 'first' | 'floor' | 'head'>): void {
    this.#known.delete(stream)
    this.#known.set(stream, { first, floor, head })
    if (this.#known.size <= maxKnownStreams) return
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest)
      break
    }
  }
}

/**
 * Consecutive entries, each once: between the moment a block is sealed and the moment it leaves the tail, both hold its
 * entries.
 */
function entriesOf(pieces: Found['pieces'], from: number, to: number): StoredEntry[] {
  const found: StoredEntry[] = []
  let next = from
  for (const { first, entries } of pieces)
    for (; next <= to && next >= first && next < first + entries.length; next++)
      found.push({ seq: next, payload: entries[next - first]!.p })
  return found
}

/** Tells whether pieces hold everything that is wanted and that the tail says is there. */
function isWhole(
  pieces: Found['pieces'],
  { floor, head }: Pick<TailDocument, 'head' | 'floor'>,
  wanted: readonly number[] | undefined,
  from: number,
  to: number,
): boolean {
  const low = Math.max(from, floor + 1)
  const high = Math.min(to, head)
  let next = low
  let index = 0
  for (const { first, entries } of pieces) {
    const end = first + entries.length
    if (wanted === undefined) {
      if (first <= next && end > next) next = end
      continue
    }
    while (index < wanted.length && (wanted[index]! < low || (wanted[index]! >= first && wanted[index]! < end))) index++
  }
  if (wanted === undefined) return next > high
  return index >= wanted.length || wanted[index]! > high
}
