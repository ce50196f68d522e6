import type { FriendInfoOnly } from '@parlance/openim-protocol'
import type { Friend } from '../entities/friend.ts'
import { type PageRequest, rangeOf } from './page.ts'
import { type FriendInfo, friendInfo, friendInfoOnly } from './profiles.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'
import { type IDList, idList, type Incremental, type KnownVersion, incrementalOf } from './version-sync.ts'

/** What {@link Friends} needs. */
export interface FriendsOptions {
  readonly repositories: Pick<ImRepositories, 'friends'>
  readonly users: Users
}

/** Lists of friends, as their owners read them. */
export class Friends {
  readonly #friends: ImRepositories['friends']
  readonly #users: Users

  constructor({ repositories, users }: FriendsOptions) {
    this.#friends = repositories.friends
    this.#users = users
  }

  /** One page of a user's friends, and how many there are. */
  async page(
    ownerUserID: string,
    request: PageRequest,
  ): Promise<{ readonly total: number; readonly friends: readonly FriendInfo[] }> {
    const { rows, total } = await this.#friends.ofOwner.page({ ownerUserID }, rangeOf(request))
    return { total, friends: await this.#infos(rows) }
  }

  /** Those of the given users that are friends, in the order asked. */
  async find(ownerUserID: string, friendUserIDs: readonly string[]): Promise<readonly FriendInfo[]> {
    return this.#infos(await this.#rows(ownerUserID, friendUserIDs))
  }

  /** The same without the friends' profiles, by user id. */
  async byID(ownerUserID: string, friendUserIDs: readonly string[]): Promise<ReadonlyMap<string, FriendInfoOnly>> {
    const rows = await this.#rows(ownerUserID, friendUserIDs)
    return new Map(rows.map((row) => [row.friendUserID, friendInfoOnly(row)]))
  }

  /** The ids of a user's friends, unless the client's list has the same. */
  async ids(ownerUserID: string, clientHash: number): Promise<IDList> {
    const position = await this.#friends.changesOfOwner({ ownerUserID }).position()
    return idList(position, await this.allIDs(ownerUserID), clientHash)
  }

  /** The ids of a user's friends, in the order of the list. */
  async allIDs(ownerUserID: string): Promise<readonly string[]> {
    return (await this.#friends.ofOwner.keys({ ownerUserID })).map(({ friendUserID }) => friendUserID)
  }

  /** Whether `friendUserID` is in the list of `ownerUserID`. */
  async isFriend(ownerUserID: string, friendUserID: string): Promise<boolean> {
    return (await this.#friends.get({ ownerUserID, friendUserID })) !== undefined
  }

  /** What changed in a user's list since the client's version. */
  async incremental(ownerUserID: string, known: KnownVersion): Promise<Incremental<FriendInfo>> {
    return incrementalOf(
      this.#friends.changesOfOwner({ ownerUserID }),
      known,
      (rows) => this.#infos(rows),
      ({ friendUserID }) => friendUserID,
    )
  }

  async #rows(ownerUserID: string, friendUserIDs: readonly string[]): Promise<readonly Readonly<Friend>[]> {
    const rows = await this.#friends.getMany(friendUserIDs.map((friendUserID) => ({ ownerUserID, friendUserID })))
    return rows.filter((row) => row !== undefined)
  }

  async #infos(rows: readonly Readonly<Friend>[]): Promise<readonly FriendInfo[]> {
    const users = await this.#users.byID(rows.map(({ friendUserID }) => friendUserID))
    return rows.flatMap((row) => {
      const user = users.get(row.friendUserID)
      return user === undefined ? [] : [friendInfo(row, user)]
    })
  }
}
