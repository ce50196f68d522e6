import { createHash, timingSafeEqual } from 'node:crypto'
import { type Clock, type Count, InvalidArgumentError, type Milliseconds, systemClock } from '@parlance/core'
import { appLevels, errorCodes, isPlatformID, platformIDs } from '@parlance/openim-protocol'
import { ImError } from './im-error.ts'
import { badArgument, noPermission } from './refusals.ts'
import type { IssuedToken, Tokens } from './tokens.ts'
import type { Users } from './users.ts'

/** What {@link TokenIssue} needs. */
export interface TokenIssueOptions {
  readonly tokens: Tokens
  readonly users: Users
  readonly adminUserID: string
  /** What the app's own back end proves itself with. */
  readonly secret: string
  readonly clock?: Clock
}

interface Failures {
  count: Count
  readonly untilMs: Milliseconds
}

const failureWindowMs: Milliseconds = 60_000
const maxFailures: Count = 10
const maxAddresses: Count = 10_000

/** Decides who gets a token: the administrator by the secret, users by the administrator. */
export class TokenIssue {
  readonly #tokens: Tokens
  readonly #users: Users
  readonly #adminUserID: string
  readonly #secretHash: Buffer
  readonly #clock: Clock
  readonly #failures = new Map<string, Failures>()

  constructor({ tokens, users, adminUserID, secret, clock = systemClock }: TokenIssueOptions) {
    if (secret === '') throw new InvalidArgumentError('the admin secret is empty; set one')
    this.#tokens = tokens
    this.#users = users
    this.#adminUserID = adminUserID
    this.#secretHash = hashOf(secret)
    this.#clock = clock
  }

  /**
   * A token for the administrator. Ten wrong secrets within a minute lock their address out for the rest of that minute.
   *
   * @throws {@link ImError} 1002 for a wrong secret, 1001 for somebody who is no administrator, 1803 when locked out.
   */
  async forAdmin(userID: string, secret: string, remoteAddress: string): Promise<IssuedToken> {
    this.#refuseLockedOut(remoteAddress)
    if (!timingSafeEqual(hashOf(secret), this.#secretHash)) {
      this.#countFailure(remoteAddress)
      throw noPermission("the secret is wrong; it stands in the server's configuration")
    }
    if (userID !== this.#adminUserID) throw badArgument("userID: not the administrator's id")
    return this.#tokens.issue(userID, platformIDs.admin)
  }

  /**
   * A token for a user's device.
   *
   * @throws {@link ImError} 1001 for an unknown platform or an account that does not sign in, 1002 for an administrator, 1101.
   */
  async forUser(userID: string, platformID: number): Promise<IssuedToken> {
    if (!isPlatformID(platformID))
      throw badArgument(`platformID: ${platformID} is not a platform; they run from 1 to 11`)
    if (platformID === platformIDs.admin) throw noPermission('platformID: the admin platform is not for users')
    if (userID === this.#adminUserID)
      throw noPermission("userID: an administrator's token comes from /auth/get_admin_token")
    const user = (await this.#users.requireAll([userID])).get(userID)
    if (user !== undefined && user.appMangerLevel >= appLevels.notification)
      throw badArgument('userID: accounts for notifications and robots do not sign in')
    return this.#tokens.issue(userID, platformID)
  }

  #refuseLockedOut(address: string): void {
    const failures = this.#failures.get(address)
    if (failures === undefined) return
    if (failures.untilMs <= this.#clock.elapsed()) this.#failures.delete(address)
    else if (failures.count >= maxFailures)
      throw new ImError(errorCodes.TooManyError, 'too many wrong secrets from this address; try again in a minute')
  }

  #countFailure(address: string): void {
    const failures = this.#failures.get(address)
    if (failures !== undefined) {
      failures.count++
      return
    }
    const oldest = this.#failures.keys().next()
    if (this.#failures.size >= maxAddresses && oldest.done !== true) this.#failures.delete(oldest.value)
    this.#failures.set(address, { count: 1, untilMs: this.#clock.elapsed() + failureWindowMs })
  }
}

// Equal lengths for the comparison, whatever was sent.
const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()
