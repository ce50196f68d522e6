import { type Clock, Singleflight } from '@parlance/core'
import { conversationTypes, singleConversationID } from '@parlance/openim-protocol'
import type { ImRepositories } from '../repositories.ts'
import type { Conversation } from '../../entities/conversation.ts'

/**
 * Makes the rows of single chats: both owners' before the first message is stored, so that whoever is told of a message finds its
 * conversation. Groups have none: theirs follow from the membership.
 */
export class ConversationRows {
  readonly #repositories: ImRepositories
  readonly #clock: Clock
  readonly #making = new Singleflight<string, void>()

  constructor(repositories: ImRepositories, clock: Clock) {
    this.#repositories = repositories
    this.#clock = clock
  }

  /** Resolves once both rows are there. Two cached reads; one durable write the first time. */
  async ensureSingle(a: string, b: string): Promise<void> {
    const conversationID = singleConversationID(a, b)
    const [own, other] = await this.#repositories.conversations.getMany([
      { ownerUserID: a, conversationID },
      { ownerUserID: b, conversationID },
    ])
    if (own !== undefined && other !== undefined) return
    const missing = [
      own === undefined ? [a, b] : undefined,
      other === undefined && a !== b ? [b, a] : undefined,
    ].filter((pair) => pair !== undefined)
    const createTime = new Date(this.#clock.now())
    const rows = missing.map(([owner, peer]) =>
      newConversation({ ownerUserID: owner!, conversationID, userID: peer!, createTime }),
    )
    await this.#making.run(conversationID, async () => void (await this.#repositories.conversations.putMany(rows)))
  }
}

/** A single chat as it begins: nothing set. */
function newConversation(
  row: Pick<Conversation, 'ownerUserID' | 'conversationID' | 'userID' | 'createTime'>,
): Conversation {
  return {
    ...row,
    conversationType: conversationTypes.single,
    groupID: '',
    recvMsgOpt: 0,
    isPinned: false,
    isPrivateChat: false,
    burnDuration: 0,
    groupAtType: 0,
    attachedInfo: '',
    ex: '',
  }
}
