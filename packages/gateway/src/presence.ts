import type { RegisteredSession } from './registry.ts'
import type { Session } from './session.ts'

/** How presence is told to those who watch it. */
export interface PresenceOptions<Out> {
  /**
   * Makes the message about a subject whose sessions changed; encoded once per codec. `undefined`: nobody is told.
   * Changes within one turn of the event loop become one message with the last state.
   */
  readonly message: (subject: string, sessions: readonly RegisteredSession[]) => Out | undefined
}

/** Who is connected, and who wants to know. */
export interface Presence<In, Out> {
  /**
   * Tells the session from now on when a subject's sessions change, until it unsubscribes or ends. Returns the sessions
   * the subjects have now, in the order asked: no change is missed in between. At most two round trips.
   *
   * @throws TooManySubscriptionsError above `limits.presenceSubscriptions` or `limits.presenceSubscriptionBytes`.
   * @throws a retryable error when the registry cannot be asked. After a throw nothing was subscribed.
   */
  subscribe(session: Session<In, Out>, subjects: readonly string[]): Promise<readonly (readonly RegisteredSession[])[]>
  unsubscribe(session: Session<In, Out>, subjects: readonly string[]): void
  /** Sessions of the subjects in the whole cluster, in the order asked. One round trip. */
  of(subjects: readonly string[]): Promise<readonly (readonly RegisteredSession[])[]>
}
