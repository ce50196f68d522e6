import type { Count, Milliseconds } from '@parlance/core'
import type { RegisteredSession } from './registry.ts'
import type { SessionMatch } from './session-match.ts'

/** Which sessions to end, and with which last words. All of it is data: it may have to travel to another node. */
export interface KickOptions<Out> {
  /** @defaultValue every session of the subject */
  readonly match?: SessionMatch
  /** The last message; it reaches the client before the close frame. Travels as a structured clone. */
  readonly farewell?: Out
  readonly code: number
  readonly reason: string
  /** How long to try to reach the other nodes. @defaultValue 30 000 */
  readonly timeoutMs?: Milliseconds
}

/** What may be done to sessions wherever in the cluster they are, also from a process that holds none. */
export interface SessionControl<Out = unknown> {
  /**
   * Ends sessions of a subject on every node: what is queued, then the farewell, then the close frame. Returns how many.
   *
   * Those of this process are ended before anything is awaited. One round trip to the registry, and one to each node that
   * holds others, at once. Both are attempted again until `timeoutMs`; a node that leaves the cluster meanwhile took its
   * sessions with it.
   *
   * @throws a retryable error when some node could not be told; the others were.
   */
  kick(subject: string, options: KickOptions<Out>): Promise<Count>
  readonly presence: {
    /** Sessions of the subjects in the whole cluster, in the order asked. One round trip. */
    of(subjects: readonly string[]): Promise<readonly (readonly RegisteredSession[])[]>
  }
}
