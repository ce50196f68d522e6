import type { RevisedRow, Together } from '@parlance/cached-repository'
import { type Clock, systemClock } from '@parlance/core'
import { friendSources, handleResults } from '@parlance/openim-protocol'
import { type FriendRequest, friendRequests } from '../entities/friend-request.ts'
import { friends } from '../entities/friend.ts'
import { againOnConflict } from './again-on-conflict.ts'
import type { Caller } from './caller.ts'
import { newFriend } from './new-friend.ts'
import { blockedByPeer, friendsAlready, listFull, notFound, requestHandled, yourself } from './refusals.ts'
import { relationLimits } from './relation-limits.ts'
import type { RelationNotices } from './relation-notices.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'

/** What somebody says who wants to become friends. */
export type NewFriendRequest = Pick<FriendRequest, 'fromUserID' | 'toUserID' | 'reqMsg' | 'ex'>

/** What the asked user answers. */
export interface FriendAnswer {
  readonly fromUserID: string
  readonly toUserID: string
  readonly isAccepted: boolean
  readonly handleMsg: string
}

/** What {@link FriendRequests} needs. */
export interface FriendRequestsOptions {
  readonly repositories: Pick<ImRepositories, 'friendRequests' | 'friends' | 'blacks' | 'together'>
  readonly users: Users
  readonly notices: RelationNotices
  readonly clock?: Clock
}

type Seen<R> = RevisedRow<R> | undefined

const fromStore = { read: 'store' } as const
const never = new Date(0)

/**
 * Asking to become friends, and the answer.
 *
 * Of a pair there is one request each way, which asking again opens anew. Both rules look at both rows, and their writes hold
 * only if neither changed meanwhile: of two answers at the same moment one wins, and no request stays open beside the friendship
 * that it asked for.
 */
export class FriendRequests {
  readonly #repositories: FriendRequestsOptions['repositories']
  readonly #users: Users
  readonly #notices: RelationNotices
  readonly #clock: Clock

  constructor({ repositories, users, notices, clock = systemClock }: FriendRequestsOptions) {
    this.#repositories = repositories
    this.#users = users
    this.#notices = notices
    this.#clock = clock
  }

