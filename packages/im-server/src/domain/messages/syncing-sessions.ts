import type { Bytes, Clock, Milliseconds, Timer } from '@parlance/core'

/** A session that is being told how far its streams go. */
export interface SyncingSession {
  readonly subject: string
  /** Names the request within its session. */
  readonly requestKey: string
}

/** A push that waits; `head` is how far the session knows the stream by then. */
type HeldPush = (head: number) => void

interface NewSession {
  readonly subject: string
  readonly heads: Map<string, number>
  readonly held: { readonly stream: string; readonly push: HeldPush }[]
  heldBytes: Bytes
  timer: Timer
}

/** An SDK asks as soon as it was welcomed, so this is a long round trip; who does not ask by then does not ask at all. */
const maxWaitMs: Milliseconds = 1_000
/** A client that missed something pulls as soon as it was told so. */
const maxPullWaitMs: Milliseconds = 300
/** What waits is encoded for one session only, so it must not be much. */
const maxHeldBytes: Bytes = 262_144

/**
 * Sessions that were not told yet how far their streams go: what is pushed meanwhile has to come behind the answer, for clients
 * take a push before it for the next one after what they knew, and pull the wrong messages.
 *
 * A new session's pushes wait here until its first question was answered and it pulled what it missed; what the answer told of
 * is not pushed as well. A session that asks nothing gets them after a second, one that pulls nothing after 300 ms, and both as
 * soon as they are more than 256 KiB.
 */
export class SyncingSessions {
  readonly #clock: Clock
  readonly #sessions = new Map<string, SyncingSession>()
  readonly #new = new Map<string, NewSession>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get sessions(): ReadonlyMap<string, SyncingSession> {
    return this.#sessions
  }

  /** Sessions whose pushes are given to {@link hold}. */
  get newSessions(): ReadonlyMap<string, { readonly subject: string }> {
    return this.#new
  }

  isNew(sessionID: string): boolean {
    return this.#new.has(sessionID)
  }

  opened(sessionID: string, subject: string): void {
    const timer = this.#clock.after(maxWaitMs, () => this.#release(sessionID))
    this.#new.set(sessionID, { subject, heads: new Map(), held: [], heldBytes: 0, timer })
  }

  closed(sessionID: string): void {
    this.#new.get(sessionID)?.timer.cancel()
    this.#new.delete(sessionID)
  }

  /** @param bytes - what the push takes; above a bound nothing waits any longer. */
  hold(sessionID: string, stream: string, bytes: Bytes, push: HeldPush): void {
    const session = this.#new.get(sessionID)!
    session.held.push({ stream, push })
    session.heldBytes += bytes
    if (session.heldBytes > maxHeldBytes) this.#release(sessionID)
  }

  /** The session pulled, or does something else: it gets what waits, and no more has to. */
  goesOn(sessionID: string): void {
    if (!this.#sessions.has(sessionID)) this.#release(sessionID)
  }

  /** The session is being told how far the stream goes. */
  tell(sessionID: string, stream: string, head: number): void {
    this.#new.get(sessionID)?.heads.set(stream, head)
  }

  /** Counts the session as syncing until the answer that `work` yields was handed on. */
  async during<T>(sessionID: string, syncing: SyncingSession, work: () => Promise<T>): Promise<T> {
    this.#sessions.set(sessionID, syncing)
    try {
      return await work()
    } finally {
      setImmediate(() => {
        if (this.#sessions.get(sessionID) === syncing) this.#sessions.delete(sessionID)
        this.#expectPull(sessionID)
      })
    }
  }

  /** Who missed something pulls it next, and counts on from there. */
  #expectPull(sessionID: string): void {
    const session = this.#new.get(sessionID)
    if (session === undefined) return
    session.timer.cancel()
    session.timer = this.#clock.after(maxPullWaitMs, () => this.#release(sessionID))
  }

  #release(sessionID: string): void {
    const session = this.#new.get(sessionID)
    if (session === undefined) return
    this.closed(sessionID)
    for (const { stream, push } of session.held) push(session.heads.get(stream) ?? 0)
  }
}
