import { type Count, InvalidArgumentError } from '@parlance/core'
import type { AppendedEntry, StoredEntry, StreamHead } from '@parlance/seq-allocator'
import type { ReadPath, ValueKind } from '../cache/read-path.ts'
import { Appender } from './appender.ts'
import { type Block, blockKind } from './block-codec.ts'
import { HeldEntry } from './entry.ts'
import { HeadReads } from './head-reads.ts'
import type { LastMethod, StreamSchema } from './stream.ts'
import type { Entry, EntryMethods } from './stream-repository.ts'
import type { StreamStore } from './stream-store.ts'
import type { TailCache } from './tail-cache.ts'

const blockCount: Count = 100
/** Blocks that follow each other are read together. */
const blocksPerRead: Count = 10
/** So many entries wanted of a block make the whole of it worth reading and keeping; fewer are read by their numbers. */
const denseCount: Count = 25
const maxEntriesPerRead: Count = 10_000
const streamsPerRead: Count = 10_000
const maxStreamsPerCall: Count = 200_000

const blockOf = (seq: number): number => Math.floor((seq - 1) / blockCount)
const firstOf = (block: number): number => block * blockCount + 1

/**
 * The entries of one kind of stream: the newest ones of hot streams from memory, older full blocks through the caches,
 * everything else, and what is asked for here and there, from the journal.
 */
export class JournalRepository implements EntryMethods<unknown> {
  readonly stream: string
  readonly #schema: StreamSchema
  readonly #store: StreamStore
  readonly #reads: ReadPath
  readonly #tails: TailCache
  readonly #appender: Appender
  readonly #heads: HeadReads
  readonly #blockKind: ValueKind<Block>