  /**
   * Asks a user to become friends, or asks again, and tells both (1203).
   *
   * @throws {@link ImError} 1301 for oneself, 1101 naming users that do not exist, 1302 when the asked one blocked the other, 1304
   * when they are friends both ways, 1803 when too many requests wait.
   */
  async apply(caller: Caller, request: NewFriendRequest): Promise<void> {
    const { fromUserID, toUserID } = request
    if (fromUserID === toUserID) throw yourself('toUserID')
    const profiles = await this.#users.requireAll([fromUserID, toUserID])
    const opened = {
      ...request,
      handleResult: handleResults.open,
      handlerUserID: '',
      handleMsg: '',
      createTime: new Date(this.#clock.now()),
      handleTime: never,
    }
    await againOnConflict(() => this.#open(opened))
    await this.#notices.requested(caller, opened, profiles)
  }

  /**
   * Answers an open request. Accepting makes both friends, keeps what one of them had already, settles the other's own request
   * too, and tells both (1201 and 1204); refusing tells both (1202). One atomic write.
   *
   * @throws {@link ImError} 1101 naming users that do not exist, 1004 when there is no request, 1305 when it was answered, 1803 when
   * a list of friends is full.
   */
  async answer(caller: Caller, { fromUserID, toUserID, isAccepted, handleMsg }: FriendAnswer): Promise<void> {
    const profiles = await this.#users.requireAll([fromUserID, toUserID])
    const answer = {
      handleResult: isAccepted ? handleResults.agreed : handleResults.refused,
      handleMsg,
      handlerUserID: caller.userID,
      handleTime: new Date(this.#clock.now()),
    }
    const settled = await againOnConflict(() => this.#settle(fromUserID, toUserID, answer))
    if (isAccepted) await this.#notices.accepted(caller, settled, profiles)
    else await this.#notices.refused(caller, settled, profiles)
  }

  async #open(opened: FriendRequest): Promise<void> {
    const { fromUserID, toUserID, ...fields } = opened
    const key = { fromUserID, toUserID }
    const mirrorKey = { fromUserID: toUserID, toUserID: fromUserID }
    // The requests before the friends: whatever makes them friends meanwhile changes one of the two.
    const [known, mirror] = await this.#both(fromUserID, toUserID)
    const [friend, friendBack, black] = await Promise.all([
      this.#repositories.friends.get({ ownerUserID: fromUserID, friendUserID: toUserID }, fromStore),
      this.#repositories.friends.get({ ownerUserID: toUserID, friendUserID: fromUserID }, fromStore),
      this.#repositories.blacks.get({ ownerUserID: toUserID, blackUserID: fromUserID }, fromStore),
    ])
    if (black !== undefined) throw blockedByPeer(toUserID)
    if (friend !== undefined && friendBack !== undefined) throw friendsAlready(toUserID)
    if (known?.row.handleResult !== handleResults.open) await this.#requireRoom(fromUserID, toUserID)
    await this.#repositories.together((together) => {
      if (known === undefined) together.insert(friendRequests, opened)
      else together.patch(friendRequests, key, fields, { ifRevision: known.revision })
      holdAsSeen(together, mirrorKey, mirror, opened)
    })
  }

  async #settle(
    fromUserID: string,
    toUserID: string,
    answer: Pick<FriendRequest, 'handleResult' | 'handleMsg' | 'handlerUserID' | 'handleTime'>,
  ): Promise<FriendRequest> {
    const [request, mirror] = await this.#both(fromUserID, toUserID)
    if (request === undefined)
      throw notFound(`there is no friend request of ${fromUserID} to ${toUserID}; it is made with /friend/add_friend`)
    if (request.row.handleResult !== handleResults.open) throw requestHandled(fromUserID)
    const isAccepted = answer.handleResult === handleResults.agreed
    const sides = isAccepted ? await this.#sides(fromUserID, toUserID) : []
    await this.#repositories.together((together) => {
      together.patch(friendRequests, { fromUserID, toUserID }, answer, { ifRevision: request.revision })
      if (!isAccepted) return
      const mirrorKey = { fromUserID: toUserID, toUserID: fromUserID }
      if (mirror?.row.handleResult === handleResults.open)
        together.patch(friendRequests, mirrorKey, answer, { ifRevision: mirror.revision })
      else holdAsSeen(together, mirrorKey, mirror, request.row)
      for (const { key, known } of sides)
        if (known === undefined)
          together.insert(
            friends,
            newFriend({
              ...key,
              createTime: answer.handleTime,
              addSource: friendSources.application,
              operatorUserID: answer.handlerUserID,
            }),
          )
        else together.require(friends, key, { ifRevision: known.revision })
    })
    return { ...request.row, ...answer }
  }

  #both(fromUserID: string, toUserID: string): Promise<[Seen<FriendRequest>, Seen<FriendRequest>]> {
    const { friendRequests: requests } = this.#repositories
    return Promise.all([
      requests.getWithRevision({ fromUserID, toUserID }, fromStore),
      requests.getWithRevision({ fromUserID: toUserID, toUserID: fromUserID }, fromStore),
    ])
  }

  /** The two directions of a friendship, as they are; a new one needs room. */
  async #sides(a: string, b: string) {
    const keys = [
      { ownerUserID: a, friendUserID: b },
      { ownerUserID: b, friendUserID: a },
    ]
    return Promise.all(
      keys.map(async (key) => {
        const known = await this.#repositories.friends.getWithRevision(key, fromStore)
        if (known === undefined) await this.#requireFriendRoom(key.ownerUserID)
        return { key, known }
      }),
    )
  }

  async #requireFriendRoom(ownerUserID: string): Promise<void> {
    const count = await this.#repositories.friends.countOfOwner({ ownerUserID })
    if (count >= relationLimits.friends)
      throw listFull(`the list of friends of ${ownerUserID}`, relationLimits.friends, 'delete friends first')
  }

  async #requireRoom(fromUserID: string, toUserID: string): Promise<void> {
    const { friendRequests: requests } = this.#repositories
    const { open } = handleResults
    const [sent, received] = await Promise.all([
      requests.sentCount({ fromUserID, handleResult: open }),
      requests.receivedCount({ toUserID, handleResult: open }),
    ])
    const most = relationLimits.openRequests
    if (sent >= most) throw listFull(`the list of open requests of ${fromUserID}`, most, 'wait for answers')
    if (received >= most)
      throw listFull(`the list of open requests to ${toUserID}`, most, 'they have to be answered first')
  }
}

/** Lets the other writes be done only if the request is as it was seen. */
function holdAsSeen(
  together: Together,
  key: Pick<FriendRequest, 'fromUserID' | 'toUserID'>,
  seen: Seen<FriendRequest>,
  sample: Readonly<FriendRequest>,
): void {
  if (seen !== undefined) {
    together.require(friendRequests, key, { ifRevision: seen.revision })
  } else {
    // An insert is what fails when the row is there; nobody sees the row between the two.
    together.insert(friendRequests, Object.assign({}, sample, key))
    together.delete(friendRequests, key)
  }
}
