import { RowNotFoundError } from '@parlance/cached-repository'
import { type Clock, type Count, systemClock } from '@parlance/core'
import { friendSources } from '@parlance/openim-protocol'
import { type Friend, friends } from '../entities/friend.ts'
import { againOnConflict } from './again-on-conflict.ts'
import type { Caller } from './caller.ts'
import { newFriend } from './new-friend.ts'
import { badArgument, listFull, notFound, yourself } from './refusals.ts'
import { relationLimits } from './relation-limits.ts'
import type { RelationNotices } from './relation-notices.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'

/** What owners set of their friends; what is left out stays. */
export type FriendChange = Partial<Pick<Friend, 'remark' | 'ex' | 'isPinned'>>

/** What {@link Friendships} needs. */
export interface FriendshipsOptions {
  readonly repositories: Pick<ImRepositories, 'friends' | 'together'>
  readonly users: Users
  readonly notices: RelationNotices
  readonly clock?: Clock
}

/** Friends told of at the same time; each is a record of its own on the way to the clients. */
const toldAtOnce: Count = 100

/** What owners, and administrators for them, do with lists of friends. */
export class Friendships {
  readonly #repositories: FriendshipsOptions['repositories']
  readonly #users: Users
  readonly #notices: RelationNotices
  readonly #clock: Clock

  constructor({ repositories, users, notices, clock = systemClock }: FriendshipsOptions) {
    this.#repositories = repositories
    this.#users = users
    this.#notices = notices
    this.#clock = clock
  }

  /**
   * Takes a friend out of the owner's list, and tells both (1205). The other list stays as it is.
   *
   * @throws {@link ImError} 1004 when there is no such friend.
   */
  async delete(caller: Caller, ownerUserID: string, friendUserID: string): Promise<void> {
    const isDeleted = await this.#repositories.friends.delete({ ownerUserID, friendUserID })
    if (!isDeleted) throw noFriends(ownerUserID, [friendUserID])
    await this.#notices.deleted(caller, ownerUserID, friendUserID)
  }

  /**
   * Gives a friend another name in the owner's list, and tells the owner's devices (1206).
   *
   * @throws {@link ImError} 1004 when there is no such friend.
   */
  async remark(caller: Caller, ownerUserID: string, friendUserID: string, remark: string): Promise<void> {
    await this.#change(ownerUserID, [friendUserID], { remark })
    await this.#notices.remarked(caller, ownerUserID, friendUserID)
  }

  /**
   * Changes all these friends in the owner's list or none, and tells the owner's devices (1210). Without a change nothing happens.
   *
   * @throws {@link ImError} 1004 naming those that are no friends.
   */
  async update(
    caller: Caller,
    ownerUserID: string,
    friendUserIDs: readonly string[],
    change: FriendChange,
  ): Promise<void> {
    const ids = [...new Set(friendUserIDs)]
    await this.#change(ownerUserID, ids, change)
    if (Object.keys(change).length > 0) await this.#notices.updated(caller, ownerUserID, ids)
  }

  /**
   * Makes users friends of the owner, both ways, without asking anybody: all or none, in one atomic write. Who is a friend already
   * stays as it is, and so do requests between them. Tells the owner once (1210) and each new friend (1204).
   *
   * @throws {@link ImError} 1301 for the owner itself, 1101 naming users that do not exist, 1803 when a list of friends is full.
   */
  async import(caller: Caller, ownerUserID: string, friendUserIDs: readonly string[]): Promise<void> {
    const ids = [...new Set(friendUserIDs)]
    if (ids.length < friendUserIDs.length)
      throw badArgument('friendUserIDs: a user is named twice; name each user once')
    if (ids.includes(ownerUserID)) throw yourself('friendUserIDs')
    await this.#users.requireAll([ownerUserID, ...ids])
    const added = await againOnConflict(() => this.#insertMissing(caller, ownerUserID, ids))
    const ownerIDs = added.filter((row) => row.ownerUserID === ownerUserID).map(({ friendUserID }) => friendUserID)
    if (ownerIDs.length > 0) await this.#notices.updated(caller, ownerUserID, ownerIDs)
    const others = added.filter((row) => row.ownerUserID !== ownerUserID)
    for (let from = 0; from < others.length; from += toldAtOnce)
      await Promise.all(
        others.slice(from, from + toldAtOnce).map((row) => this.#notices.added(caller, row.ownerUserID, ownerUserID)),
      )
  }

  async #insertMissing(caller: Caller, ownerUserID: string, ids: readonly string[]): Promise<readonly Friend[]> {
    const keys = ids.flatMap((id) => [
      { ownerUserID, friendUserID: id },
      { ownerUserID: id, friendUserID: ownerUserID },
    ])
    const known = await this.#repositories.friends.getMany(keys, { read: 'store' })
    const missing = keys.filter((_key, at) => known[at] === undefined)
    await this.#requireRoom(missing)
    const createTime = new Date(this.#clock.now())
    const of = { createTime, addSource: friendSources.import, operatorUserID: caller.userID }
    const rows = missing.map((key) => newFriend({ ...key, ...of }))
    if (rows.length > 0) await this.#repositories.friends.insertMany(rows)
    return rows
  }

  async #requireRoom(added: readonly Pick<Friend, 'ownerUserID'>[]): Promise<void> {
    const counts = new Map<string, number>()
    for (const { ownerUserID } of added) counts.set(ownerUserID, (counts.get(ownerUserID) ?? 0) + 1)
    for (const [ownerUserID, count] of counts)
      if ((await this.#repositories.friends.countOfOwner({ ownerUserID })) + count > relationLimits.friends)
        throw listFull(`the list of friends of ${ownerUserID}`, relationLimits.friends, 'delete friends first')
  }

  async #change(ownerUserID: string, ids: readonly string[], change: FriendChange): Promise<void> {
    const keys = ids.map((friendUserID) => ({ ownerUserID, friendUserID }))
    const rows = await this.#repositories.friends.getMany(keys)
    const missing = ids.filter((_id, at) => rows[at] === undefined)
    if (missing.length > 0) throw noFriends(ownerUserID, missing)
    if (Object.keys(change).length === 0) return
    try {
      await this.#repositories.together((together) => {
        for (const key of keys) together.patch(friends, key, change)
      })
    } catch (error) {
      // Deleted since the look above.
      if (error instanceof RowNotFoundError) throw noFriends(ownerUserID, ids)
      throw error
    }
  }
}

const shownCount: Count = 20

const noFriends = (ownerUserID: string, ids: readonly string[]) =>
  notFound(`not in the list of friends of ${ownerUserID}: ${ids.slice(0, shownCount).join(', ')}; name friends only`)
