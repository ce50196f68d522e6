import type { Entry } from '@parlance/cached-repository'
import type { Count } from '@parlance/core'
import { hiddenMessages } from '../../entities/hidden-messages.ts'
import type { Message } from '../../entities/message.ts'
import { type MessageMark, messageMarks } from '../../entities/message-marks.ts'
import { againOnConflict } from '../again-on-conflict.ts'
import type { ImRepositories } from '../repositories.ts'
import { deleted, revoked } from './removed-message.ts'

/** A message by its place. */
export interface MessagePlace {
  readonly stream: string
  readonly seq: number
}

/** Messages whose marks are kept in one row: a page of history needs few rows, and a row stays small. */
export const blockLength: Count = 64
/** As many as may mark messages of one block at the same moment. */
const maxAttempts: Count = 64

const blockOf = (seq: number): number => Math.floor(seq / blockLength)

/** Messages of one row. */
const byBlock = (seqs: Iterable<number>): ReadonlyMap<number, readonly number[]> => {
  const blocks = new Map<number, number[]>()
  for (const seq of seqs) {
    const block = blocks.get(blockOf(seq))
    if (block === undefined) blocks.set(blockOf(seq), [seq])
    else block.push(seq)
  }
  return blocks
}

/** What one user is shown in the place of messages. */
export interface Shown {
  isDeleted(place: MessagePlace): boolean
  entry(stream: string, entry: Entry<Message>): Entry<Message>
}

const everything: Shown = { isDeleted: () => false, entry: (_stream, entry) => entry }

/**
 * What became of messages after they were sent. The messages themselves never change: marks stand beside them, and are applied
 * whenever somebody reads.
 */
export class Marks {
  readonly #repositories: Pick<ImRepositories, 'messageMarks' | 'hiddenMessages' | 'together'>

  constructor(repositories: Pick<ImRepositories, 'messageMarks' | 'hiddenMessages' | 'together'>) {
    this.#repositories = repositories
  }

  /** What the user is shown of these messages and their neighbours in the same blocks. Two cached reads, however many there are. */
  async shown(userID: string, places: readonly MessagePlace[]): Promise<Shown> {
    const keys = [
      ...new Map(places.map(({ stream, seq }) => [keyOf(stream, seq), { stream, block: blockOf(seq) }])).values(),
    ]
    const [marked, hidden] = await Promise.all([
      this.#repositories.messageMarks.getMany(keys),
      this.#repositories.hiddenMessages.getMany(keys.map((key) => ({ userID, ...key }))),
    ])
    const marks = new Map(marked.flatMap((row) => (row === undefined ? [] : [[nameOf(row), row.marks] as const])))
    const own = new Map(hidden.flatMap((row) => (row === undefined ? [] : [[nameOf(row), new Set(row.seqs)] as const])))
    if (marks.size === 0 && own.size === 0) return everything
    const markOf = ({ stream, seq }: MessagePlace) => marks.get(keyOf(stream, seq))?.[seq]
    const isDeleted = (place: MessagePlace): boolean =>
      markOf(place)?.kind === 'erased' || (own.get(keyOf(place.stream, place.seq))?.has(place.seq) ?? false)
    return {
      isDeleted,
      entry(stream, entry) {
        const place = { stream, seq: entry.seq }
        if (isDeleted(place)) return deleted(entry)
        const mark = markOf(place)
        return mark?.kind === 'revoked' ? revoked(entry, mark) : entry
      },
    }
  }

  /** The mark on a message, from the store. */
  async of({ stream, seq }: MessagePlace): Promise<MessageMark | undefined> {
    const row = await this.#repositories.messageMarks.get({ stream, block: blockOf(seq) }, { read: 'store' })
    return row?.marks[seq]
  }

  /** Marks a message as revoked; the mark that stands there afterwards is this one, unless there was one before. One durable step. */
  async revoke({ stream, seq }: MessagePlace, mark: MessageMark): Promise<MessageMark> {
    const marks = await this.#mark(stream, [seq], mark, false)
    return marks[seq]!
  }

  /** Erases messages for everybody: all or none, in one durable step. */
  async erase(stream: string, seqs: readonly number[]): Promise<void> {
    await this.#mark(stream, seqs, { kind: 'erased' }, true)
  }

  /** Deletes messages for one user: all or none, in one durable step. */
  async hide(userID: string, stream: string, seqs: readonly number[]): Promise<void> {
    const blocks = [...byBlock(seqs)]
    const { hiddenMessages: rows, together } = this.#repositories
    await againOnConflict(async () => {
      const current = await Promise.all(
        blocks.map(([block]) => rows.getWithRevision({ userID, stream, block }, { read: 'store' })),
      )
      await together((write) => {
        for (const [at, [block, hidden]] of blocks.entries()) {
          const key = { userID, stream, block }
          const found = current[at]
          const all = [...new Set([...(found?.row.seqs ?? []), ...hidden])].toSorted((a, b) => a - b)
          if (found === undefined) write.insert(hiddenMessages, { ...key, seqs: all })
          else write.patch(hiddenMessages, key, { seqs: all }, { ifRevision: found.revision })
        }
      })
    }, maxAttempts)
  }

  async #mark(
    stream: string,
    seqs: readonly number[],
    mark: MessageMark,
    replaces: boolean,
  ): Promise<Readonly<Record<string, MessageMark>>> {
    const blocks = [...byBlock(seqs)]
    const { messageMarks: rows, together } = this.#repositories
    const all: Record<string, MessageMark> = {}
    await againOnConflict(async () => {
      const current = await Promise.all(
        blocks.map(([block]) => rows.getWithRevision({ stream, block }, { read: 'store' })),
      )
      await together((write) => {
        for (const [at, [block, marked]] of blocks.entries()) {
          const found = current[at]
          const added = Object.fromEntries(marked.map((seq) => [String(seq), mark]))
          const marks = replaces ? { ...found?.row.marks, ...added } : { ...added, ...found?.row.marks }
          Object.assign(all, marks)
          if (found === undefined) write.insert(messageMarks, { stream, block, marks })
          else write.patch(messageMarks, { stream, block }, { marks }, { ifRevision: found.revision })
        }
      })
    }, maxAttempts)
    return all
  }
}

const keyOf = (stream: string, seq: number): string => nameOf({ stream, block: blockOf(seq) })
const nameOf = ({ stream, block }: { readonly stream: string; readonly block: number }): string => `${block}/${stream}`
