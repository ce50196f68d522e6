import { randomUUID } from 'node:crypto'

/** What the API answered. */
export interface ApiAnswer<T = Record<string, unknown>> {
  readonly errCode: number
  readonly errMsg: string
  readonly errDlt: string
  readonly data: T
}

/** Calls OpenIM's HTTP API as an application's back end does. */
export class ApiClient {
  readonly api: string
  readonly #token: string | undefined

  constructor(api: string, token?: string) {
    this.api = api
    this.#token = token
  }

  /** An administrator's client. */
  static async admin(api: string, secret: string, userID = 'imAdmin'): Promise<ApiClient> {
    const { data } = await new ApiClient(api).must<{ token: string }>('/auth/get_admin_token', { secret, userID })
    return new ApiClient(api, data.token)
  }

  async call<T = Record<string, unknown>>(
    path: string,
    body: unknown,
    operationID: string = randomUUID(),
  ): Promise<ApiAnswer<T>> {
    const response = await fetch(this.api + path, {
      method: 'POST',
      headers: { operationID, ...(this.#token === undefined ? {} : { token: this.#token }) },
      body: JSON.stringify(body),
    })
    return (await response.json()) as ApiAnswer<T>
  }

  /** Like {@link call}; an error answer is thrown. */
  async must<T = Record<string, unknown>>(path: string, body: unknown, operationID?: string): Promise<ApiAnswer<T>> {
    const answer = await this.call<T>(path, body, operationID)
    if (answer.errCode !== 0) throw new Error(`${path}: ${answer.errCode} ${answer.errMsg} ${answer.errDlt}`)
    return answer
  }

  async register(...userIDs: string[]): Promise<void> {
    await this.must('/user/user_register', {
      users: userIDs.map((userID) => ({ userID, nickname: `name of ${userID}`, faceURL: '' })),
    })
  }

  async userToken(userID: string, platformID: number): Promise<string> {
    return (await this.must<{ token: string }>('/auth/get_user_token', { userID, platformID })).data.token
  }

  async createGroup(ownerUserID: string, memberUserIDs: readonly string[], groupName = 'a group'): Promise<string> {
    const body = { ownerUserID, memberUserIDs, adminUserIDs: [], groupInfo: { groupName, groupType: 2 } }
    return (await this.must<{ groupInfo: { groupID: string } }>('/group/create_group', body)).data.groupInfo.groupID
  }
}
