import { SetupError } from '../errors.ts'
import type { Target } from './messages.ts'
import { runInParallel } from './run-in-parallel.ts'

const adminUserID = 'imAdmin'
const usersPerRegistration = 100
const parallelCalls = 16
const callTimeoutMs = 60_000

/** The platform every user of a workload logs in on: Web. */
export const platformID = 5

/** Prepares users, tokens and rooms over the server's HTTP interface, as an administrator. */
export class ServerApi {
  readonly #target: Target
  #adminToken = ''
  #calls = 0

  constructor(target: Target) {
    this.#target = target
  }

  /** Gets the administrator's token. */
  async open(): Promise<void> {
    const { secret } = this.#target
    const { token } = await this.#call<{ token: string }>('/auth/get_admin_token', '', { secret, userID: adminUserID })
    this.#adminToken = token
  }

  /** Registers the users and returns a token for each, in the same order. */
  async registerUsers(userIDs: readonly string[]): Promise<string[]> {
    const batches = Math.ceil(userIDs.length / usersPerRegistration)
    await runInParallel(batches, 4, async (batch) => {
      const part = userIDs.slice(batch * usersPerRegistration, (batch + 1) * usersPerRegistration)
      const users = part.map((userID) => ({ userID, nickname: userID, faceURL: '' }))
      await this.#call('/user/user_register', this.#adminToken, { users })
    })
    const tokens: string[] = []
    await runInParallel(userIDs.length, parallelCalls, async (index) => {
      const body = { userID: userIDs[index], platformID }
      const { token } = await this.#call<{ token: string }>('/auth/get_user_token', this.#adminToken, body)
      tokens[index] = token
    })
    return tokens
  }

  /** Creates a room with all users as members, the first one as its owner; returns its id. */
  async createGroup(userIDs: readonly string[], ownerToken: string): Promise<string> {
    const [ownerUserID, ...memberUserIDs] = userIDs
    const groupInfo = { groupName: 'benchmark', groupType: 2, creatorUserID: ownerUserID }
    const body = { ownerUserID, memberUserIDs, adminUserIDs: [], groupInfo }
    const created = await this.#call<{ groupInfo: { groupID: string } }>('/group/create_group', ownerToken, body)
    return created.groupInfo.groupID
  }

  async #call<T>(path: string, token: string, body: unknown): Promise<T> {
    this.#calls += 1
    try {
      const response = await fetch(`http://${this.#target.host}:${this.#target.apiPort}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', operationID: `benchmark-${this.#calls}`, token },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(callTimeoutMs),
      })
      const text = await response.text()
      const answer = parse(text)
      if (answer?.errCode === 0) return answer.data as T
      throw new SetupError(`The server answered ${response.status} ${text.slice(0, 400)}`)
    } catch (cause) {
      const reason =
        cause instanceof Error ? `${cause.message} ${cause.cause instanceof Error ? cause.cause.message : ''}` : ''
      throw new SetupError(`POST ${path} failed. ${reason}`, { cause })
    }
  }
}

function parse(text: string): { errCode: number; data?: unknown } | undefined {
  try {
    return JSON.parse(text) as { errCode: number; data?: unknown }
  } catch {
    return undefined
  }
}
