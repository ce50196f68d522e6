import { createServer, request as httpRequest, type Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { HttpApi } from '../../src/api/http-api.ts'

/** What came back, as it was on the wire. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly json: { readonly errCode: number; readonly errMsg: string; readonly errDlt: string; readonly data?: unknown }
}

/** How a request is made; a string or bytes are sent as they are, anything else as JSON. */
export interface HttpCall {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** The API on a port of its own. */
export class ServedApi {
  readonly port: number
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  static async start(api: HttpApi): Promise<ServedApi> {
    const server = createServer((request, response) => {
      if (!api.handle(request, response)) response.writeHead(404).end('not the API')
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    return new ServedApi(server)
  }

  call(path: string, { method = 'POST', headers = { operationID: 'op' }, body }: HttpCall = {}): Promise<HttpAnswer> {
    const bytes =
      body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const request = httpRequest({ port: this.port, host: '127.0.0.1', path, method, headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => void chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString()
          const json = (text.startsWith('{') ? JSON.parse(text) : undefined) as HttpAnswer['json']
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
        })
      })
      request.once('error', reject)
      request.end(bytes)
    })
  }

  /** A connection on which a test writes what it likes. */
  connect() {
    return connect(this.port, '127.0.0.1')
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()))
  }
}
