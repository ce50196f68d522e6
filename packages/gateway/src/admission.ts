import type { IncomingHttpHeaders } from 'node:http'
import type { Timestamp } from '@parlance/core'
import type { EncodedMessage, SessionCodec } from './codec.ts'
import type { Refusal } from './refusal.ts'
import type { SessionIdentity } from './session.ts'

/** What is known about a client that asks to be connected. */
export interface HandshakeRequest {
  /** Path and query as the client sent them; the host is a placeholder. */
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  readonly remoteAddress: string
  /** Subprotocols the client offers, in its order of preference. */
  readonly subprotocols: readonly string[]
  /** Aborts when the client has gone or the handshake's time is over: whatever is decided then is not used. */
  readonly signal: AbortSignal
}

/** What the handshake decided about a client. */
export type Admission<In = unknown, Out = unknown> =
  /** It becomes a session. */
  | {
      readonly kind: 'accept'
      readonly identity: SessionIdentity
      readonly codec: SessionCodec<In, Out>
      /** The first message on the wire; nothing is written before it. */
      readonly greeting?: EncodedMessage
      /**
       * Asked again after the session was registered, before its client is told anything: whether it may still be. Whoever was
       * refused between the admission and the registration could not be kicked; from here on a kick finds the session.
       *
       * False ends the session as one that the device policy replaces, and nobody has to go for it. A throw refuses it with 500.
       */
      readonly confirm?: () => Promise<boolean>
      /** When its credential expires, on the gateway's clock; it is ended within a second of that. @defaultValue never */
      readonly expiresAtMs?: Timestamp
      /** The session's first attributes. */
      readonly attributes?: Readonly<Record<string, unknown>>
      /** One of the offered subprotocols. */
      readonly subprotocol?: string
    }
  /** It gets a plain HTTP answer and never becomes a WebSocket. */
  | ({ readonly kind: 'refuse' } & Refusal)
  /** It becomes a WebSocket only to be told why it is closed: browsers cannot read the answer of a failed upgrade. */
  | {
      readonly kind: 'refuse-after-upgrade'
      readonly message?: EncodedMessage
      readonly closeCode: number
      readonly reason: string
    }
