import type { RegisteredSession } from './registry.ts'
import type { SessionIdentity } from './session.ts'

/**
 * Says which of a subject's sessions must go when another one comes.
 *
 * `existing` holds those of the whole cluster, oldest first. Only sessions from `existing` may be returned.
 */
export type DevicePolicy = (
  incoming: SessionIdentity,
  existing: readonly RegisteredSession[],
) => readonly RegisteredSession[]

/** Nobody has to go. */
export const allowAll: DevicePolicy = () => []

/**
 * A subject has one credential per device: sessions of the same device with another credential go.
 *
 * A session with the same credential stays, because it is the same client that reconnects, perhaps before its old
 * connection is known to be dead.
 */
export const onePerDevice: DevicePolicy = (incoming, existing) =>
  existing.filter((session) => session.device === incoming.device && session.credential !== incoming.credential)
