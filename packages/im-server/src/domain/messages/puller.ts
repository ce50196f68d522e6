import type { Entry, StreamHead } from '@parlance/cached-repository'
import type { Count } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import type { Message } from '../../entities/message.ts'
import { ImError } from '../im-error.ts'
import type { ImRepositories } from '../repositories.ts'
import type { ConversationSeqs } from '../message-reader.ts'
import type { SeqRange } from '../message-service.ts'
import type { Address } from './address.ts'
import type { Addresses, ReadableAddress } from './addresses.ts'
import { blockLength, type Marks } from './marks.ts'

/** Messages of one conversation that were pulled, still as they are stored. */
export interface PulledEntries {
  readonly address: Address
  readonly entries: readonly Entry<Message>[]
  readonly isEnd: boolean
  readonly endSeq: number
}

/** The bounds of a stream that a user can pull from. */
export interface NewestSeq {
  readonly conversationID: string
  /** The first number the user may read; beyond `maxSeq` when nothing is left to read. */
  readonly minSeq: number
  readonly maxSeq: number
}

/** Hears how far a stream goes. */
export type HeadListener = (stream: string, head: number) => void

/** Bounds on one pull; what is beyond is left for the next one. */
const limits = { conversations: 3000, entries: 1000, bytes: 4 * 1024 * 1024, entriesOfOne: 500 }
/** How many blocks of deleted messages a look for the newest one passes over. */
const maxBlocksBack: Count = 8

/**
 * Reads messages for one user, by number, and only those between the user's own bounds of a conversation.
 *
 * A conversation the user has no part in is answered like an empty one: a client that asks for all it knows, among them a group
 * it was removed from, still gets the rest. One pull returns at most 1 000 messages or 4 MiB.
 */
export class Puller {
  readonly #repositories: ImRepositories
  readonly #addresses: Addresses
  readonly #marks: Marks

  constructor(repositories: ImRepositories, addresses: Addresses, marks: Marks) {
    this.#repositories = repositories
    this.#addresses = addresses
    this.#marks = marks
  }

