import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { until } from '@parlance/testing'
import { errorCodes, GetActiveConversationsReq, GetConversationsReq } from '@parlance/openim-protocol'
import { imRoutes, type ImRoutesOptions } from '../../src/api/routes/index.ts'
import { samples } from './api-samples.ts'
import type { ImWorld } from './im-world.ts'
import type { Mutator } from './mutator.ts'

/** Every path of the API, from its source. */
export function apiPaths(): string[] {
  // Making the routes only stores what they stand on.
  const nothing = new Proxy({}, { get: () => ({}) }) as ImRoutesOptions
  return imRoutes(nothing).map(({ path }) => path)
}

interface Call {
  readonly path: string
  readonly method: string
  readonly headers: Record<string, string>
  readonly body: Buffer
  readonly isChunked: boolean
}

/** What a {@link FuzzHttp} has to do with. */
export interface FuzzTarget {
  readonly api: string
  /** Where a WebSocket is opened, with a query that is let in. */
  readonly ws: string
  /** The administrator's first, then users'. */
  readonly tokens: readonly string[]
  /** Where the samples make what they speak of; the tokens in them are the target's. */
  readonly world: ImWorld
}

/** An account keeps a bounded number of tokens: asking for many would end the one that is used here. */
const maxAdminTokens = 2

/** Calls the API with odd and broken requests, and holds it to answering every one that is complete. */
export class FuzzHttp {
  readonly problems: string[] = []
  readonly codes = new Map<number, number>()
  abortedCount = 0
  readonly #api: URL
  readonly #ws: URL
  readonly #mutator: Mutator
  readonly #tokens: readonly string[]
  readonly #world: ImWorld
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #paths = apiPaths()
  #adminTokens = 0

  constructor(mutator: Mutator, { api, ws, tokens, world }: FuzzTarget) {
    this.#api = new URL(api)
    this.#ws = new URL(ws)
    this.#mutator = mutator
    this.#tokens = tokens
    this.#world = { ...world, token: async () => mutator.random.pick(tokens) }
  }

