import type { RevisedRow, Together } from '@parlance/cached-repository'
import { type Clock, systemClock } from '@parlance/core'
import { groupConversationID } from '@parlance/openim-protocol'
import { conversations } from '../entities/conversation.ts'
import { type GroupMember, groupMembers } from '../entities/group-member.ts'
import { groupAddress } from './messages/address.ts'
import { newConversation } from './new-conversation.ts'
import type { ImRepositories } from './repositories.ts'

/** Writes to be done with others. */
export type Writes = (together: Together) => void

/**
 * What it means to enter and to leave a group, as writes for {@link Together}.
 *
 * Who leaves keeps what was said up to then: the own row of the conversation gets the last number as its bound. Who enters again
 * reads everything, whatever bound stands there.
 */
export class MembershipWrites {
  readonly #conversations: ImRepositories['conversations']
  readonly #messages: ImRepositories['messages']
  readonly #clock: Clock

  constructor(repositories: Pick<ImRepositories, 'conversations' | 'messages'>, clock: Clock = systemClock) {
    this.#conversations = repositories.conversations
    this.#messages = repositories.messages
    this.#clock = clock
  }

  /** The writes conflict when one of them is a member by then. The bound of an earlier membership counts for members no more. */
  entering(members: readonly GroupMember[]): Writes {
    return (together) => {
      for (const member of members) together.insert(groupMembers, member)
    }
  }

  /** The writes conflict when one of the members was changed by then. */
  async leaving(groupID: string, members: readonly RevisedRow<GroupMember>[]): Promise<Writes> {
    const [rows, [stream]] = await Promise.all([
      this.#rows(
        groupID,
        members.map(({ row }) => row.userID),
      ),
      this.#messages.heads([groupAddress(groupID).stream]),
    ])
    const maxSeq = stream!.head
    return (together) => {
      for (const [at, { row, revision }] of members.entries()) {
        const { userID } = row
        together.delete(groupMembers, { groupID, userID }, { ifRevision: revision })
        if (maxSeq === 0) continue
        const conversation = rows[at]
        if (conversation === undefined) together.insert(conversations, this.#conversation(row, maxSeq))
        else together.patch(conversations, keyOf(conversation), { maxSeq })
      }
    }
  }

  #rows(groupID: string, userIDs: readonly string[]) {
    const conversationID = groupConversationID(groupID)
    return this.#conversations.getMany(
      userIDs.map((ownerUserID) => ({ ownerUserID, conversationID })),
      { read: 'store' },
    )
  }

  #conversation({ groupID, userID }: Readonly<GroupMember>, maxSeq: number) {
    const createTime = new Date(this.#clock.now())
    const conversationID = groupConversationID(groupID)
    const subject = { ownerUserID: userID, conversationID, userID: '', groupID, createTime }
    return Object.assign(newConversation(subject), { maxSeq })
  }
}

const keyOf = ({
  ownerUserID,
  conversationID,
}: {
  readonly ownerUserID: string
  readonly conversationID: string
}): { readonly ownerUserID: string; readonly conversationID: string } => ({ ownerUserID, conversationID })
