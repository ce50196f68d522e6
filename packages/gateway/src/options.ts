import type { IncomingMessage } from 'node:http'
import type { Clock, Logger, Metrics } from '@parlance/core'
import type { Admission, HandshakeRequest } from './admission.ts'
import type { SessionCodec } from './codec.ts'
import type { DevicePolicy } from './device-policy.ts'
import type { JsonMessage, JsonRequest } from './json-codec.ts'
import type { GatewayLimits } from './limits.ts'
import type { NodeLink } from './node-link.ts'
import type { OpMessage, OpTable, Outcome } from './ops.ts'
import type { PresenceOptions } from './presence.ts'
import type { Refusal, RefusalReason } from './refusal.ts'
import type { SessionRegistry } from './registry.ts'
import type { Session, SessionIdentity } from './session.ts'

/** Says who a client is; `undefined` refuses it with 401. */
export type Authenticate = (
  request: HandshakeRequest,
) => Promise<SessionIdentity | undefined> | SessionIdentity | undefined

/** Decides about a client that asks to be connected; a throw refuses it with 500. */
export type Handshake<In, Out> = (request: HandshakeRequest) => Promise<Admission<In, Out>> | Admission<In, Out>

/** How clients come in: a login check and the codecs they may choose from, or a handshake of one's own. */
export type Entrance<In, Out> =
  | {
      readonly authenticate: Authenticate
      /** The client chooses by subprotocol; one that offers none gets the first. */
      readonly codecs: readonly [SessionCodec<In, Out>, ...SessionCodec<In, Out>[]]
      readonly handshake?: never
    }
  | { readonly handshake: Handshake<In, Out>; readonly authenticate?: never; readonly codecs?: never }

/** What a gateway can be told, whatever its messages are. */
export interface CommonOptions<In extends OpMessage, Out> {
  readonly ops?: OpTable<In, Out>
  /** What a request gets whose op nobody serves: a close with `closeCodes.unknownOp`, or an answer with an {@link UnknownOpError}. @defaultValue 'close' */
  readonly unknownOp?: 'close' | 'reply'
  /** The last message of a session that sent what its codec cannot read; the connection is closed behind it. */
  readonly undecodableFarewell?: (error: unknown) => Out
  /**
   * Names a request within its session, for example by its operation id, so that `deliver` can be told to stay behind
   * the answer to it.
   */
  readonly requestKey?: (request: In) => string | undefined
  readonly limits?: GatewayLimits
  /** @defaultValue allowAll */
  readonly devicePolicy?: DevicePolicy
  /** The last message of a session that the device policy ends, or whose admission was not confirmed. */
  readonly replacedFarewell?: Out
  /** The last message of a session whose credential has expired. */
  readonly expiredFarewell?: Out
  readonly presence?: PresenceOptions<Out>
  /** The answer to a client that the gateway itself refuses. Must not throw. @defaultValue a status and a line of text */
  readonly refusalOf?: (reason: RefusalReason) => Refusal | undefined
  /** A session was registered; it is not written to before this returns. Must not throw. */
  readonly onOpen?: (session: Session<In, Out>) => void
  /** A session has ended, with the code that was sent or received. Must not throw. */
  readonly onClose?: (session: Session<In, Out>, code: number, reason: string) => void
  /** @defaultValue an in-process registry: this node is the whole cluster */
  readonly registry?: SessionRegistry
  /** This node's name in the registry; no two processes may have the same. @defaultValue a random one */
  readonly node?: string
  /** How this node and other processes reach each other. @defaultValue none: this node is the whole cluster */
  readonly link?: NodeLink
  /**
   * Makes a client fetch what it may have missed, for example because this node could not be found for a while. Without it such
   * sessions are closed with `closeCodes.missed`. Both are spread over `limits.resyncMs`.
   */
  readonly resyncMessage?: Out
  /** The client's address, for limits per address; read a proxy's header here, if you run one. @defaultValue the socket's */
  readonly addressOf?: (request: IncomingMessage) => string
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
}

/** Options of a gateway with messages of one's own. */
export type GatewayOptions<In extends OpMessage, Out> = CommonOptions<In, Out> &
  Entrance<In, Out> & {
    /**
     * Makes the answer to a request. It is called exactly once per request; `undefined` means that this request gets
     * no answer on the wire.
     */
    readonly reply: (request: In, outcome: Outcome) => Out | undefined
  }

/** Options of a gateway that speaks the package's own JSON messages. */
export type JsonGatewayOptions = CommonOptions<JsonRequest, JsonMessage> & Entrance<JsonRequest, JsonMessage>
