import type { ApiClient } from '../../../packages/im-server/test/support/api-client.ts'

/** A reaction as the wire has it. */
export interface WireReaction {
  readonly conversationID: string
  readonly messageSeq: number
  readonly userID: string
  readonly emoji: string
  readonly reactedAt: string
}

type Key = Pick<WireReaction, 'messageSeq' | 'userID'>
type Position = { readonly epoch: string; readonly version: number }
type Changes =
  | { kind: 'full'; position: Position; rows: WireReaction[]; more: boolean }
  | {
      kind: 'delta'
      position: Position
      inserted: WireReaction[]
      updated: WireReaction[]
      removed: Key[]
      more: boolean
    }

/** A client's copy of a conversation's reactions, kept by the generated route alone. */
export class Replica {
  readonly rows = new Map<string, WireReaction>()
  /** Kinds of the answers so far. */
  readonly kinds: string[] = []
  #position: Position | undefined

  constructor(
    private readonly api: ApiClient,
    private readonly conversationID: string,
  ) {}

  async sync(): Promise<string[]> {
    const by = { conversationID: this.conversationID }
    let offset = 0
    for (let more = true; more;) {
      const body = { by, position: this.#position, offset }
      const { data } = await this.api.must<Changes>('/ext/reaction/changes', body)
      this.kinds.push(data.kind)
      if (data.kind === 'full') {
        const isContinued = offset > 0 && data.position.version === this.#position?.version
        if (!isContinued) this.rows.clear()
        offset = (isContinued ? offset : 0) + data.rows.length
        for (const row of data.rows) this.rows.set(nameOf(row), row)
      } else {
        for (const row of [...data.inserted, ...data.updated]) this.rows.set(nameOf(row), row)
        for (const key of data.removed) this.rows.delete(nameOf(key))
      }
      this.#position = data.position
      more = data.more
    }
    return [...this.rows.values()].map((row) => `${nameOf(row)} ${row.emoji}`).toSorted()
  }
}

const nameOf = ({ messageSeq, userID }: Key): string => `${messageSeq} ${userID}`
