import { HistoryChecker, type HistoryProblem } from '@parlance/testing'
import type { RawClient } from './raw-client.ts'
import type { Heard, TalkerListener } from './talker.ts'

/** Remembers what everybody was told, and says what of it cannot be. */
export class StackCheck implements TalkerListener {
  readonly #checker = new HistoryChecker()
  readonly #pulled = new Map<string, number>()
  readonly #read = new Map<string, Set<string>>()
  readonly #owed = new Map<string, Set<string>>()
  readonly #unanswered: string[] = []
  #lastAt = performance.now()
  acknowledgedCount = 0
  pushedCount = 0
  /** The longest time in which nobody was told that a message was taken, since it was last set to 0. */
  longestSilenceMs = 0

  acknowledged(conversationID: string, clientMsgID: string): void {
    this.acknowledgedCount++
    const now = performance.now()
    this.longestSilenceMs = Math.max(this.longestSilenceMs, now - this.#lastAt)
    this.#lastAt = now
    this.#checker.acknowledged(conversationID, clientMsgID)
    const owed = this.#owed.get(conversationID) ?? new Set()
    this.#owed.set(conversationID, owed.add(clientMsgID))
  }

  told(reader: string, conversationID: string, maxSeq: number): void {
    this.#checker.told(reader, conversationID, maxSeq)
  }

  heard(session: string, { conversationID, seq, clientMsgID }: Heard): void {
    this.pushedCount++
    this.#checker.heard(session, conversationID, { seq, id: clientMsgID })
  }

  unanswered(what: string): void {
    this.#unanswered.push(`unanswered: ${what}`)
  }

  /** What was acknowledged since this was last asked, by conversation: everybody in it has to be able to read it. */
  takeOwed(): ReadonlyMap<string, ReadonlySet<string>> {
    const owed = new Map(this.#owed)
    this.#owed.clear()
    return owed
  }

  /** Reads on in a conversation, as one of its users, to its end; returns the ids of all that this user has read there. */
  async read(
    client: RawClient,
    conversationID: string,
    lose?: (clientMsgID: string) => boolean,
  ): Promise<ReadonlySet<string>> {
    const key = `${client.userID} ${conversationID}`
    const from = (this.#pulled.get(key) ?? 0) + 1
    const entries = await client.pullAll(conversationID, from)
    const seen = entries.map(({ seq, clientMsgID }) => ({ seq, id: clientMsgID }))
    this.#checker.saw(client.userID, conversationID, ...seen.filter(({ id }) => lose?.(id) !== true))
    const last = seen.at(-1)?.seq
    if (last !== undefined) this.#pulled.set(key, last)
    const read = this.#read.get(key) ?? new Set()
    this.#read.set(key, read)
    for (const { id } of seen) read.add(id)
    return read
  }

  /** What is wrong whatever is still to come, in words. */
  contradictions(): string[] {
    return this.#inWords(({ kind }) => kind !== 'lost')
  }

  /** Everything that is wrong, in words; call it when all is quiet and read. */
  problems(): string[] {
    return this.#inWords(() => true)
  }

  #inWords(matters: (problem: HistoryProblem) => boolean): string[] {
    const problems = this.#checker.problems().filter(matters)
    return [...this.#unanswered, ...problems.map(({ kind, message }) => `${kind}: ${message}`)]
  }
}
