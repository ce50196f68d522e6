import type { Together } from '@parlance/cached-repository'
import { groupConversationID } from '@parlance/openim-protocol'
import { type Conversation, conversations } from '../entities/conversation.ts'
import { groupMembers } from '../entities/group-member.ts'
import { againOnConflict } from './again-on-conflict.ts'
import { newConversation } from './new-conversation.ts'
import { notFound } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'

/** One user's conversation. */
export interface ConversationKey {
  readonly ownerUserID: string
  readonly conversationID: string
}

/** What can be changed in a conversation's row. */
export type ConversationChange = Partial<
  Omit<Conversation, 'ownerUserID' | 'conversationID' | 'conversationType' | 'userID' | 'groupID' | 'createTime'>
>

/** A change of one row, made from what stands there. */
export interface WantedChange extends ConversationKey {
  /** Undefined, or no field, leaves the row as it is. */
  readonly change: (row: Readonly<Conversation>) => ConversationChange | undefined
  /** The row to begin with where there is none, and the user's membership makes none. */
  readonly fallback?: Conversation
}

const groupPrefix = groupConversationID('')

/** Changes users' rows of conversations. A group's row is made from the membership when it is first needed. */
export class ConversationWrites {
  readonly #repositories: Pick<ImRepositories, 'conversations' | 'groupMembers' | 'together'>

  constructor(repositories: Pick<ImRepositories, 'conversations' | 'groupMembers' | 'together'>) {
    this.#repositories = repositories
  }

  /**
   * Makes all changes or none, in one durable step, on what stands there then; returns the rows that changed, as they were before.
   *
   * @param missing - what becomes of a conversation that its owner has not.
   * @throws {@link ImError} 1004 naming it, unless it is skipped.
   */
  async change(
    wanted: readonly WantedChange[],
    missing: 'refuse' | 'skip' = 'refuse',
  ): Promise<readonly Conversation[]> {
    return againOnConflict(async () => {
      const writes = await Promise.all(wanted.map((one) => this.#prepare(one, missing)))
      const needed = writes.filter((write) => write !== undefined)
      if (needed.length > 0)
        await this.#repositories.together((together) => {
          for (const { write } of needed) write(together)
        })
      return needed.map(({ before }) => before)
    })
  }

  async #prepare(
    { change, fallback, ...key }: WantedChange,
    missing: 'refuse' | 'skip',
  ): Promise<{ readonly before: Conversation; readonly write: (together: Together) => void } | undefined> {
    const current = await this.#repositories.conversations.getWithRevision(key, { read: 'store' })
    if (current !== undefined) {
      const changed = differences(current.row, change(current.row))
      if (changed === undefined) return undefined
      const { revision } = current
      return {
        before: current.row,
        write: (together) => together.patch(conversations, key, changed, { ifRevision: revision }),
      }
    }
    const membership = await this.#membership(key)
    const row = membership?.row ?? fallback
    if (row === undefined && missing === 'skip') return undefined
    if (row === undefined) throw notFound(`${key.ownerUserID} has no conversation ${key.conversationID}`)
    const changed = differences(row, change(row))
    if (changed === undefined && fallback === undefined) return undefined
    return {
      before: row,
      write(together) {
        if (membership !== undefined)
          together.require(groupMembers, membership.key, { ifRevision: membership.revision })
        together.insert(conversations, Object.assign({}, row, changed))
      },
    }
  }

  async #membership({ ownerUserID, conversationID }: ConversationKey) {
    if (!conversationID.startsWith(groupPrefix)) return undefined
    const key = { groupID: conversationID.slice(groupPrefix.length), userID: ownerUserID }
    const found = await this.#repositories.groupMembers.getWithRevision(key, { read: 'store' })
    if (found === undefined) return undefined
    const subject = { ownerUserID, conversationID, userID: '', groupID: key.groupID, createTime: found.row.joinTime }
    return { key, revision: found.revision, row: newConversation(subject) }
  }
}

function differences(row: Readonly<Conversation>, change: ConversationChange = {}): ConversationChange | undefined {
  const changed = Object.entries(change).filter(([name, value]) => value !== row[name as keyof Conversation])
  return changed.length === 0 ? undefined : (Object.fromEntries(changed) as ConversationChange)
}
