import { groupConversationID } from '@parlance/openim-protocol'
import { noPermission } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'

/** Who is in a conversation, as one of them sees it. */
export type Participants =
  | { readonly kind: 'single'; readonly peerUserID: string }
  | { readonly kind: 'group'; readonly groupID: string }

const groupPrefix = groupConversationID('')
const conversationIDLength = 256

/** Tells who takes part in a conversation now: whoever left a group and still reads what was said before does not. */
export class Participation {
  readonly #repositories: Pick<ImRepositories, 'conversations' | 'groupMembers'>

  constructor(repositories: Pick<ImRepositories, 'conversations' | 'groupMembers'>) {
    this.#repositories = repositories
  }

  /** The others of a conversation; undefined when the user takes no part in it. One cached row. */
  async find(userID: string, conversationID: string): Promise<Participants | undefined> {
    if (conversationID.length > conversationIDLength || conversationID.includes('\0')) return undefined
    const { conversations, groupMembers } = this.#repositories
    if (conversationID.startsWith(groupPrefix)) {
      const groupID = conversationID.slice(groupPrefix.length)
      const membership = await groupMembers.get({ groupID, userID })
      return membership === undefined ? undefined : { kind: 'group', groupID }
    }
    const row = await conversations.get({ ownerUserID: userID, conversationID })
    return row === undefined || row.userID === '' ? undefined : { kind: 'single', peerUserID: row.userID }
  }

  /** @throws {@link ImError} 1002 when the user takes no part in it. */
  async require(userID: string, conversationID: string): Promise<Participants> {
    const found = await this.find(userID, conversationID)
    if (found === undefined) throw noPermission(`${userID} takes no part in conversation ${conversationID}`)
    return found
  }
}
