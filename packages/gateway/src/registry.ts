import type { SessionIdentity } from './session.ts'

/** Where a session lives. */
export interface RegisteredSession extends SessionIdentity {
  readonly id: string
  readonly node: string
}

/** Told when the set of a subject's sessions changed. */
export type PresenceListener = (subject: string, sessions: readonly RegisteredSession[]) => void

/** All sessions of the cluster, by subject. A session is registered before its connect is confirmed. */
export interface SessionRegistry {
  /** Adds a session and returns those the subject had before. */
  register(session: RegisteredSession): Promise<readonly RegisteredSession[]>
  unregister(session: RegisteredSession): Promise<void>
  /** Sessions of many subjects, in the order asked. One round trip. */
  sessionsOf(subjects: readonly string[]): Promise<readonly (readonly RegisteredSession[])[]>
  /** Returns how to stop watching. */
  watch(listener: PresenceListener): () => void
}
