import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { certificate, key } from './certificate.ts'

/** What came back. */
export interface HostAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly json: { readonly errCode: number; readonly errDlt: string; readonly data: Record<string, unknown> }
}

/** A program of somebody else's, with an HTTP server of its own. */
export class HostApp {
  readonly server: Server
  readonly isSecure: boolean

  private constructor(server: Server, isSecure: boolean) {
    this.server = server
    this.isSecure = isSecure
  }

  static async start(listener: RequestListener, isSecure = false): Promise<HostApp> {
    const server = isSecure ? createSecureServer({ key, cert: certificate }, listener) : createServer(listener)
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    return new HostApp(server as Server, isSecure)
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get authority(): string {
    return `127.0.0.1:${this.port}`
  }

  call(
    path: string,
    { method = 'POST', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: unknown } = {},
  ): Promise<HostAnswer> {
    const make = this.isSecure ? httpsRequest : httpRequest
    const options = {
      port: this.port,
      host: '127.0.0.1',
      path,
      method,
      headers,
      ca: certificate,
      servername: 'localhost',
      agent: false,
    }
    return new Promise((resolve, reject) => {
      const request = make(options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => void chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString()
          const json = (text.startsWith('{') ? JSON.parse(text) : undefined) as HostAnswer['json']
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
        })
      })
      request.once('error', reject)
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise<void>((resolve) => void this.server.close(() => resolve()))
  }
}
