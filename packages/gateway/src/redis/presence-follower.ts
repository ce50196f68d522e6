import { backoffMs, type Clock, type Count, type Logger, pause } from '@parlance/core'
import type { Redis, RedisListener } from '@parlance/engines/redis'
import type { PresenceListener, PresenceWatch, RegisteredSession } from '../registry.ts'
import type { Layout } from './layout.ts'
import type { NodesView } from './nodes-view.ts'

/** Sessions as they were read, with the runs of their nodes. */
export interface Reading {
  readonly sessions: readonly RegisteredSession[]
  readonly runs: readonly string[]
}

interface Followed {
  /** What the listener knows. */
  known: Reading | undefined
  isSubscribed: boolean
  unsubscribe: (() => Promise<void>) | undefined
  /** Something changed before it was known. */
  isChanged: boolean
}

export interface FollowerOptions {
  readonly redis: Redis
  readonly layout: Layout
  readonly view: NodesView
  readonly clock: Clock
  readonly logger: Logger
  readonly read: (subjects: readonly string[]) => Promise<readonly Reading[]>
  readonly onStopped: (follower: PresenceFollower) => void
}

const batchCount: Count = 1_000
const again = { firstMs: 100, maxMs: 3_000 }

/**
 * Follows subjects for one listener. A message on a subject's channel says only that something changed; what it is is read,
 * together for all that changed in a turn. So neither the order nor the loss of messages matters: behind a lost connection
 * everything that is followed is read again.
 */
export class PresenceFollower implements PresenceWatch {
  readonly #listener: PresenceListener
  readonly #options: FollowerOptions
  readonly #followed = new Map<string, Followed>()
  readonly #changed = new Set<string>()
  /** Subjects of which something is missing that may be put back. */
  readonly #doubtful = new Set<string>()
  #isReading = false
  readonly #stopping = new AbortController()

  constructor(listener: PresenceListener, options: FollowerOptions) {
    this.#listener = listener
    this.#options = options
  }

  async follow(subjects: readonly string[]): Promise<readonly (readonly RegisteredSession[])[]> {
    const { read } = this.#options
    if (this.#isStopped) return (await read(subjects)).map(({ sessions }) => sessions)
    const wanted = [...new Set(subjects)]
    const added = wanted.filter((subject) => !this.#followed.has(subject))
    for (const subject of added)
      this.#followed.set(subject, { known: undefined, isSubscribed: false, unsubscribe: undefined, isChanged: false })
    try {
      await Promise.all(wanted.map((subject) => this.#subscribe(subject)))
      const readings = await read(wanted)
      const found = new Map<string, Reading>()
      for (const [index, subject] of wanted.entries()) {
        found.set(subject, readings[index]!)
        const followed = this.#followed.get(subject)
        if (followed === undefined) continue
        const { known, isChanged } = followed
        followed.known ??= readings[index]
        followed.isChanged = false
        if (isChanged || (known !== undefined && !isSame(known, readings[index]!))) this.#note(subject)
      }
      return subjects.map((subject) => found.get(subject)!.sessions)
    } catch (error) {
      this.unfollow(added)
      throw error
    }
  }

  unfollow(subjects: readonly string[]): void {
    for (const subject of subjects) {
      const followed = this.#followed.get(subject)
      if (followed === undefined) continue
      this.#followed.delete(subject)
      this.#doubtful.delete(subject)
      void followed.unsubscribe?.()
    }
  }

  stop(): void {
    if (this.#isStopped) return
    this.#stopping.abort()
    this.unfollow([...this.#followed.keys()])
    this.#changed.clear()
    this.#options.onStopped(this)
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted
  }

  /** Other nodes are alive than before: looks at the subjects that have, or had, sessions on one that is not. */
  nodesChanged(): void {
    const { view } = this.#options
    for (const [subject, { known }] of this.#followed)
      if (known?.runs.some((run) => !view.isLive(run)) === true) this.#note(subject)
    for (const subject of this.#doubtful) this.#note(subject)
  }

  /** Reads all that is followed again. */
  readAgain(): void {
    for (const subject of this.#followed.keys()) this.#note(subject)
  }

  async #subscribe(subject: string): Promise<void> {
    const followed = this.#followed.get(subject)
    if (followed === undefined || followed.isSubscribed) return
    const { redis, layout } = this.#options
    let isFirst = true
    const listener: RedisListener = {
      message: () => this.#note(subject),
      subscribed: () => {
        if (!isFirst) this.#note(subject)
        isFirst = false
      },
    }
    const unsubscribe = await redis.subscribe(layout.sessionsChannel(subject), listener)
    const isWanted = this.#followed.get(subject) === followed
    if (!isWanted || followed.isSubscribed) return unsubscribe()
    followed.isSubscribed = true
    followed.unsubscribe = unsubscribe
  }

  #note(subject: string): void {
    if (this.#isStopped || !this.#followed.has(subject)) return
    this.#changed.add(subject)
    if (!this.#isReading) void this.#read()
  }

  async #read(): Promise<void> {
    const { clock, logger } = this.#options
    this.#isReading = true
    for (let attempt = 0; this.#changed.size > 0 && !this.#isStopped;) {
      // Everything of this turn.
      await new Promise<void>((resolve) => void setImmediate(resolve))
      const subjects = [...this.#changed].slice(0, batchCount)
      for (const subject of subjects) this.#changed.delete(subject)
      try {
        await this.#tell(subjects)
        attempt = 0
      } catch (error) {
        for (const subject of subjects) this.#changed.add(subject)
        if (++attempt === 1) logger.warn('presence cannot be read; trying again', { error: String(error) })
        await pause(clock, backoffMs(attempt, again), this.#stopping.signal)
      }
    }
    this.#isReading = false
  }

  async #tell(subjects: readonly string[]): Promise<void> {
    const readings = await this.#options.read(subjects)
    for (const [index, subject] of subjects.entries()) {
      const followed = this.#followed.get(subject)
      if (followed === undefined) continue
      if (followed.known === undefined) {
        followed.isChanged = true
        continue
      }
      const reading = this.#withDoubtful(followed.known, readings[index]!)
      if (reading === readings[index]) this.#doubtful.delete(subject)
      else this.#doubtful.add(subject)
      const isNews = !isSame(followed.known, reading)
      followed.known = reading
      if (isNews) this.#listener(subject, reading.sessions)
    }
  }

  /**
   * Redis may have lost a node that lives, with its sessions; it puts them back within its lease. Until then nobody is told that
   * they have gone.
   */
  #withDoubtful(known: Reading, read: Reading): Reading {
    const { view } = this.#options
    const found = new Set(read.sessions.map(({ id }) => id))
    const kept = known.sessions.flatMap((session, index) => {
      const run = known.runs[index]!
      return view.isDoubtful(run) && !found.has(session.id) ? [{ session, run }] : []
    })
    if (kept.length === 0) return read
    const before = new Map(known.sessions.map(({ id }, index) => [id, index]))
    const rank = ({ session }: { session: RegisteredSession }): number => before.get(session.id) ?? before.size
    const all = [...kept, ...read.sessions.map((session, index) => ({ session, run: read.runs[index]! }))]
    all.sort((one, other) => rank(one) - rank(other))
    return { sessions: all.map(({ session }) => session), runs: all.map(({ run }) => run) }
  }
}

function isSame(one: Reading, other: Reading): boolean {
  if (one.sessions.length !== other.sessions.length) return false
  return one.sessions.every(({ id, device, credential }, index) => {
    const its = other.sessions[index]!
    return its.id === id && its.device === device && its.credential === credential
  })
}
