import { RowConflictError } from '@parlance/cached-repository'
import { type Clock, type Count, Singleflight } from '@parlance/core'
import { conversations } from '../../entities/conversation.ts'
import { newConversation } from '../new-conversation.ts'
import { badArgument } from '../refusals.ts'
import type { ImRepositories } from '../repositories.ts'
import { singleAddress } from './address.ts'

/** Who has a conversation, and with whom. */
interface Side {
  readonly ownerUserID: string
  readonly userID: string
}

/** A side whose row is not there, or was deleted by its owner. */
interface Missing extends Side {
  readonly isDeleted: boolean
}

/** Each failed try finds a row more: there are two. */
const maxAttempts: Count = 3

/**
 * Makes the rows of single chats: both owners' before the first message is stored, so that whoever is told of a message finds its
 * conversation; one that its owner deleted comes back with the next message. Groups have none: theirs follow from the membership.
 */
export class ConversationRows {
  readonly #conversations: ImRepositories['conversations']
  readonly #together: ImRepositories['together']
  readonly #clock: Clock
  readonly #making = new Singleflight<string, void>()

  constructor(repositories: Pick<ImRepositories, 'conversations' | 'together'>, clock: Clock) {
    this.#conversations = repositories.conversations
    this.#together = repositories.together
    this.#clock = clock
  }

  /**
   * Resolves once both rows are there; rows that were there stay as they are. Two cached reads; one durable write the first time.
   *
   * @throws {@link ImError} 1001 when one of the two has another chat under the same conversation id.
   */
  async ensureSingle(a: string, b: string): Promise<void> {
    const { stream, conversationID } = singleAddress(a, b)
    const sides = a === b ? [side(a, b)] : [side(a, b), side(b, a)]
    const missing = await this.#missing(sides, conversationID, 'local')
    // By stream: another pair can have the same conversation id.
    if (missing.length > 0) await this.#making.run(stream, () => this.#make(sides, conversationID))
  }

  async #make(sides: readonly Side[], conversationID: string): Promise<void> {
    const createTime = new Date(this.#clock.now())
    for (let attempt = 1; ; attempt++) {
      const missing = await this.#missing(sides, conversationID, 'store')
      try {
        if (missing.length > 0)
          await this.#together((together) => {
            for (const { ownerUserID, userID, isDeleted } of missing) {
              const key = { ownerUserID, conversationID }
              if (isDeleted) together.patch(conversations, key, { isDeleted: false })
              else together.insert(conversations, newConversation({ ...key, userID, groupID: '', createTime }))
            }
          })
        return
      } catch (error) {
        // Somebody else made one meanwhile; what its owner has set by now must stay.
        if (!(error instanceof RowConflictError) || attempt === maxAttempts) throw error
      }
    }
  }

  async #missing(sides: readonly Side[], conversationID: string, read: 'local' | 'store'): Promise<readonly Missing[]> {
    const keys = sides.map(({ ownerUserID }) => ({ ownerUserID, conversationID }))
    const rows = await this.#conversations.getMany(keys, { read })
    for (const [at, { ownerUserID, userID }] of sides.entries()) {
      const peer = rows[at]?.userID
      if (peer !== undefined && peer !== userID)
        throw badArgument(
          `${conversationID} is the conversation of ${ownerUserID} with ${peer} already; register ${userID} under an id without _`,
        )
    }
    return sides.flatMap((of, at) => {
      const row = rows[at]
      return row === undefined || row.isDeleted ? [{ ...of, isDeleted: row !== undefined }] : []
    })
  }
}

const side = (ownerUserID: string, userID: string): Side => ({ ownerUserID, userID })
