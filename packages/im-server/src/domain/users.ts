import { type Clock, systemClock } from '@parlance/core'
import { RowConflictError } from '@parlance/cached-repository'
import { appLevels, notificationTypes, type UserInfo } from '@parlance/openim-protocol'
import type { User } from '../entities/user.ts'
import type { Caller } from './caller.ts'
import type { Notifications } from './notifications.ts'
import { userInfo } from './profiles.ts'
import { badArgument, usersNotFound, usersRegistered } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'

/** What a user is registered with. */
export type NewUser = Pick<User, 'userID' | 'nickname' | 'faceURL' | 'ex' | 'appMangerLevel' | 'globalRecvMsgOpt'>

/** What users change of themselves; what is left out stays. */
export type ProfileChange = Partial<Pick<User, 'nickname' | 'faceURL' | 'ex' | 'globalRecvMsgOpt'>>

/** What {@link Users} needs. */
export interface UsersOptions {
  readonly repositories: Pick<ImRepositories, 'users'>
  readonly notifications: Notifications
  readonly clock?: Clock
}

/** Accounts and their profiles. */
export class Users {
  readonly #users: ImRepositories['users']
  readonly #notifications: Notifications
  readonly #clock: Clock

  constructor({ repositories, notifications, clock = systemClock }: UsersOptions) {
    this.#users = repositories.users
    this.#notifications = notifications
    this.#clock = clock
  }

  /**
   * Registers users. A user id is given once: of two registrations at the same time one wins.
   *
   * @throws {@link ImError} 1102 naming those that exist; nothing was written then, unless they came to exist meanwhile.
   */
  async register(newUsers: readonly NewUser[]): Promise<void> {
    const userIDs = newUsers.map(({ userID }) => userID)
    const repeated = userIDs.find((userID, at) => userIDs.indexOf(userID) !== at)
    if (repeated !== undefined) throw badArgument(`users: ${repeated} is named twice; name each user once`)
    await this.#refuseRegistered(userIDs)
    const createTime = new Date(this.#clock.now())
    try {
      await this.#users.insertMany(newUsers.map((user) => ({ ...user, createTime })))
    } catch (error) {
      if (!(error instanceof RowConflictError)) throw error
      await this.#refuseRegistered(userIDs)
      throw error
    }
  }

  /** Makes sure that the administrator's account exists. Idempotent. */
  async ensureAdmin(userID: string): Promise<void> {
    if ((await this.#users.get({ userID })) !== undefined) return
    const createTime = new Date(this.#clock.now())
    const account = {
      userID,
      nickname: userID,
      faceURL: '',
      ex: '',
      appMangerLevel: appLevels.admin,
      globalRecvMsgOpt: 0,
      createTime,
    }
    await this.#users.put(account)
  }

  /** The users that exist, in the order asked. */
  async find(userIDs: readonly string[]): Promise<readonly Readonly<User>[]> {
    const rows = await this.#users.getMany(userIDs.map((userID) => ({ userID })))
    return rows.filter((row) => row !== undefined)
  }

  /** The same, by id. */
  async byID(userIDs: Iterable<string>): Promise<ReadonlyMap<string, Readonly<User>>> {
    const rows = await this.find([...new Set(userIDs)])
    return new Map(rows.map((row) => [row.userID, row]))
  }

  /**
   * All of these users, by id.
   *
   * @throws {@link ImError} 1101 naming those that do not exist.
   */
  async requireAll(userIDs: readonly string[]): Promise<ReadonlyMap<string, Readonly<User>>> {
    const found = await this.byID(userIDs)
    const missing = userIDs.filter((userID) => !found.has(userID))
    if (missing.length > 0) throw usersNotFound(missing)
    return found
  }

  /** The profiles of the users that exist, in the order asked. */
  async infos(userIDs: readonly string[]): Promise<readonly UserInfo[]> {
    return (await this.find(userIDs)).map(userInfo)
  }

  /** Which of these users exist. */
  async registered(userIDs: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set((await this.byID(userIDs)).keys())
  }

  /**
   * Changes a profile and tells the user's own devices (1303).
   *
   * @throws {@link ImError} 1101 when the user does not exist.
   */
  async change(caller: Caller, userID: string, change: ProfileChange): Promise<void> {
    await this.requireAll([userID])
    if (Object.keys(change).length > 0) await this.#users.patch({ userID }, change)
    await this.#notifications.send({
      sendID: caller.userID,
      to: { userID },
      contentType: notificationTypes.userInfoUpdated,
      tips: { userID },
      operationID: caller.operationID,
    })
  }

  async #refuseRegistered(userIDs: readonly string[]): Promise<void> {
    const existing = await this.registered(userIDs)
    if (existing.size > 0) throw usersRegistered([...existing])
  }
}
