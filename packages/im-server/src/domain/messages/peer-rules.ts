import { blockedByPeer, notFriend } from '../refusals.ts'
import type { ImRepositories } from '../repositories.ts'

/** What {@link PeerRules} needs. */
export interface PeerRulesOptions {
  readonly repositories: Pick<ImRepositories, 'blacks' | 'friends'>
  /** Only those may write to a user whom the user has in the list of friends. */
  readonly friendVerify: boolean
}

/** Who may write to whom. */
export class PeerRules {
  readonly #blacks: ImRepositories['blacks']
  readonly #friends: ImRepositories['friends']
  readonly #friendVerify: boolean

  constructor({ repositories, friendVerify }: PeerRulesOptions) {
    this.#blacks = repositories.blacks
    this.#friends = repositories.friends
    this.#friendVerify = friendVerify
  }

  /**
   * Lets a user write to another; to oneself always. One row is read, which is cached whether or not it is there; two with
   * `friendVerify`.
   *
   * @throws {@link ImError} 1302 when the receiver blocked the sender, 1303 when only friends may write and the sender is none.
   */
  async admit(sendID: string, recvID: string): Promise<void> {
    if (sendID === recvID) return
    const [black, friend] = await Promise.all([
      this.#blacks.get({ ownerUserID: recvID, blackUserID: sendID }),
      this.#friendVerify ? this.#friends.get({ ownerUserID: recvID, friendUserID: sendID }) : undefined,
    ])
    if (black !== undefined) throw blockedByPeer(recvID)
    if (this.#friendVerify && friend === undefined) throw notFriend(recvID)
  }
}
