import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { type Bytes, InvalidArgumentError } from '@parlance/core'
import { LinkProtocolError } from '../errors.ts'
import { numbered, readNumber } from './frames.ts'

export const nonceBytes: Bytes = 32
const linkIDBytes: Bytes = 16
const macBytes: Bytes = 32
const secretBytes: Bytes = 16
const helloHeadBytes = nonceBytes + linkIDBytes + macBytes

/** What a client says of itself. */
export interface Hello {
  readonly clientNonce: Buffer
  /** The same over all connections of a link, so that what was called before a break is known behind it. */
  readonly linkID: Buffer
  /** The run of the node that it wants to talk to. */
  readonly incarnation: string
  readonly mac: Buffer
}

/** What a host says to a client it lets in. */
export interface Welcome {
  /** The highest number of a call that was begun; 0 when the host does not know the link. */
  readonly begun: number
  readonly isKnown: boolean
}

/**
 * Proves, both ways, that the other end knows the cluster's secret.
 *
 * Both proofs cover a number that the other end has just drawn: what was overheard earlier proves nothing. They cover who
 * speaks, too: an end's own proof sent back to it proves nothing.
 */
export class LinkSecret {
  readonly #key: Buffer

  /** @throws {@link InvalidArgumentError} when the secret is short. */
  constructor(secret: string | Uint8Array) {
    const given = Buffer.from(secret as Uint8Array)
    if (given.length < secretBytes)
      throw new InvalidArgumentError(
        `the secret of the node link has ${given.length} bytes; give ${secretBytes} or more`,
      )
    this.#key = createHmac('sha256', given).update('parlance node link 1').digest()
  }

  hello(hostNonce: Buffer, clientNonce: Buffer, linkID: Buffer, incarnation: string): readonly Uint8Array[] {
    const run = Buffer.from(incarnation)
    return [clientNonce, linkID, this.#mac('client', hostNonce, clientNonce, linkID, run), run]
  }

  isHello(hostNonce: Buffer, { clientNonce, linkID, incarnation, mac }: Hello): boolean {
    return timingSafeEqual(mac, this.#mac('client', hostNonce, clientNonce, linkID, Buffer.from(incarnation)))
  }

  welcome(hostNonce: Buffer, { clientNonce, linkID }: Hello, welcome: Welcome): readonly Uint8Array[] {
    const told = Buffer.concat([numbered(welcome.begun), Uint8Array.of(welcome.isKnown ? 1 : 0)])
    return [this.#mac('host', hostNonce, clientNonce, linkID, told), told]
  }

  /** @throws {@link LinkProtocolError} when it does not prove that the host knows the secret. */
  readWelcome(hostNonce: Buffer, clientNonce: Buffer, linkID: Buffer, body: Buffer): Welcome {
    const [mac, told] = [body.subarray(0, macBytes), body.subarray(macBytes)]
    const expected = this.#mac('host', hostNonce, clientNonce, linkID, told)
    if (mac.length !== macBytes || !timingSafeEqual(mac, expected))
      throw new LinkProtocolError('the host does not know the secret')
    return { begun: readNumber(told), isKnown: told.at(-1) === 1 }
  }

  #mac(who: 'client' | 'host', ...parts: readonly Uint8Array[]): Buffer {
    const mac = createHmac('sha256', this.#key).update(who)
    for (const part of parts) mac.update(numbered(part.length)).update(part)
    return mac.digest()
  }
}

export const drawLinkID = (): Buffer => randomBytes(linkIDBytes)

/** @throws {@link LinkProtocolError} when it is cut short. */
export function readHello(body: Buffer): Hello {
  if (body.length < helloHeadBytes) throw new LinkProtocolError('a hello that is cut short')
  const linkEnd = nonceBytes + linkIDBytes
  return {
    clientNonce: body.subarray(0, nonceBytes),
    linkID: body.subarray(nonceBytes, linkEnd),
    mac: body.subarray(linkEnd, helloHeadBytes),
    incarnation: body.toString('utf8', helloHeadBytes),
  }
}
