import { errorCodes } from '@parlance/openim-protocol'
import { checked } from '../api/route.ts'
import { ImError } from '../domain/im-error.ts'
import { noPermission } from '../domain/refusals.ts'
import type { ProfileChange, Users } from '../domain/users.ts'
import { type Identity, identitySchema } from './identity.ts'

/** Keeps users as the program that embeds the server says they are. */
export class HostUsers {
  readonly #users: Users
  readonly #adminUserID: string

  constructor(users: Users, adminUserID: string) {
    this.#users = users
    this.#adminUserID = adminUserID
  }

  /**
   * Registers the user where it is new; else changes what differs of its profile, and tells whom that concerns. Idempotent, also
   * when several calls come at once.
   *
   * @throws {@link ImError} 1001 for an identity that cannot be, 1002 for the administrator's id.
   */
  async ensure(given: Identity, operationID: string): Promise<void> {
    const { userID, nickname, faceURL } = checked(identitySchema, given)
    if (userID === this.#adminUserID)
      throw noPermission("userID: the administrator's account is the server's own; choose another id")
    if (await this.#register({ userID, nickname: nickname ?? userID, faceURL: faceURL ?? '' })) return
    const [user] = await this.#users.find([userID])
    const change: ProfileChange = {
      ...(nickname !== undefined && nickname !== user?.nickname ? { nickname } : {}),
      ...(faceURL !== undefined && faceURL !== user?.faceURL ? { faceURL } : {}),
    }
    if (Object.keys(change).length > 0)
      await this.#users.change({ userID, platformID: 0, isAdmin: false, operationID }, userID, change)
  }

  /** @returns false when the user is there already. */
  async #register(user: Required<Identity> & { nickname: string; faceURL: string }): Promise<boolean> {
    if ((await this.#users.find([user.userID])).length > 0) return false
    try {
      await this.#users.register([{ ...user, ex: '', appMangerLevel: 0, globalRecvMsgOpt: 0 }])
      return true
    } catch (error) {
      if (error instanceof ImError && error.errCode === errorCodes.RegisteredAlreadyError) return false
      throw error
    }
  }
}
