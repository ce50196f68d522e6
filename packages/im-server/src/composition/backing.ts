import type { Repositories } from '@parlance/cached-repository'
import type { NodeClient, NodeHost, SessionRegistry } from '@parlance/gateway'
import type { EventLog } from '@parlance/notification-bus'

/** How durable what was acknowledged is, as the store itself says, by the names of its own settings. */
export type StoreDurability = Readonly<Record<string, string | number>>

/** What everything is kept in, and what other processes are told by. */
export interface Backing {
  readonly repositories: Repositories
  readonly log: EventLog & {
    /** Forgets a group that will not come back, so that records are no longer kept for it. */
    forgetGroup(topic: string, group: string): Promise<void>
  }
  /** What is wrong, in words, by the name of what the server depends on; `undefined` where nothing is. */
  health(): Promise<Readonly<Record<string, string | undefined>>>
  /** Asks the store. */
  durability(): Promise<StoreDurability>
  /** Ends every connection; what was acknowledged is durable. */
  close(): Promise<void>
}

/** How the processes of one server find and call each other. */
export interface Cluster {
  readonly registry: SessionRegistry
  readonly client: NodeClient
  /** Only where this process holds sessions. */
  readonly host: NodeHost | undefined
}
