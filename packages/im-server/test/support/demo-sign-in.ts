import { request } from 'node:http'
import type { ApiAnswer } from './api-client.ts'

/** What the demo's sign-in answers. */
export interface DemoSession {
  readonly userID: string
  readonly platformID: number
  readonly token: string
  readonly expireTimeSeconds: number
  readonly apiAddr: string
  readonly wsAddr: string
}

/** Signs in as the page does; `headers` replace what a browser would send. */
export function signInToDemo(
  api: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<ApiAnswer<DemoSession>> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${api}/demo/sign_in`,
      { method: 'POST', headers: { operationID: 'demo', origin: api, host: new URL(api).host, ...headers } },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => void chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString()) as ApiAnswer<DemoSession>))
      },
    )
    sent.once('error', reject)
    sent.end(JSON.stringify(body))
  })
}