  /** Entries of ranges; `num` keeps the newest of a range, 0 keeps all. Ranges of one conversation are answered together. */
  async byRanges(userID: string, ranges: readonly SeqRange[], order: 0 | 1): Promise<PulledEntries[]> {
    bound(ranges.length)
    const budget = new Budget()
    const pulled = new Pull(order)
    for (const range of ranges) {
      const address = await this.#addresses.find(userID, range.conversationID)
      if (address === undefined) pulled.add(nothing(range.conversationID))
      else pulled.add(await this.#range(address, range, order, budget))
    }
    return this.#asShown(userID, pulled.all)
  }

  /**
   * Entries by their numbers, of which `order` chooses when there are too many. A conversation asked for is always answered, and its
   * entries rise whatever the order: the official core turns them round itself, and loses messages of a list that falls already.
   */
  async bySeqs(
    userID: string,
    asked: readonly { readonly conversationID: string; readonly seqs: readonly number[] }[],
    order: 0 | 1,
  ): Promise<PulledEntries[]> {
    bound(asked.length)
    const budget = new Budget()
    const pulled = new Pull(0)
    for (const { conversationID, seqs } of asked) {
      const address = await this.#addresses.find(userID, conversationID)
      if (address === undefined) {
        pulled.add(nothing(conversationID))
        continue
      }
      const { head, floor } = await this.#head(address)
      const wanted = [...new Set(seqs)]
        .filter((seq) => seq > floor && seq <= head)
        .toSorted((a, b) => (order === 1 ? b - a : a - b))
        .slice(0, Math.min(limits.entriesOfOne, budget.entries))
      const entries = budget.take(await this.#at(address.stream, wanted), true)
      const beyond = order === 1 ? seqs.some((seq) => seq <= floor + 1) : seqs.some((seq) => seq >= head)
      pulled.add({ address, entries, isEnd: beyond, endSeq: beyond ? (order === 1 ? floor + 1 : head) : 0 })
    }
    return this.#asShown(userID, pulled.all)
  }

  /**
   * The newest message of each conversation that the user did not delete; conversations that are empty or not the user's are left
   * out, and those of which only messages before the newest 512 are left.
   */
  async newest(userID: string, conversationIDs: readonly string[]): Promise<PulledEntries[]> {
    const found = await this.#find(userID, conversationIDs)
    const heads = await this.#heads(found)
    const visible = await this.#newestShown(userID, found, heads)
    const budget = new Budget()
    const pulled: PulledEntries[] = []
    for (const [index, address] of found.entries()) {
      const seq = visible.get(address.stream)
      if (seq === undefined || budget.isSpent) continue
      const entries = budget.take(await this.#at(address.stream, [seq]), true)
      if (entries.length > 0) pulled.push({ address, entries, isEnd: true, endSeq: heads[index]!.head })
    }
    return this.#asShown(userID, pulled)
  }

  /**
   * The numbers of conversations; without a list, of all the user has. Three reads for all of them, and one for each newest
   * message's time. `hear` is told each stream's head at the moment it is read.
   */
  async seqs(
    userID: string,
    conversationIDs: readonly string[] = [],
    hear?: HeadListener,
  ): Promise<ConversationSeqs[]> {
    const addresses =
      conversationIDs.length === 0 ? await this.#addresses.ofUser(userID) : await this.#find(userID, conversationIDs)
    const heads = await this.#heads(addresses, hear)
    const { messages, readMarks } = this.#repositories
    const [marks, sent] = await Promise.all([
      readMarks.getMany(addresses.map(({ conversationID }) => ({ userID, conversationID }))),
      messages.lastBySender(addresses.map(({ stream }) => ({ stream, value: userID }))),
    ])
    return Promise.all(
      addresses.map(async ({ conversationID, stream }, index) => {
        const { head, floor } = heads[index]!
        const [newest] = head <= floor ? [] : await this.#at(stream, [head])
        // What the user may not read does not wait to be read.
        const hasReadSeq = Math.min(head, Math.max(marks[index]?.readSeq ?? 0, sent[index]!, floor))
        return {
          conversationID,
          minSeq: head === 0 ? 0 : floor + 1,
          maxSeq: head,
          hasReadSeq,
          maxSeqTime: newest?.row.body.sendTime ?? 0,
        }
      }),
    )
  }

  /** The last number of every stream the user can pull from, notifications included; empty streams are left out. */
  async newestSeqs(userID: string, hear?: HeadListener): Promise<NewestSeq[]> {
    const [own, notifications] = await Promise.all([
      this.#addresses.ofUser(userID),
      this.#addresses.notificationsOfUser(userID),
    ])
    const addresses = [...own, ...notifications]
    const heads = await this.#heads(addresses, hear)
    return addresses
      .map(({ conversationID }, index) => {
        const { head, floor } = heads[index]!
        return { conversationID, minSeq: floor + 1, maxSeq: head }
      })
      .filter(({ maxSeq }) => maxSeq > 0)
  }

  async #range(address: ReadableAddress, range: SeqRange, order: 0 | 1, budget: Budget): Promise<PulledEntries> {
    const { head, floor } = await this.#head(address)
    const last = Math.min(range.end, head)
    const most = Math.min(limits.entriesOfOne, budget.entries)
    const wanted = range.num > 0 ? Math.min(range.num, most) : most
    const lowest = Math.max(range.begin, floor + 1, 1)
    // Without a number, ascending order reads from the beginning and goes on in the next pull; everything else keeps the newest.
    const fromStart = order === 0 && range.num <= 0
    const first = fromStart ? lowest : Math.max(lowest, last - wanted + 1)
    const end = fromStart ? Math.min(last, lowest + wanted - 1) : last
    const entries =
      first > end ? [] : budget.take(await this.#repositories.messages.range(address.stream, first, end), fromStart)
    const isCut = entries.length < Math.min(last - lowest + 1, range.num > 0 ? range.num : Number.POSITIVE_INFINITY)
    const reachesEnd = order === 1 ? range.begin <= floor + 1 : head <= range.end
    return { address, entries, isEnd: reachesEnd && !isCut, endSeq: 0 }
  }

  /** How far the user sees each stream. */
  async #heads(
    addresses: readonly ReadableAddress[],
    hear: HeadListener = () => undefined,
  ): Promise<readonly StreamHead[]> {
    const heads = await this.#repositories.messages.heads(addresses.map(({ stream }) => stream))
    return addresses.map((address, index) => {
      const seen = seenBy(address, heads[index]!)
      hear(address.stream, seen.head)
      return seen
    })
  }

  /** The newest number of each stream at which the user is shown something. */
  async #newestShown(
    userID: string,
    addresses: readonly ReadableAddress[],
    heads: readonly StreamHead[],
  ): Promise<ReadonlyMap<string, number>> {
    const newest = new Map<string, number>()
    let looked = addresses.map(({ stream }, index) => ({ stream, seq: heads[index]!.head, floor: heads[index]!.floor }))
    for (let round = 0; round < maxBlocksBack && looked.length > 0; round++) {
      const shown = await this.#marks.shown(userID, looked)
      const further: typeof looked = []
      for (const { stream, seq, floor } of looked) {
        let at = seq
        const lowest = Math.max(floor + 1, seq - (seq % blockLength))
        while (at >= lowest && shown.isDeleted({ stream, seq: at })) at--
        if (at >= lowest) newest.set(stream, at)
        else if (at > floor) further.push({ stream, seq: at, floor })
      }
      looked = further
    }
    return newest
  }

  /** What was pulled, as the user is shown it: revoked and deleted messages are replaced. */
  async #asShown(userID: string, pulled: readonly PulledEntries[]): Promise<PulledEntries[]> {
    const chats = pulled.filter(({ address }) => !address.isNotification)
    const places = chats.flatMap(({ address: { stream }, entries }) => entries.map(({ seq }) => ({ stream, seq })))
    if (places.length === 0) return [...pulled]
    const shown = await this.#marks.shown(userID, places)
    return pulled.map((one) =>
      one.address.isNotification
        ? one
        : { ...one, entries: one.entries.map((entry) => shown.entry(one.address.stream, entry)) },
    )
  }

