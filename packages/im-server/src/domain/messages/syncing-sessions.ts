/** A session that is being told how far its streams go. */
export interface SyncingSession {
  readonly subject: string
  /** Names the request within its session. */
  readonly requestKey: string
}

/**
 * Sessions whose question about their streams is being answered: what is pushed meanwhile has to come behind the answer, for
 * clients take a push before it for the next one after what they knew.
 */
export class SyncingSessions {
  readonly #sessions = new Map<string, SyncingSession>()

  get sessions(): ReadonlyMap<string, SyncingSession> {
    return this.#sessions
  }

  /** Counts the session as syncing until the answer that `work` yields was handed on. */
  async during<T>(sessionID: string, syncing: SyncingSession, work: () => Promise<T>): Promise<T> {
    this.#sessions.set(sessionID, syncing)
    try {
      return await work()
    } finally {
      setImmediate(() => {
        if (this.#sessions.get(sessionID) === syncing) this.#sessions.delete(sessionID)
      })
    }
  }
}
