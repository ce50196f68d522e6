import { type Clock, systemClock } from '@parlance/core'
import { checkKick, ClusterSessions } from './cluster-sessions.ts'
import type { NodeClient } from './node-link.ts'
import type { SessionRegistry } from './registry.ts'
import type { SessionControl } from './session-control.ts'

/** What a process without sessions needs to act on those of others. */
export interface GatewayClientOptions {
  readonly registry: SessionRegistry
  /** How nodes are called. Whoever gave it stops it. */
  readonly client: NodeClient
  readonly clock?: Clock
}

/** Acts on sessions from a process that holds none. */
export interface GatewayClient<Out = unknown> extends SessionControl<Out> {
  /** Attempts nothing again any more. Idempotent. */
  stop(): void
}

/** Gives a process without a gateway what gateways do across the cluster. */
export function createGatewayClient<Out = unknown>({
  registry,
  client,
  clock = systemClock,
}: GatewayClientOptions): GatewayClient<Out> {
  const sessions = new ClusterSessions<Out>(registry, client, clock)
  return {
    async kick(subject, options) {
      checkKick(options)
      return sessions.kick(subject, options)
    },
    presence: { of: (subjects) => registry.sessionsOf(subjects) },
    stop: () => sessions.stop(),
  }
}
