import { randomUUID } from 'node:crypto'
import { platformIDs } from '@parlance/openim-protocol'

/** OpenIM's HTTP API, as an application's back end calls it. */
export class Api {
  readonly #base: string
  readonly #token: string

  private constructor(base: string, token: string) {
    this.#base = base
    this.#token = token
  }

  static async asAdmin(base: string, userID: string, secret: string): Promise<Api> {
    const { token } = await new Api(base, '').#call<{ token: string }>('/auth/get_admin_token', { userID, secret })
    return new Api(base, token)
  }

  /** Makes an account and returns a token for its browser. */
  async register(userID: string): Promise<string> {
    await this.#call('/user/user_register', { users: [{ userID, nickname: userID, faceURL: '' }] })
    const wanted = { userID, platformID: platformIDs.web }
    return (await this.#call<{ token: string }>('/auth/get_user_token', wanted)).token
  }

  async #call<Data>(path: string, body: object): Promise<Data> {
    const headers = { operationID: randomUUID(), token: this.#token }
    const response = await fetch(this.#base + path, { method: 'POST', headers, body: JSON.stringify(body) })
    const answer = (await response.json()) as { errCode: number; errMsg: string; errDlt: string; data: Data }
    if (answer.errCode !== 0) throw new Error(`${path}: ${answer.errMsg} ${answer.errDlt}`)
    return answer.data
  }
}
