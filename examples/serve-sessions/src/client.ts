import { on } from 'node:events'
import { WebSocket } from 'ws'

/** A client with nothing but a WebSocket: one JSON object per message. */
export class Client {
  readonly #socket: WebSocket
  readonly #messages: AsyncIterator<Buffer[]>

  constructor(
    url: string,
    readonly name: string,
  ) {
    this.#socket = new WebSocket(`${url}?user=${name}`)
    this.#messages = on(this.#socket, 'message')
  }

  async request(op: string, data: unknown): Promise<unknown> {
    if (this.#socket.readyState === WebSocket.CONNECTING)
      await new Promise((resolve, reject) => this.#socket.once('open', resolve).once('error', reject))
    this.#socket.send(JSON.stringify({ op, id: 1, data }))
    return this.next()
  }

  /** The next message, an answer or a push. */
  async next(): Promise<unknown> {
    const { value } = await this.#messages.next()
    return JSON.parse(String(value[0]))
  }
}
