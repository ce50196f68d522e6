import { textPing } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import type { ApiClient } from './api-client.ts'
import { RawClient } from './raw-client.ts'

const limitMs = 120_000

/** Two users who do nothing wrong, and have to be served all the time. */
export class HealthyPair {
  sent = 0
  #last: Promise<void> = Promise.resolve()
  readonly #sender: RawClient
  readonly #receiver: RawClient

  private constructor(sender: RawClient, receiver: RawClient) {
    this.#sender = sender
    this.#receiver = receiver
  }

  static async connect(ws: string, admin: ApiClient): Promise<HealthyPair> {
    await admin.register('healthy', 'peer')
    const client = async (userID: string): Promise<RawClient> =>
      RawClient.connect({ ws, userID, token: await admin.userToken(userID, 5) })
    return new HealthyPair(await client('healthy'), await client('peer'))
  }

  /** One message from the one to the other, answered and pushed; one at a time. */
  exchange(): Promise<void> {
    this.#last = this.#last.then(() => this.#exchange())
    return this.#last
  }

  async #exchange(): Promise<void> {
    const clientMsgID = `healthy ${this.sent++}`
    // Who only listens is taken for gone after a minute; SDKs send this every ten seconds.
    this.#receiver.raw(textPing.bytes.toString())
    await this.#sender.send(this.#sender.text('are you there?', { recvID: 'peer' }, clientMsgID))
    await until(
      `${clientMsgID} is pushed`,
      () => this.#receiver.messages.some((message) => message.clientMsgID === clientMsgID),
      limitMs,
    )
    for (const client of [this.#receiver, this.#sender]) {
      client.frames.length = 0
      client.texts.length = 0
    }
  }

  close(): void {
    for (const client of [this.#sender, this.#receiver]) client.close()
  }
}