  /** One request; resolves once it is answered, or cut off on purpose. */
  async one(): Promise<void> {
    const { random } = this.#mutator
    if (this.#mutator.chance(3)) return this.#aborted(await this.#call())
    if (this.#mutator.chance(1))
      return this.#noise(random.bytes(1 + random.int(400)), random.pick([this.#api, this.#ws]))
    if (this.#mutator.chance(1)) return this.#webSocketNoise()
    const call = await this.#call()
    const answer = await this.#request(call)
    if (answer === undefined) return
    this.#judge(call, answer)
  }

  close(): void {
    this.#agent.destroy()
  }

  async #call(): Promise<Call> {
    const { random } = this.#mutator
    let path = random.pick(this.#paths)
    if (path === '/auth/get_admin_token' && this.#adminTokens++ >= maxAdminTokens) path = '/auth/parse_token'
    const token = random.pick([this.#tokens[0]!, ...this.#tokens])
    const headers: Record<string, string> = {
      operationID: this.#mutator.chance(3) ? 'x'.repeat(random.int(400)) : 'fuzz',
      token: this.#mutator.chance(3) ? this.#damagedToken(token) : token,
      'content-type': random.pick([
        'application/json',
        'text/plain',
        'application/x-www-form-urlencoded',
        'nonsense',
        '',
      ]),
    }
    for (const name of ['operationID', 'token']) if (this.#mutator.chance(1)) delete headers[name]
    const isTwofold = path.startsWith('/jssdk/') && this.#mutator.chance(60)
    if (isTwofold) headers['content-type'] = 'application/x-protobuf'
    return {
      path: this.#mutator.chance(1) ? `${path}/${random.int(9)}` : path,
      method: this.#mutator.chance(1) ? random.pick(['PUT', 'DELETE', 'OPTIONS', 'PATCH']) : 'POST',
      headers,
      body: isTwofold ? this.#protobuf(path) : await this.#json(path),
      isChunked: this.#mutator.chance(30),
    }
  }

  /** A header may not hold everything. */
  #damagedToken(token: string): string {
    return this.#mutator
      .bytes(Buffer.from(token))
      .toString('latin1')
      .replaceAll(/[^ -~]/g, '?')
  }

  async #json(path: string): Promise<Buffer> {
    const { random } = this.#mutator
    const sample = samples[path]
    if (sample === undefined) throw new Error(`there is no sample for ${path}`)
    const value = await sample(this.#world)
    if (this.#mutator.chance(15)) return Buffer.from(JSON.stringify(value))
    if (this.#mutator.chance(5)) return random.bytes(random.int(300))
    return this.#mutator.jsonText(value)
  }

  #protobuf(path: string): Buffer {
    if (this.#mutator.chance(40)) return this.#mutator.protobuf()
    const valid = path.endsWith('get_conversations')
      ? GetConversationsReq.encode({ ownerUserID: 'alice', conversationIDs: ['sg_g', 'si_alice_bob'] })
      : GetActiveConversationsReq.encode({ ownerUserID: 'alice', count: 5 })
    return this.#mutator.chance(20) ? valid : this.#mutator.bytes(valid)
  }

  #request({ path, method, headers, body, isChunked }: Call): Promise<{ status: number; text: string } | undefined> {
    return new Promise((resolve) => {
      const length: Record<string, string> = isChunked
        ? { 'transfer-encoding': 'chunked' }
        : { 'content-length': String(body.length) }
      const options = { agent: this.#agent, host: this.#api.hostname, port: this.#api.port, path, method }
      const request = httpRequest({ ...options, headers: { ...headers, ...length } }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => void chunks.push(chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }))
      })
      request.on('error', (error: NodeJS.ErrnoException) => {
        this.problems.push(`${path}: ${error.code} ${error.message} instead of an answer`)
        resolve(undefined)
      })
      if (!isChunked) return request.end(body)
      for (let from = 0; from < body.length;) {
        const to = from + 1 + this.#mutator.random.int(20_000)
        request.write(body.subarray(from, to))
        from = to
      }
      request.end()
    })
  }

  #judge({ path, method, body }: Call, { status, text }: { status: number; text: string }): void {
    const wrong = (what: string): void =>
      void this.problems.push(
        `${method} ${path} with ${body.toString('hex').slice(0, 400)}: ${what}: ${text.slice(0, 300)}`,
      )
    if (method === 'OPTIONS' && status === 204) return
    if (![200, 404, 405].includes(status)) return wrong(`status ${status}`)
    let errCode: unknown
    try {
      ;({ errCode } = JSON.parse(text) as { errCode: unknown })
    } catch (error) {
      return wrong(`the answer is not JSON: ${(error as Error).message}`)
    }
    if (typeof errCode !== 'number') return wrong('the answer has no errCode')
    if (errCode === errorCodes.ServerInternalError) return wrong('an internal error')
    this.codes.set(errCode, (this.codes.get(errCode) ?? 0) + 1)
  }

  /** A request that ends in the middle of its body, or says that there is more than there is. */
  #aborted({ path, headers, body }: Call): Promise<void> {
    const { random } = this.#mutator
    const head = Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')
    const framing = random.pick([
      `content-length: ${body.length + 1 + random.int(1_000)}`,
      'transfer-encoding: chunked\r\n\r\nfffffff',
      'transfer-encoding: chunked\r\n\r\nzz',
      'content-length: 5\r\ncontent-length: 7',
      'content-length: -1',
    ])
    const text = `POST ${path} HTTP/1.1\r\nhost: x\r\n${head}${framing}\r\n\r\n`
    return this.#noise(Buffer.concat([Buffer.from(text), body]), this.#api)
  }

  /** A connection that is let in, and then writes what is no WebSocket frame, or not one of a client. */
  #webSocketNoise(): Promise<void> {
    const { random } = this.#mutator
    const head = [
      `GET ${this.#ws.pathname}${this.#ws.search} HTTP/1.1`,
      `host: ${this.#ws.host}`,
      'connection: upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      `sec-websocket-key: ${random.bytes(16).toString('base64')}`,
    ]
    const frames = Buffer.concat(
      Array.from({ length: 1 + random.int(5) }, () =>
        Buffer.concat([
          Buffer.from([random.int(256), random.pick([0x80, 0xfe, 0xff, random.int(256)])]),
          random.bytes(random.int(60)),
        ]),
      ),
    )
    const bytes = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), frames])
    return this.#noise(bytes, this.#ws, 'read to the end')
  }

  /** Writes bytes on a connection of their own; cuts it at once, or lets the server read all of them and close it. */
  async #noise(bytes: Buffer, { hostname, port }: URL, end: 'cut off' | 'read to the end' = 'cut off'): Promise<void> {
    this.abortedCount++
    const socket = connect(Number(port), hostname)
    let isDone = false
    const done = (): void => void (isDone = true)
    socket.on('error', done)
    socket.on('close', done)
    socket.resume()
    if (end === 'read to the end') socket.end(bytes)
    else socket.write(bytes, () => setImmediate(done))
    await until('the noise is made', () => isDone, 120_000)
    socket.destroy()
  }
}
