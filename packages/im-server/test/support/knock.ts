import { until } from '@parlance/testing'
import { WebSocket } from 'ws'

/** A plain HTTP answer to somebody who asked to be connected. */
export interface PlainAnswer {
  readonly status: number
  readonly contentType: string | undefined
  readonly body: string
}

/** Somebody who asks to be connected, with any query and headers, and shows everything that came of it. */
export class Knock {
  /** The answer, when the server did not upgrade the connection. */
  refused: PlainAnswer | undefined
  isUpgraded = false
  closed: { readonly code: number; readonly reason: string } | undefined
  readonly texts: string[] = []
  readonly binaries: Buffer[] = []
  readonly #socket: WebSocket

  constructor(ws: string, query: string, headers: Readonly<Record<string, string>> = {}) {
    this.#socket = new WebSocket(`${ws}/?${query}`, { headers })
    this.#socket.on('open', () => void (this.isUpgraded = true))
    this.#socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.binaries.push(data)
      else this.texts.push(data.toString())
    })
    this.#socket.on('close', (code, reason) => void (this.closed ??= { code, reason: reason.toString() }))
    this.#socket.on('error', (error) => void (this.closed ??= { code: 1006, reason: error.message }))
    this.#socket.on('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => void chunks.push(chunk))
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        this.refused = { status: response.statusCode ?? 0, contentType: response.headers['content-type'], body }
      })
    })
  }

  /** Knocks, and waits until it is refused, closed, or told something. */
  static async at(ws: string, query: string, headers: Readonly<Record<string, string>> = {}): Promise<Knock> {
    const knock = new Knock(ws, query, headers)
    await until(
      'the server reacts',
      () => knock.refused ?? knock.closed ?? (knock.texts.length > 0 && knock.isUpgraded),
    )
    return knock
  }

  send(data: Buffer | string): void {
    this.#socket.send(data, { binary: typeof data !== 'string' })
  }

  terminate(): void {
    this.#socket.terminate()
  }
}
