import type { Bytes, Milliseconds, Timestamp } from '@parlance/core'
import type { SessionCodec } from './codec.ts'

/** Who is on a connection: an authenticated subject on one device. */
export interface SessionIdentity {
  /** The authenticated user, bot or account. */
  readonly subject: string
  /** What kind of device it is, for multi-device policies, for example a platform's name. */
  readonly device: string
  /** Which credential the session was opened with; revoking it ends the session. */
  readonly credential: string
}

/** One authenticated connection, as the application sees it. */
export interface Session<In = unknown, Out = unknown> extends SessionIdentity {
  /** Unique in the cluster, for the life of the connection. */
  readonly id: string
  readonly codec: SessionCodec<In, Out>
  readonly openedAt: Timestamp
  /** Set by the application for the life of the session. */
  readonly attributes: Map<string, unknown>
  /**
   * Queues a message; it is written at the end of the tick together with everything else. It is never dropped: a peer
   * that lets more than `limits.hardBufferedBytes` wait is closed instead.
   *
   * Returns false when the session is closing.
   */
  send(message: Out): boolean
  /** The same for what was encoded already with this session's codec. */
  sendEncoded(bytes: Uint8Array, binary: boolean): boolean
  /**
   * Ends the session at once: what is queued is written first, then the close frame. Requests still being handled get no
   * answer any more. A peer that does not answer the close frame in `limits.closeMs` is cut off.
   */
  close(code: number, reason: string): void
  /**
   * Takes no more requests, lets those being handled be answered, and then closes. For example when logging out.
   *
   * @param withinMs - afterwards it closes although a request is still being handled. @defaultValue `limits.closeMs`
   */
  finish(code: number, reason: string, withinMs?: Milliseconds): void
  /** Bytes that wait for the peer. */
  readonly bufferedBytes: Bytes
  /** False from the moment the session begins to close. */
  readonly isOpen: boolean
}