  async #find(userID: string, conversationIDs: readonly string[]): Promise<ReadableAddress[]> {
    bound(conversationIDs.length)
    const unique = [...new Set(conversationIDs)]
    const found = await Promise.all(unique.map((id) => this.#addresses.find(userID, id)))
    return found.filter((address) => address !== undefined)
  }

  async #at(stream: string, seqs: readonly number[]): Promise<Entry<Message>[]> {
    const entries = await this.#repositories.messages.at(stream, seqs)
    return entries.filter((entry) => entry !== undefined)
  }

  async #head(address: ReadableAddress): Promise<StreamHead> {
    const [head] = await this.#heads([address])
    return head!
  }
}

/** A stream's bounds, narrowed to those of the user. */
const seenBy = ({ minSeq, maxSeq }: ReadableAddress, { head, floor }: StreamHead): StreamHead => ({
  head: Math.min(head, maxSeq),
  floor: Math.max(floor, minSeq - 1),
})

function bound(conversationCount: number): void {
  if (conversationCount <= limits.conversations) return
  throw new ImError(errorCodes.TooManyError, `ask for at most ${limits.conversations} conversations at once`)
}

/** What is left of the bounds of one pull. */
class Budget {
  #entries = limits.entries
  #bytes = limits.bytes

  /** Entries that may still be read. */
  get entries(): number {
    return this.isSpent ? 0 : this.#entries
  }

  get isSpent(): boolean {
    return this.#entries <= 0 || this.#bytes <= 0
  }

  /** Keeps what fits: the first ones, or the last ones. The very first entry always does, so that a pull gets on. */
  take(entries: readonly Entry<Message>[], fromStart: boolean): Entry<Message>[] {
    const kept: Entry<Message>[] = []
    for (const entry of fromStart ? entries : entries.toReversed()) {
      const isFirst = this.#entries === limits.entries
      if (this.isSpent || (!isFirst && this.#bytes < entry.bytes.length)) break
      kept.push(entry)
      this.#entries--
      this.#bytes -= entry.bytes.length
    }
    return fromStart ? kept : kept.toReversed()
  }
}

/** What was pulled, one answer for each conversation. */
class Pull {
  readonly #order: 0 | 1
  readonly #byConversation = new Map<string, PulledEntries>()

  constructor(order: 0 | 1) {
    this.#order = order
  }

  get all(): PulledEntries[] {
    return [...this.#byConversation.values()]
  }

  add(pulled: PulledEntries): void {
    const { conversationID } = pulled.address
    const before = this.#byConversation.get(conversationID)
    this.#byConversation.set(
      conversationID,
      before === undefined ? this.#ordered(pulled) : this.#merged(before, pulled),
    )
  }

  #merged(before: PulledEntries, pulled: PulledEntries): PulledEntries {
    const bySeq = new Map([...before.entries, ...pulled.entries].map((entry) => [entry.seq, entry]))
    const endSeq = Math.max(before.endSeq, pulled.endSeq)
    return this.#ordered({ ...pulled, entries: [...bySeq.values()], isEnd: before.isEnd || pulled.isEnd, endSeq })
  }

  #ordered(pulled: PulledEntries): PulledEntries {
    return {
      ...pulled,
      entries: pulled.entries.toSorted((a, b) => (this.#order === 1 ? b.seq - a.seq : a.seq - b.seq)),
    }
  }
}

const nothing = (conversationID: string): PulledEntries => ({
  address: { stream: '', conversationID, isNotification: conversationID.startsWith('n_') },
  entries: [],
  isEnd: true,
  endSeq: 0,
})
