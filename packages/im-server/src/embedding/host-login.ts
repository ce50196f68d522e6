import type { IncomingMessage } from 'node:http'
import { type Clock, type Logger, type Milliseconds, TimeoutError } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import { ImError } from '../domain/im-error.ts'
import { noPermission } from '../domain/refusals.ts'
import type { TokenIssue } from '../domain/token-issue.ts'
import type { IssuedToken } from '../domain/tokens.ts'
import type { HostUsers } from './host-users.ts'
import type { Authenticate, Identity } from './identity.ts'

/** What {@link HostLogin} needs. */
export interface HostLoginOptions {
  readonly authenticate: Authenticate
  readonly hostUsers: HostUsers
  readonly tokenIssue: TokenIssue
  readonly adminUserID: string
  readonly clock: Clock
  readonly logger: Logger
}

/** Whose session began, and its token. */
export interface HostSession extends IssuedToken {
  readonly userID: string
}

const decisionMs: Milliseconds = 10_000

/** Turns a login of the program that embeds the server into one here. */
export class HostLogin {
  readonly #options: HostLoginOptions

  constructor(options: HostLoginOptions) {
    this.#options = options
  }

  /**
   * Asks whose request it is, makes sure that the user exists, and issues a token for one platform.
   *
   * @throws {@link ImError} 1002 for nobody and for the administrator, 1801 when there is no decision within 10 s, 500 when deciding
   * failed or gave what is no identity; the reason stands in the log, and the client is not told.
   */
  async open(request: IncomingMessage, platformID: number, operationID: string): Promise<HostSession> {
    const { hostUsers, tokenIssue, adminUserID } = this.#options
    const identity = await this.#ask(request, operationID)
    if (identity === undefined) throw noPermission('nobody is signed in; sign in to the application first')
    if (identity.userID === adminUserID) throw noPermission('the administrator has no session of this kind')
    try {
      await hostUsers.ensure(identity, operationID)
    } catch (error) {
      if (error instanceof ImError && error.errCode === errorCodes.ArgsError)
        throw this.#failure('the identity that authenticate gave cannot be', operationID, error)
      throw error
    }
    const issued = await tokenIssue.forUser(identity.userID, platformID)
    return { userID: identity.userID, ...issued }
  }

  async #ask(request: IncomingMessage, operationID: string): Promise<Identity | undefined> {
    const { authenticate, clock } = this.#options
    let giveUp!: (reason: Error) => void
    const overdue = new Promise<never>((_, reject) => {
      giveUp = reject
    })
    const timer = clock.after(decisionMs, () => giveUp(new TimeoutError(`no answer within ${decisionMs} ms`)))
    try {
      const given = await Promise.race([(async () => authenticate(request))(), overdue])
      return typeof given === 'string' ? { userID: given } : (given ?? undefined)
    } catch (error) {
      const failure = this.#failure('authenticate failed', operationID, error)
      if (error instanceof TimeoutError)
        throw new ImError(errorCodes.ServerBusyError, 'the application could not say who is signed in; try again')
      throw failure
    } finally {
      timer.cancel()
    }
  }

  #failure(what: string, operationID: string, error: unknown): ImError {
    this.#options.logger.error(what, { operationID, error })
    return new ImError(errorCodes.ServerInternalError, 'internal error', { cause: error })
  }
}
