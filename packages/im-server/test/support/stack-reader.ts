import { platformIDs } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { RawClient } from './raw-client.ts'

/** A session of a user beside its talker's, made again whenever it was ended. */
export class StackReader {
  readonly #userID: string
  readonly #login: () => Promise<{ readonly ws: string; readonly token: string }>
  #client: RawClient | undefined

  constructor(userID: string, login: () => Promise<{ readonly ws: string; readonly token: string }>) {
    this.#userID = userID
    this.#login = login
  }

  /** Does this over a session, again over another one until it succeeds. */
  do<T>(what: string, work: (client: RawClient) => Promise<T>, limitMs = 120_000): Promise<NonNullable<T>> {
    return until(`${this.#userID} ${what}`, async () => work(await this.#open()), limitMs)
  }

  close(): void {
    this.#client?.close()
  }

  async #open(): Promise<RawClient> {
    if (this.#client === undefined || this.#client.closed !== undefined) {
      const { ws, token } = await this.#login()
      this.#client = await RawClient.connect({
        ws,
        token,
        userID: this.#userID,
        platformID: platformIDs.android,
      })
    }
    return this.#client
  }
}
