import { createHash } from 'node:crypto'
import type { HttpAnswer } from './http-call.ts'
import type { ImWorld } from './im-world.ts'

/** MD5 in hex. */
export const md5 = (bytes: string | Uint8Array): string => createHash('md5').update(bytes).digest('hex')

/** What `initiate_multipart_upload` answers. */
export interface Initiated {
  readonly url: string
  readonly upload?: {
    readonly uploadID: string
    readonly partSize: number
    readonly expireTime: number
    readonly sign: { readonly parts: readonly { readonly partNumber: number; readonly url: string }[] }
  }
}

/** Uploads as an SDK does, with every step at a test's hand. */
export class ObjectClient {
  readonly world: ImWorld
  readonly userID: string
  readonly #token: string

  private constructor(world: ImWorld, userID: string, token: string) {
    this.world = world
    this.userID = userID
    this.#token = token
  }

  static async of(world: ImWorld, userID: string): Promise<ObjectClient> {
    return new ObjectClient(world, userID, await world.token(userID))
  }

  async ask<T = unknown>(
    path: string,
    body: object,
  ): Promise<{ readonly errCode: number; readonly errDlt: string; readonly data: T }> {
    // SDKs label their JSON as plain text here.
    const headers = { operationID: 'op', token: this.#token, 'content-type': 'text/plain;charset=UTF-8' }
    return (await this.world.api.call(`/object/${path}`, { headers, body })).json as never
  }

  partsOf(text: string): string[] {
    const { partBytes } = this.world.uploads.limits
    return Array.from({ length: Math.ceil(text.length / partBytes) }, (_, at) =>
      text.slice(at * partBytes, (at + 1) * partBytes),
    )
  }

  initiate(text: string, change: object = {}) {
    const hash = md5(this.partsOf(text).map(md5).join(','))
    const partSize = this.world.uploads.limits.partBytes
    const name = `${this.userID}/file.txt`
    const body = { hash, size: text.length, partSize, maxParts: -1, cause: '', name, contentType: 'text/plain' }
    return this.ask<Initiated>('initiate_multipart_upload', { ...body, ...change })
  }

  /** Sends a part to its signed URL. */
  put(url: string, text: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
    const { pathname, search } = new URL(url)
    const length = { 'content-length': String(Buffer.byteLength(text)), 'content-type': 'text/plain' }
    return this.world.api.call(pathname + search, { method: 'PUT', headers: { ...length, ...headers }, body: text })
  }

  complete(uploadID: string, parts: readonly string[], change: object = {}) {
    const body = {
      uploadID,
      parts: parts.map(md5),
      cause: '',
      name: `${this.userID}/file.txt`,
      contentType: 'text/plain',
    }
    return this.ask<{ readonly url: string }>('complete_multipart_upload', { ...body, ...change })
  }

  /** The whole way; returns the object's URL. */
  async upload(text: string, change: object = {}): Promise<string> {
    const { data } = await this.initiate(text, change)
    if (data.upload === undefined) return data.url
    const parts = this.partsOf(text)
    await Promise.all(data.upload.sign.parts.map(({ partNumber, url }) => this.put(url, parts[partNumber - 1]!)))
    return (await this.complete(data.upload.uploadID, parts, change)).data.url
  }

  /** Gets a URL as anybody, with no token; does not follow where it leads. */
  get(url: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<HttpAnswer> {
    // Not through URL, which would tidy a path up.
    return this.world.api.call(url.replace(/^http:\/\/[^/]+/, ''), { method, headers })
  }

  /** The URL that an object's URL leads to. */
  async contentURL(url: string): Promise<string> {
    const { status, headers } = await this.get(url)
    if (status !== 302) throw new Error(`${url} answered ${status}`)
    return new URL(headers['location'] as string, url).href
  }

  /** Gets a URL and follows where it leads. */
  async read(url: string, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer> {
    return this.get(await this.contentURL(url), headers)
  }
}
