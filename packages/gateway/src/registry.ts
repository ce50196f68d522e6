import type { SessionIdentity } from './session.ts'

/** Where a session lives. */
export interface RegisteredSession extends SessionIdentity {
  readonly id: string
  readonly node: string
}

/** A node of the cluster: a process that holds sessions. */
export interface LiveNode {
  /** Unique in the cluster. */
  readonly name: string
  /** Another one after each start: what was known about an earlier one of the same name is void. */
  readonly incarnation: string
  /** Where other processes reach it, `host:port`; empty when they cannot. */
  readonly address: string
}

/** How a node takes part in the cluster. */
export interface NodeAnnouncement extends LiveNode {
  /**
   * The cluster may have taken this node for gone, or forgot its sessions, for a while: who delivered to them then did not
   * find them. Called after they can be found again. Must not throw.
   */
  readonly onLapsed?: () => void
}

/** A node's place in the cluster. */
export interface NodeMembership {
  /** The node, with every session it still has, is gone from the cluster. Idempotent; never rejects. */
  leave(): Promise<void>
}

/** Told when the set of a subject's sessions changed. Must not throw. */
export type PresenceListener = (subject: string, sessions: readonly RegisteredSession[]) => void

/** Follows the sessions of some subjects. */
export interface PresenceWatch {
  /**
   * Tells the listener from now on when the sessions of these subjects change, and returns those they have now, in the
   * order asked: no change is missed in between, nor behind a lost connection. Each subject's changes are told in their order;
   * which of several subjects is told of first is left open.
   */
  follow(subjects: readonly string[]): Promise<readonly (readonly RegisteredSession[])[]>
  unfollow(subjects: readonly string[]): void
  /** Ends it; the listener is not called any more. */
  stop(): void
}

/**
 * All sessions of the cluster, by subject. A session is registered before its connect is confirmed, and counts while its
 * node does.
 */
export interface SessionRegistry {
  /**
   * Announces a node, and keeps it announced until it leaves or its process ends. Its announcement is attempted until it
   * succeeds; registering a session of the node waits for it. A node that joins under the name of another one takes its place.
   */
  join(node: NodeAnnouncement): NodeMembership
  /**
   * The nodes that are alive.
   *
   * @throws a retryable error when that cannot be told.
   */
  nodes(): Promise<readonly LiveNode[]>
  /**
   * Adds a session and returns those the subject had before, oldest first. Of two that register at once, at least one is
   * returned the other.
   *
   * @throws InvalidArgumentError when its node has not joined here.
   * @throws a retryable error when it could not be registered; it is not registered later then.
   */
  register(session: RegisteredSession): Promise<readonly RegisteredSession[]>
  /** Removes a session; attempted until it succeeds. Never rejects. */
  unregister(session: RegisteredSession): Promise<void>
  /**
   * Sessions of many subjects, in the order asked; each subject's oldest first.
   *
   * @throws a retryable error when that cannot be told.
   */
  sessionsOf(subjects: readonly string[]): Promise<readonly (readonly RegisteredSession[])[]>
  watch(listener: PresenceListener): PresenceWatch
}
