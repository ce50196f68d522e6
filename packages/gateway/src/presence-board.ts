import { InvalidArgumentError, type Logger } from '@parlance/core'
import { Connection } from './connection.ts'
import { TooManySubscriptionsError } from './errors.ts'
import type { FanOut } from './fan-out.ts'
import type { ResolvedLimits } from './limits.ts'
import type { OpMessage } from './ops.ts'
import type { Presence, PresenceOptions } from './presence.ts'
import type { PresenceWatch, RegisteredSession, SessionRegistry } from './registry.ts'
import type { Session } from './session.ts'

/** Remembers which of this node's sessions watch which subjects, and tells them. */
export class PresenceBoard<In extends OpMessage, Out> implements Presence<In, Out> {
  readonly #registry: SessionRegistry
  readonly #fanOut: FanOut<In, Out>
  readonly #options: PresenceOptions<Out> | undefined
  readonly #limits: ResolvedLimits
  readonly #logger: Logger
  readonly #watchers = new Map<string, Set<Connection<In, Out>>>()
  #changed = new Map<string, readonly RegisteredSession[]>()
  readonly #watch: PresenceWatch

  constructor(
    registry: SessionRegistry,
    fanOut: FanOut<In, Out>,
    options: PresenceOptions<Out> | undefined,
    limits: ResolvedLimits,
    logger: Logger,
  ) {
    this.#registry = registry
    this.#fanOut = fanOut
    this.#options = options
    this.#limits = limits
    this.#logger = logger
    this.#watch = registry.watch((subject, sessions) => this.#note(subject, sessions))
  }

  async subscribe(
    session: Session<In, Out>,
    subjects: readonly string[],
  ): Promise<readonly (readonly RegisteredSession[])[]> {
    const watcher = this.#own(session)
    const added: string[] = []
    if (watcher.isOpen) {
      const { presenceSubscriptions, presenceSubscriptionBytes } = this.#limits
      const wanted = new Set(watcher.watching)
      let wantedBytes = watcher.watchingBytes
      for (const subject of subjects) {
        if (wanted.has(subject)) continue
        wantedBytes += Buffer.byteLength(subject)
        wanted.add(subject)
        added.push(subject)
      }
      if (wanted.size > presenceSubscriptions || wantedBytes > presenceSubscriptionBytes)
        throw new TooManySubscriptionsError(
          `a session may watch ${presenceSubscriptions} subjects with names of ${presenceSubscriptionBytes} bytes together; unsubscribe from some first`,
          { details: { session: session.id, wanted: wanted.size, wantedBytes } },
        )
      watcher.watching = wanted
      watcher.watchingBytes = wantedBytes
      for (const subject of added) this.#watchersOf(subject).add(watcher)
    }
    // Without a message nobody is ever told.
    if (this.#options === undefined || !watcher.isOpen) return this.#registry.sessionsOf(subjects)
    try {
      return await this.#watch.follow(subjects)
    } catch (error) {
      this.unsubscribe(session, added)
      throw error
    }
  }

  unsubscribe(session: Session<In, Out>, subjects: readonly string[]): void {
    const watcher = this.#own(session)
    for (const subject of subjects) {
      if (watcher.watching?.delete(subject) !== true) continue
      watcher.watchingBytes -= Buffer.byteLength(subject)
      this.#drop(watcher, subject)
    }
  }

  of(subjects: readonly string[]): Promise<readonly (readonly RegisteredSession[])[]> {
    return this.#registry.sessionsOf(subjects)
  }

  /** Forgets what an ended session watched. */
  forget(watcher: Connection<In, Out>): void {
    if (watcher.watching === undefined) return
    for (const subject of watcher.watching) this.#drop(watcher, subject)
    watcher.watching = undefined
    watcher.watchingBytes = 0
  }

  stop(): void {
    this.#watch.stop()
    this.#watchers.clear()
    this.#changed.clear()
  }

  #own(session: Session<In, Out>): Connection<In, Out> {
    if (session instanceof Connection) return session as Connection<In, Out>
    throw new InvalidArgumentError('presence is watched by sessions of this gateway; this one is not')
  }

  #watchersOf(subject: string): Set<Connection<In, Out>> {
    let watchers = this.#watchers.get(subject)
    if (watchers === undefined) {
      watchers = new Set()
      this.#watchers.set(subject, watchers)
    }
    return watchers
  }

  #drop(watcher: Connection<In, Out>, subject: string): void {
    const watchers = this.#watchers.get(subject)
    watchers?.delete(watcher)
    if (watchers?.size !== 0) return
    this.#watchers.delete(subject)
    this.#watch.unfollow([subject])
  }

  #note(subject: string, sessions: readonly RegisteredSession[]): void {
    if (this.#options === undefined || !this.#watchers.has(subject)) return
    this.#changed.set(subject, sessions)
    if (this.#changed.size === 1) setImmediate(() => this.#tell(this.#options!))
  }

  #tell({ message }: PresenceOptions<Out>): void {
    const changed = this.#changed
    this.#changed = new Map()
    for (const [subject, sessions] of changed) {
      const watchers = this.#watchers.get(subject)
      if (watchers === undefined) continue
      try {
        const news = message(subject, sessions)
        if (news !== undefined) this.#fanOut.toSessions(watchers, news)
      } catch (error) {
        this.#logger.error('a presence message could not be made', { error: String(error) })
      }
    }
  }
}
