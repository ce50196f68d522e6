export type { Admission, HandshakeRequest } from './admission.ts'
export { closeCodes, shouldReconnect } from './close-codes.ts'
export type { Decoded, EncodedMessage, SessionCodec, SlowConsumerPolicy } from './codec.ts'
export { createGateway } from './create-gateway.ts'
export { allowAll, type DevicePolicy, onePerDevice } from './device-policy.ts'
export {
  NodeCallError,
  NodeGoneError,
  NodeUnreachableError,
  TooManySubscriptionsError,
  UndecodableError,
  UnknownOpError,
} from './errors.ts'
export type { DeliverOptions, Gateway } from './gateway.ts'
export { createGatewayClient, type GatewayClient, type GatewayClientOptions } from './gateway-client.ts'
export { json, type JsonMessage, jsonReply, type JsonRequest } from './json-codec.ts'
export type { GatewayLimits } from './limits.ts'
export type {
  NodeAnswer,
  NodeCallOptions,
  NodeClient,
  NodeHost,
  NodeLink,
  NodeOpHandler,
  NodeOps,
  NodesSource,
} from './node-link.ts'
export type { OpHandler, OpMessage, OpTable, Outcome } from './ops.ts'
export type { Authenticate, CommonOptions, Entrance, GatewayOptions, Handshake, JsonGatewayOptions } from './options.ts'
export type { Presence, PresenceOptions } from './presence.ts'
export type { Refusal, RefusalReason } from './refusal.ts'
export type {
  LiveNode,
  NodeAnnouncement,
  NodeMembership,
  PresenceListener,
  PresenceWatch,
  RegisteredSession,
  SessionRegistry,
} from './registry.ts'
export type { Session, SessionIdentity } from './session.ts'
export type { KickOptions, SessionControl } from './session-control.ts'
export { matches, type SessionMatch } from './session-match.ts'
