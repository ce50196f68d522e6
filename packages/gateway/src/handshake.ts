import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Clock, type Milliseconds, TimeoutError } from '@parlance/core'
import type { Admission, HandshakeRequest } from './admission.ts'
import type { Entrance, Handshake } from './options.ts'
import { type Refusal, type RefusalReason, refusals } from './refusal.ts'

/** Ends with its deadline or its client, whichever comes first. */
export class HandshakeTime implements Disposable {
  readonly #abort = new AbortController()
  readonly #socket: Duplex
  readonly #onGone = (): void => this.#abort.abort(new Error('the client has gone'))
  readonly #timer
  readonly #over: Promise<never>

  constructor(socket: Duplex, clock: Clock, limitMs: Milliseconds) {
    this.#socket = socket
    socket.once('close', this.#onGone)
    this.#timer = clock.after(limitMs, () => this.#abort.abort(new TimeoutError(`no decision within ${limitMs} ms`)))
    this.#over = new Promise<never>((_, reject) => {
      this.#abort.signal.addEventListener('abort', () => reject(this.#abort.signal.reason as Error), { once: true })
    })
    // Nobody may be waiting when the time is over; that is no unhandled rejection.
    this.#over.catch((reason: unknown) => reason)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** The work's result, or a throw when the time is over first. */
  bound<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#over])
  }

  [Symbol.dispose](): void {
    this.#timer.cancel()
    this.#socket.off('close', this.#onGone)
  }
}

/** Whether a request can become a WebSocket at all; checked before anybody is asked who the client is. */
export function isWebSocketUpgrade({ method, headers }: IncomingMessage): boolean {
  const version = headers['sec-websocket-version']
  return (
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    (version === '13' || version === '8') &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')
  )
}

const absoluteForm = /^(?:https?|wss?):\/\/[^/?#]*/i

/**
 * Path and query of a request, on a placeholder host, whether its line names them alone or the whole address.
 *
 * @returns undefined when they cannot be read.
 */
export function readTarget(target = '/'): URL | undefined {
  const local = target.replace(absoluteForm, '')
  if (local !== '' && !/^[/?]/.test(local)) return undefined
  const address = `http://localhost${local}`
  return URL.canParse(address) ? new URL(address) : undefined
}

/** Reads the request. @returns undefined when its address cannot be read. */
export function readRequest(
  request: IncomingMessage,
  remoteAddress: string,
  signal: AbortSignal,
): HandshakeRequest | undefined {
  const url = readTarget(request.url)
  if (url === undefined) return undefined
  return {
    url,
    headers: request.headers,
    remoteAddress,
    subprotocols: (request.headers['sec-websocket-protocol'] ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
    signal,
  }
}

/** A handshake of the given kind. */
export function handshakeOf<In, Out>(
  entrance: Entrance<In, Out>,
  refusalOf: ((reason: RefusalReason) => Refusal | undefined) | undefined,
): Handshake<In, Out> {
  if (entrance.handshake !== undefined) return entrance.handshake
  const { authenticate, codecs } = entrance
  return async (request): Promise<Admission<In, Out>> => {
    const identity = await authenticate(request)
    if (identity === undefined)
      return { kind: 'refuse', ...(refusalOf?.('unauthenticated') ?? refusals.unauthenticated) }
    for (const subprotocol of request.subprotocols) {
      const codec = codecs.find(({ name }) => name === subprotocol)
      if (codec !== undefined) return { kind: 'accept', identity, codec, subprotocol }
    }
    return { kind: 'accept', identity, codec: codecs[0] }
  }
}
