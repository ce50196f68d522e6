import { RowConflictError } from '@parlance/cached-repository'
import { type Clock, type Count, systemClock } from '@parlance/core'
import { demoUsers } from '../entities/demo-user.ts'
import { users } from '../entities/user.ts'
import { noPermission } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'
import type { TokenIssue } from './token-issue.ts'
import type { IssuedToken } from './tokens.ts'

/** What {@link DemoSignIn} needs. */
export interface DemoSignInOptions {
  readonly repositories: Pick<ImRepositories, 'users' | 'demoUsers' | 'together'>
  readonly tokenIssue: TokenIssue
  readonly clock?: Clock
}

/** Who signs in; the nickname counts when the account is made. */
export interface DemoVisitor {
  readonly userID: string
  readonly nickname: string
  readonly platformID: number
}

/** Lookups of one sign-in: the second finds what another one made at the same moment. */
const maxTries: Count = 3

/** Signs people in without a proof of who they are, as accounts that were made for that and no others. */
export class DemoSignIn {
  readonly #repositories: DemoSignInOptions['repositories']
  readonly #tokenIssue: TokenIssue
  readonly #clock: Clock

  constructor({ repositories, tokenIssue, clock = systemClock }: DemoSignInOptions) {
    this.#repositories = repositories
    this.#tokenIssue = tokenIssue
    this.#clock = clock
  }

  /**
   * A token for a demo account, which is made when nobody has its id. The account and its mark are written together, so an
   * account that was made in any other way never signs in here.
   *
   * @throws {@link ImError} 1002 for the administrator and any account that is not the demo's, 1001 for an unknown platform.
   */
  async signIn({ userID, nickname, platformID }: DemoVisitor): Promise<IssuedToken> {
    for (let attempt = 1; !(await this.#isDemoUser(userID)); attempt++) {
      try {
        await this.#make(userID, nickname)
        break
      } catch (error) {
        if (!(error instanceof RowConflictError) || attempt === maxTries) throw error
      }
    }
    return this.#tokenIssue.forUser(userID, platformID)
  }

  async #isDemoUser(userID: string): Promise<boolean> {
    if ((await this.#repositories.demoUsers.get({ userID })) !== undefined) return true
    if ((await this.#repositories.users.get({ userID })) === undefined) return false
    throw noPermission(`userID: ${userID} is no demo account; take another name`)
  }

  async #make(userID: string, nickname: string): Promise<void> {
    const account = {
      userID,
      nickname: nickname === '' ? userID : nickname,
      faceURL: '',
      ex: '',
      appMangerLevel: 0,
      globalRecvMsgOpt: 0,
      createTime: new Date(this.#clock.now()),
    }
    await this.#repositories.together((together) => {
      together.insert(users, account)
      together.insert(demoUsers, { userID })
    })
  }
}