  constructor(schema: StreamSchema, parts: { store: StreamStore; reads: ReadPath; tails: TailCache }) {
    this.stream = schema.name
    this.#schema = schema
    this.#store = parts.store
    this.#reads = parts.reads
    this.#tails = parts.tails
    this.#heads = new HeadReads((streams) => parts.store.heads(streams))
    this.#blockKind = blockKind(schema.codec)
    this.#appender = new Appender(
      schema,
      parts.store,
      (stream) => this.#fullName(stream),
      (stream, entries) => this.#tails.add(this.#fullName(stream), this.#held(entries)),
    )
  }

  append(stream: string, rows: readonly unknown[]): Promise<AppendedEntry[]> {
    return this.#appender.append(stream, rows)
  }

  async range(
    stream: string,
    first: number,
    last: number,
    { limit = maxEntriesPerRead }: { readonly limit?: Count } = {},
  ): Promise<Entry<unknown>[]> {
    if (!(limit >= 0)) throw new InvalidArgumentError(`limit is ${limit}; it must be 0 or more`)
    const count = Math.min(limit, maxEntriesPerRead)
    const name = this.#fullName(stream)
    const asked = this.#readAhead(name, first, last, count)
    const [{ head, floor }, ahead] = await Promise.all([this.#heads.of(name), asked])
    const from = Math.max(first, floor + 1)
    const to = Math.min(last, head, from + count - 1)
    if (!(from <= to)) return []
    const held = heldRange(this.#tails.get(name), from, to) ?? this.#kept(name, ahead, from, to, head)
    if (held !== undefined) return held
    const wanted: number[] = []
    for (let block = blockOf(from); block <= blockOf(to); block++) wanted.push(block)
    const blocks = await this.#blocks(stream, wanted, head)
    return wanted.flatMap((block) => blocks.get(block)!.filter(({ seq }) => seq >= from && seq <= to))
  }

  async at(stream: string, seqs: readonly number[]): Promise<(Entry<unknown> | undefined)[]> {
    if (seqs.length > maxEntriesPerRead)
      throw new InvalidArgumentError(
        `${seqs.length} numbers in one call; it takes ${maxEntriesPerRead}: split the call`,
      )
    if (seqs.length === 0) return []
    const { head, floor } = await this.#heads.of(this.#fullName(stream))
    const held = this.#tails.get(this.#fullName(stream)) ?? []
    const heldFrom = held[0]?.seq ?? Infinity
    const isThere = (seq: number) => Number.isSafeInteger(seq) && seq > floor && seq <= head
    const older = new Set(seqs.filter((seq) => isThere(seq) && held[seq - heldFrom] === undefined))
    const found = older.size === 0 ? new Map<number, HeldEntry>() : await this.#scattered(stream, older, head)
    return seqs.map((seq) => (isThere(seq) ? (held[seq - heldFrom] ?? found.get(seq)) : undefined))
  }

  async heads(streams: readonly string[]): Promise<StreamHead[]> {
    assertStreamCount(streams.length)
    return inParts(streams, (part) => this.#heads.many(part.map((stream) => this.#fullName(stream))))
  }

  truncate(stream: string, belowSeq: number): Promise<void> {
    return this.#store.truncate(this.#fullName(stream), belowSeq)
  }

  /** A `last` view as a method. */
  lastMethod(view: string): LastMethod {
    return async (pairs) => {
      assertStreamCount(pairs.length)
      return inParts(pairs, (part) =>
        this.#store.last(
          part.map(({ stream, value }) => ({
            view: `${this.#schema.name}.${view}`,
            stream: this.#fullName(stream),
            value,
          })),
        ),
      )
    }
  }

  async #scattered(stream: string, seqs: ReadonlySet<number>, head: number): Promise<Map<number, HeldEntry>> {
    const wanted = new Map<number, number[]>()
    for (const seq of seqs) {
      const ofBlock = wanted.get(blockOf(seq))
      if (ofBlock === undefined) wanted.set(blockOf(seq), [seq])
      else ofBlock.push(seq)
    }
    const dense: number[] = []
    const sparse: number[] = []
    const entries: HeldEntry[] = []
    for (const [block, ofBlock] of wanted) {
      const kept = this.#reads.local.peek<Block>(this.#blockKey(stream, block))
      if (kept !== undefined) entries.push(...kept.value)
      else if (ofBlock.length >= denseCount) dense.push(block)
      else sparse.push(...ofBlock)
    }
    const [blocks, single] = await Promise.all([
      dense.length === 0 ? new Map<number, Block>() : this.#blocks(stream, dense, head),
      sparse.length === 0 ? [] : this.#store.readMany(this.#fullName(stream), sparse),
    ])
    for (const block of blocks.values()) entries.push(...block)
    entries.push(...this.#held(single))
    return new Map(entries.map((entry) => [entry.seq, entry]))
  }

  async #blocks(stream: string, wanted: readonly number[], head: number): Promise<Map<number, Block>> {
    const name = this.#fullName(stream)
    const held = this.#tails.get(name)
    const blocks = new Map<number, Block>()
    const full = new Map<string, number>()
    let open: number | undefined
    for (const block of wanted) {
      const last = Math.min(firstOf(block + 1) - 1, head)
      if (held !== undefined && held[0]!.seq <= firstOf(block) && held.at(-1)!.seq >= last)
        blocks.set(block, held.slice(firstOf(block) - held[0]!.seq, last - held[0]!.seq + 1))
      else if (last === firstOf(block + 1) - 1) full.set(this.#blockKey(stream, block), block)
      else open = block
    }
    const load = async (missing: readonly string[]) => {
      const loaded = new Map<string, Block>()
      await Promise.all(
        runsOf(missing.map((key) => ({ key, block: full.get(key)! }))).map(async (run) => {
          const first = firstOf(run[0]!.block)
          const count = run.length * blockCount
          const entries = this.#held(await this.#store.read(name, first, first + count - 1, count))
          for (const { key, block } of run)
            loaded.set(
              key,
              entries.filter(({ seq }) => blockOf(seq) === block),
            )
        }),
      )
      return loaded
    }
    const found = await this.#reads.readMany([...full.keys()], 'local', load, this.#blockKind)
    for (const [index, block] of [...full.values()].entries()) blocks.set(block, found[index]!)
    if (open !== undefined) blocks.set(open, await this.#openBlock(name, firstOf(open), head))
    return blocks
  }

  /** The block that is still being filled: what is in it never changes, but more may come. */
  async #openBlock(name: string, first: number, head: number): Promise<Block> {
    const entries = this.#held(await this.#store.read(name, first, head, blockCount))
    this.#keepNewest(name, entries)
    return entries
  }

  /**
   * Where others append too, heads have to be asked for: a short range that may lie in a block still being filled is read
   * at the same time, unless memory may have it.
   */
  async #readAhead(name: string, first: number, last: number, count: Count): Promise<HeldEntry[] | undefined> {
    const to = Math.min(last, first + count - 1)
    if (this.#store.soleWriter || !(first >= 1 && first <= to && to - first < blockCount)) return undefined
    const held = this.#tails.get(name)
    const reached = Math.max(this.#heads.atLeast(name), held?.at(-1)!.seq ?? 0)
    if (!Number.isSafeInteger(first) || firstOf(blockOf(to) + 1) - 1 <= reached) return undefined
    if (heldRange(held, first, Math.min(to, reached)) !== undefined) return undefined
    return this.#held(await this.#store.read(name, first, to, to - first + 1))
  }

  /** What was read ahead, when it is what is wanted; kept when it is the newest. */
  #kept(
    name: string,
    ahead: readonly HeldEntry[] | undefined,
    from: number,
    to: number,
    head: number,
  ): HeldEntry[] | undefined {
    const found = heldRange(ahead, from, to)
    if (found !== undefined && ahead!.at(-1)!.seq >= head) this.#keepNewest(name, ahead!)
    return found
  }

  /** Entries up to the head: they continue the memory of a stream, or begin it, or show that it has fallen behind. */
  #keepNewest(name: string, entries: readonly HeldEntry[]): void {
    if (!this.#store.soleWriter || this.#tails.get(name) === undefined) this.#tails.add(name, entries)
  }

  #held(stored: readonly StoredEntry[]): HeldEntry[] {
    return stored.map(({ seq, payload }) => new HeldEntry(seq, payload, this.#schema.codec))
  }

  #blockKey(stream: string, block: number): string {
    return `${this.#schema.name}/${block}:${stream}`
  }

  #fullName(stream: string): string {
    return `${this.#schema.name}:${stream}`
  }
}

/** The part of consecutive entries from one number to another, when they have all of it. */
function heldRange(held: readonly HeldEntry[] | undefined, from: number, to: number): HeldEntry[] | undefined {
  const offset = held?.[0]?.seq
  if (offset === undefined || offset > from || held!.at(-1)!.seq < to || from > to) return undefined
  return held!.slice(from - offset, to - offset + 1)
}

/** Blocks in runs of consecutive ones, each short enough for one read. */
function runsOf<B extends { readonly block: number }>(blocks: readonly B[]): B[][] {
  const runs: B[][] = []
  for (const one of blocks.toSorted((left, right) => left.block - right.block)) {
    const run = runs.at(-1)
    if (run !== undefined && run.length < blocksPerRead && run.at(-1)!.block + 1 === one.block) run.push(one)
    else runs.push([one])
  }
  return runs
}

function assertStreamCount(count: Count): void {
  if (count > maxStreamsPerCall)
    throw new InvalidArgumentError(`${count} streams in one call; it takes ${maxStreamsPerCall}: split the call`)
}

/** Reads as many at once as one read takes, one part after the other. */
async function inParts<T, R>(all: readonly T[], read: (part: readonly T[]) => Promise<R[]>): Promise<R[]> {
  if (all.length <= streamsPerRead) return all.length === 0 ? [] : read(all)
  const found: R[] = []
  for (let from = 0; from < all.length; from += streamsPerRead)
    for (const value of await read(all.slice(from, from + streamsPerRead))) found.push(value)
  return found
}
