import { type Clock, systemClock } from '@parlance/core'
import { notificationTypes } from '@parlance/openim-protocol'
import type { FriendRequest } from '../entities/friend-request.ts'
import type { User } from '../entities/user.ts'
import type { Caller } from './caller.ts'
import type { Notifications } from './notifications.ts'
import { friendInfo } from './profiles.ts'
import { friendRequestInfo, publicUserInfo } from './relation-infos.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'

/** What {@link RelationNotices} needs. */
export interface RelationNoticesOptions {
  readonly repositories: Pick<ImRepositories, 'friends'>
  readonly users: Users
  readonly notifications: Notifications
  readonly clock?: Clock
}

type Profiles = ReadonlyMap<string, Readonly<User>>

/**
 * Tells clients what happened to relations.
 *
 * Who is told: both sides of a request; both sides of a new friendship, each of its own list; who lost a friend and who was
 * deleted (both may ask for it anyway). Only the owner's devices hear of remarks, pins and blocks: no SDK needs them elsewhere,
 * and they are nobody else's business.
 *
 * All are pushed only: what they tell of is found by incremental sync. The approval (1201) is also a message of the chat.
 */
export class RelationNotices {
  readonly #friends: ImRepositories['friends']
  readonly #users: Users
  readonly #notifications: Notifications
  readonly #clock: Clock

  constructor({ repositories, users, notifications, clock = systemClock }: RelationNoticesOptions) {
    this.#friends = repositories.friends
    this.#users = users
    this.#notifications = notifications
    this.#clock = clock
  }

  /** 1203: somebody wants to become friends. */
  async requested(caller: Caller, request: Readonly<FriendRequest>, profiles: Profiles): Promise<void> {
    const { fromUserID, toUserID } = request
    await this.#send(caller, fromUserID, toUserID, notificationTypes.friendApplication, {
      fromToUserID: { fromUserID, toUserID },
      request: friendRequestInfo(request, profiles),
    })
  }

  /** 1201, also as the first message of the chat, and 1204 to both: a request was accepted. */
  async accepted(caller: Caller, request: Readonly<FriendRequest>, profiles: Profiles): Promise<void> {
    const { fromUserID, toUserID, handleMsg } = request
    const tips = {
      fromToUserID: { fromUserID, toUserID },
      handleMsg,
      ...(await this.#version(fromUserID)),
      request: friendRequestInfo(request, profiles),
    }
    await this.#send(caller, toUserID, fromUserID, notificationTypes.friendApplicationApproved, tips, true)
    await Promise.all([this.added(caller, fromUserID, toUserID), this.added(caller, toUserID, fromUserID)])
  }

  /** 1202: a request was refused. */
  async refused(caller: Caller, request: Readonly<FriendRequest>, profiles: Profiles): Promise<void> {
    const { fromUserID, toUserID, handleMsg } = request
    await this.#send(caller, toUserID, fromUserID, notificationTypes.friendApplicationRejected, {
      fromToUserID: { fromUserID, toUserID },
      handleMsg,
      request: friendRequestInfo(request, profiles),
    })
  }

  /** 1204 to the owner: a friend is in the list. */
  async added(caller: Caller, ownerUserID: string, friendUserID: string): Promise<void> {
    const [row, users, version] = await Promise.all([
      this.#friends.get({ ownerUserID, friendUserID }),
      this.#users.byID([friendUserID, caller.userID]),
      this.#version(ownerUserID),
    ])
    const friendUser = users.get(friendUserID)
    if (row === undefined || friendUser === undefined) return
    const operator = users.get(caller.userID)
    await this.#send(caller, ownerUserID, ownerUserID, notificationTypes.friendAdded, {
      friend: friendInfo(row, friendUser),
      operationTime: this.#clock.now(),
      opUser: operator === undefined ? undefined : publicUserInfo(operator),
      ...version,
    })
  }

  /** 1205: a friend is not in the owner's list any more. */
  async deleted(caller: Caller, ownerUserID: string, friendUserID: string): Promise<void> {
    await this.#send(caller, ownerUserID, friendUserID, notificationTypes.friendDeleted, {
      fromToUserID: { fromUserID: ownerUserID, toUserID: friendUserID },
      ...(await this.#version(ownerUserID)),
    })
  }

  /** 1206: the owner calls a friend by another name. */
  async remarked(caller: Caller, ownerUserID: string, friendUserID: string): Promise<void> {
    await this.#send(caller, ownerUserID, ownerUserID, notificationTypes.friendRemarkSet, {
      fromToUserID: { fromUserID: ownerUserID, toUserID: friendUserID },
      ...(await this.#version(ownerUserID)),
      friendSortVersion: 0,
    })
  }

  /** 1210: the owner's entries of several friends changed. */
  async updated(caller: Caller, ownerUserID: string, friendIDs: readonly string[]): Promise<void> {
    await this.#send(caller, ownerUserID, ownerUserID, notificationTypes.friendsInfoUpdate, {
      fromToUserID: { fromUserID: ownerUserID, toUserID: ownerUserID },
      friendIDs,
      ...(await this.#version(ownerUserID)),
    })
  }

  /** 1207: the owner blocked somebody. */
  async blocked(caller: Caller, ownerUserID: string, blackUserID: string): Promise<void> {
    await this.#send(caller, ownerUserID, ownerUserID, notificationTypes.blackAdded, {
      fromToUserID: { fromUserID: ownerUserID, toUserID: blackUserID },
    })
  }

  /** 1208: the owner lets somebody write again. */
  async unblocked(caller: Caller, ownerUserID: string, blackUserID: string): Promise<void> {
    await this.#send(caller, ownerUserID, ownerUserID, notificationTypes.blackDeleted, {
      fromToUserID: { fromUserID: ownerUserID, toUserID: blackUserID },
    })
  }

  #send(
    { operationID }: Caller,
    sendID: string,
    userID: string,
    contentType: number,
    tips: object,
    asMessage = false,
  ): Promise<void> {
    return this.#notifications.send({ sendID, to: { userID }, contentType, tips, operationID, asMessage })
  }

  async #version(ownerUserID: string): Promise<{ readonly friendVersion: number; readonly friendVersionID: string }> {
    const { version, epoch } = await this.#friends.changesOfOwner({ ownerUserID }).position()
    return { friendVersion: version, friendVersionID: epoch }
  }
}
