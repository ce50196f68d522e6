import { receiveOptions } from '@parlance/openim-protocol'
import { badArgument, blockedByPeer, notFriend, usersNotFound } from '../refusals.ts'
import type { ImRepositories } from '../repositories.ts'
import { singleAddress } from './address.ts'

/** What {@link PeerRules} needs. */
export interface PeerRulesOptions {
  readonly repositories: Pick<ImRepositories, 'blacks' | 'friends' | 'users' | 'conversations'>
  /** Only those may write to a user whom the user has in the list of friends. */
  readonly friendVerify: boolean
}

/** Who may write to whom. Asked before anything of a user's comes into a chat of two. */
export class PeerRules {
  readonly #blacks: ImRepositories['blacks']
  readonly #friends: ImRepositories['friends']
  readonly #users: ImRepositories['users']
  readonly #conversations: ImRepositories['conversations']
  readonly #friendVerify: boolean

  constructor({ repositories, friendVerify }: PeerRulesOptions) {
    this.#blacks = repositories.blacks
    this.#friends = repositories.friends
    this.#users = repositories.users
    this.#conversations = repositories.conversations
    this.#friendVerify = friendVerify
  }

  /**
   * Lets a user write to another who receives messages. Three rows are read, which are cached whether or not they are there; four
   * with `friendVerify`. To oneself always, unless one receives nothing at all.
   *
   * @param isTrusted - for the administrator, whom no list stops.
   * @throws {@link ImError} 1101 when there is no such receiver, 1001 when the receiver takes no messages, or none of this chat,
   * 1302 when the receiver blocked the sender, 1303 when only friends may write and the sender is none.
   */
  async admit(sendID: string, recvID: string, isTrusted = false): Promise<void> {
    const { conversationID } = singleAddress(sendID, recvID)
    const [receiver, chat, black, friend] = await Promise.all([
      this.#users.get({ userID: recvID }),
      this.#conversations.get({ ownerUserID: recvID, conversationID }),
      this.#blacks.get({ ownerUserID: recvID, blackUserID: sendID }),
      this.#friendVerify ? this.#friends.get({ ownerUserID: recvID, friendUserID: sendID }) : undefined,
    ])
    if (receiver === undefined) throw usersNotFound([recvID])
    if (receiver.globalRecvMsgOpt === receiveOptions.doNotReceive) throw badArgument(`${recvID} receives no messages`)
    if (sendID === recvID) return
    if (!isTrusted && black !== undefined) throw blockedByPeer(recvID)
    if (!isTrusted && this.#friendVerify && friend === undefined) throw notFriend(recvID)
    // Says so to who writes, instead of losing the message.
    if (chat?.recvMsgOpt === receiveOptions.doNotReceive)
      throw badArgument(`${recvID} receives no messages of this chat`)
  }
}
