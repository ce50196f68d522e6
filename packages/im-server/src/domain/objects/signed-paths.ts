import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { type Clock, type Bytes, systemClock, type Timestamp } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import { ImError } from '../im-error.ts'
import { noPermission } from '../refusals.ts'

/** What a signed path allows. */
export interface PathGrant {
  /** Of the request's body; 0 when it has none. */
  readonly byteCount: Bytes
  readonly expires: Timestamp
}

const signatureLength = 43

/** Paths that whoever has them may use until they expire: HMAC-SHA-256 with a key that is derived for nothing else. */
export class SignedPaths {
  readonly #key: Buffer
  readonly #clock: Clock

  constructor(key: Buffer, clock: Clock = systemClock) {
    this.#key = Buffer.from(hkdfSync('sha256', key, '', 'parlance signed object paths', 32))
    this.#clock = clock
  }

  /** The path with what it allows and the signature, as its query. */
  sign(path: string, { byteCount, expires }: PathGrant): string {
    return `${claimed(path, String(byteCount), String(expires))}&signature=${this.#signature(path, String(byteCount), String(expires))}`
  }

  /** @throws {@link ImError} 1002 for a path that was not signed here, 1701 for one that has expired. */
  check(path: string, query: URLSearchParams): PathGrant {
    const [byteCount, expires, signature] = ['bytes', 'expires', 'signature'].map((name) => query.get(name) ?? '')
    const right = Buffer.from(this.#signature(path, byteCount!, expires!))
    const given = Buffer.from(signature!)
    if (given.length !== signatureLength || !timingSafeEqual(given, right))
      throw noPermission('the signature is wrong; ask for a new URL')
    if (Number(expires) <= this.#clock.now())
      throw new ImError(errorCodes.FileUploadedExpiredError, 'the URL has expired; ask for a new one')
    return { byteCount: Number(byteCount), expires: Number(expires) }
  }

  #signature(path: string, byteCount: string, expires: string): string {
    return createHmac('sha256', this.#key)
      .update(claimed(path, byteCount, expires))
      .digest('base64url')
  }
}

const claimed = (path: string, byteCount: string, expires: string): string =>
  `${path}?bytes=${byteCount}&expires=${expires}`
