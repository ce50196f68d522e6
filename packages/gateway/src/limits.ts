import { type Bytes, type Count, InvalidArgumentError, type Milliseconds } from '@parlance/core'

/** Every bound of a gateway. What is not given has the default stated. */
export interface GatewayLimits {
  /** Largest received message; above it the connection is closed with 1009. @defaultValue 65 536 */
  readonly frameBytes?: Bytes
  /** Received frames of one session; above it reading pauses until the rate is met. @defaultValue 200 */
  readonly framesPerSecond?: Count
  /** Received bytes of one session; above it reading pauses until the rate is met. @defaultValue 1 048 576 */
  readonly bytesPerSecond?: Bytes
  /** How much of the rates may be used at once. @defaultValue 1 000 */
  readonly burstMs?: Milliseconds
  /** Requests of one session being handled; at that many, reading pauses. @defaultValue 32 */
  readonly requestsInFlight?: Count
  /** Bytes waiting for one peer, above which pushes meet the codec's slow-consumer policy. @defaultValue 1 048 576 */
  readonly bufferedBytes?: Bytes
  /** Bytes waiting for one peer, above which it is closed whatever the policy. @defaultValue 8 times bufferedBytes */
  readonly hardBufferedBytes?: Bytes
  /** Connections of this node, those in their handshake included; above it an upgrade gets 503. @defaultValue 100 000 */
  readonly connections?: Count
  /** The same for one address, with 429. @defaultValue no bound of its own, because a proxy's clients share one address */
  readonly connectionsPerAddress?: Count
  /** Sessions of one subject in the cluster; above it the upgrade gets 429. @defaultValue 100 */
  readonly sessionsPerSubject?: Count
  /** Subjects whose presence one session may watch. @defaultValue 3 000 */
  readonly presenceSubscriptions?: Count
  /** UTF-8 bytes of those subjects' names. @defaultValue 262 144 */
  readonly presenceSubscriptionBytes?: Bytes
  /** From the upgrade request to the decision; above it the client gets 408. @defaultValue 10 000 */
  readonly handshakeMs?: Milliseconds
  /** A connection from which no frame came for so long is closed. @defaultValue 60 000 */
  readonly idleTimeoutMs?: Milliseconds
  /** A connection without frames for so long is pinged, if its codec says so. @defaultValue 25 000 */
  readonly pingAfterMs?: Milliseconds
  /** The time over which sessions that may have missed something are told so. @defaultValue 20 000 */
  readonly resyncMs?: Milliseconds
  /** How long a peer has to answer a close frame before its socket is destroyed. @defaultValue 5 000 */
  readonly closeMs?: Milliseconds
}

/** The bounds in force. */
export type ResolvedLimits = Required<GatewayLimits>

const defaults: Omit<ResolvedLimits, 'hardBufferedBytes'> = {
  frameBytes: 65_536,
  framesPerSecond: 200,
  bytesPerSecond: 1_048_576,
  burstMs: 1_000,
  requestsInFlight: 32,
  bufferedBytes: 1_048_576,
  connections: 100_000,
  connectionsPerAddress: Number.POSITIVE_INFINITY,
  sessionsPerSubject: 100,
  presenceSubscriptions: 3_000,
  presenceSubscriptionBytes: 262_144,
  handshakeMs: 10_000,
  idleTimeoutMs: 60_000,
  pingAfterMs: 25_000,
  resyncMs: 20_000,
  closeMs: 5_000,
}

/** @throws {@link InvalidArgumentError} when a bound is not a positive number, or two contradict each other. */
export function resolveLimits(given: GatewayLimits = {}): ResolvedLimits {
  const set = { ...defaults, ...given }
  const limits = { ...set, hardBufferedBytes: given.hardBufferedBytes ?? set.bufferedBytes * 8 }
  for (const [name, value] of Object.entries(limits))
    if (!(value > 0)) throw new InvalidArgumentError(`limits.${name} is ${value}; give a number above 0`)
  if (limits.hardBufferedBytes < limits.bufferedBytes)
    throw new InvalidArgumentError('limits.hardBufferedBytes is below limits.bufferedBytes; raise it')
  if (limits.pingAfterMs >= limits.idleTimeoutMs)
    throw new InvalidArgumentError('limits.pingAfterMs must be below limits.idleTimeoutMs, or no ping comes in time')
  return limits
}
