import {
  type Clock,
  heardLater,
  InvalidArgumentError,
  type Logger,
  type Milliseconds,
  ParlanceError,
  silentLogger,
  systemClock,
  type Timer,
} from '@parlance/core'
import { type Redis, redisCommand } from '@parlance/engines/redis'
import type {
  LiveNode,
  NodeAnnouncement,
  NodeMembership,
  PresenceListener,
  PresenceWatch,
  RegisteredSession,
  SessionRegistry,
} from '../registry.ts'
import { type Entry, Layout, readEntries } from './layout.ts'
import { Member } from './member.ts'
import { NodesView } from './nodes-view.ts'
import { OwnSessions } from './own-sessions.ts'
import { PresenceFollower, type Reading } from './presence-follower.ts'
import { Sweeper } from './sweeper.ts'

export interface RedisSessionRegistryOptions {
  /** Whoever gives it closes it. */
  readonly redis: Redis
  /** Processes that give the same name, on connections with the same prefix, are one cluster. @defaultValue 'gateway' */
  readonly name?: string
  /**
   * A node that was not heard of for so long is gone, and its sessions with it. It is renewed three times as often, and the
   * same in all processes. @defaultValue 10 000
   */
  readonly leaseMs?: Milliseconds
  readonly clock?: Clock
  readonly logger?: Logger
}

/** The sessions of a cluster, kept in Redis. */
export interface RedisSessionRegistry extends SessionRegistry {
  /** Ends what runs; nodes that have not left are gone when their lease ends. The connection stays open. Idempotent. */
  stop(): Promise<void>
}

const shortestLeaseMs: Milliseconds = 100
/** How old, in parts of the lease, the knowledge of the nodes may be. Redis keeps a lease for that much less. */
const viewShare = 0.1

/**
 * Keeps the sessions of a cluster in Redis: one server, or a Cluster.
 *
 * `register` is one round trip, and at most one more when it meets sessions of a node that this process does not know yet.
 * `sessionsOf` is one round trip to each Redis node that holds some of the subjects, at the same time, and the same exception.
 * `nodes` and `unregister` are one round trip; `follow` is two. Redis may lose what it holds: each node finds that out within a
 * third of the lease (at once, when Redis was started again), puts its sessions back and calls `onLapsed`.
 *
 * While Redis is away, `register` and `sessionsOf` fail with a retryable error, `unregister` waits, watchers are told nothing,
 * and `nodes` answers what was known last.
 *
 * @throws InvalidArgumentError when the lease is too short to be kept.
 */
export function createRedisSessionRegistry(options: RedisSessionRegistryOptions): RedisSessionRegistry {
  return new Registry(options)
}

class Registry implements RedisSessionRegistry {
  readonly #redis: Redis
  readonly #layout: Layout
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #leaseMs: Milliseconds
  readonly #viewMs: Milliseconds
  readonly #view: NodesView
  readonly #own: OwnSessions
  readonly #sweeper: Sweeper
  readonly #members = new Map<string, Member>()
  readonly #followers = new Set<PresenceFollower>()
  readonly #stopHearing: () => void
  #unsubscribe: Promise<(() => Promise<void>) | undefined> | undefined
  #looking: Timer | undefined
  #isStopped = false

  constructor({ redis, name = 'gateway', leaseMs = 10_000, clock, logger }: RedisSessionRegistryOptions) {
    if (!(leaseMs >= shortestLeaseMs))
      throw new InvalidArgumentError(`a lease of ${leaseMs} ms cannot be kept; give ${shortestLeaseMs} or more`)
    this.#redis = redis
    this.#layout = new Layout(redis, name)
    this.#clock = clock ?? systemClock
    this.#logger = logger ?? silentLogger
    this.#leaseMs = leaseMs
    this.#viewMs = Math.ceil(leaseMs * viewShare)
    this.#view = new NodesView(redis, this.#layout, this.#clock, this.#logger, this.#viewMs)
    this.#own = new OwnSessions(redis, this.#layout, this.#clock, this.#logger)
    this.#sweeper = new Sweeper(redis, this.#layout, this.#logger)
    this.#view.onChange(() => {
      for (const follower of this.#followers) follower.nodesChanged()
    })
    this.#stopHearing = redis.onNewIncarnation(() => {
      this.#view.doubtAll(this.#leaseMs / 3)
      for (const member of this.#members.values()) member.suspect()
      for (const follower of this.#followers) follower.readAgain()
    })
  }

  join(announcement: NodeAnnouncement): NodeMembership {
    const member = new Member(announcement, {
      redis: this.#redis,
      layout: this.#layout,
      own: this.#own,
      sweeper: this.#sweeper,
      clock: this.#clock,
      logger: this.#logger,
      leaseMs: this.#leaseMs - this.#viewMs,
      renewMs: Math.floor(this.#leaseMs / 3),
      viewMs: this.#viewMs,
    })
    this.#members.set(announcement.name, member)
    this.#lookRegularly()
    return {
      leave: async () => {
        await member.leave()
        this.#view.left(member.run)
        if (this.#members.get(announcement.name) === member) this.#members.delete(announcement.name)
      },
    }
  }

  async nodes(): Promise<readonly LiveNode[]> {
    try {
      await this.#view.read()
    } catch (error) {
      if (!this.#view.wasRead || !ParlanceError.is(error) || !error.retryable) throw error
    }
    return this.#view.nodes
  }

  async register(session: RegisteredSession): Promise<readonly RegisteredSession[]> {
    const member = this.#members.get(session.node)
    if (member === undefined)
      throw new InvalidArgumentError(`node ${session.node} has not joined; join it before its sessions register`)
    await member.whenAnnounced()
    const before = await this.#own.register(session, member.run)
    try {
      await this.#view.ensure(before.map(({ run }) => run))
    } catch (error) {
      void this.#own.unregister(session)
      throw error
    }
    return this.#living(before).sessions
  }

  unregister(session: RegisteredSession): Promise<void> {
    return this.#own.unregister(session)
  }

  async sessionsOf(subjects: readonly string[]): Promise<readonly (readonly RegisteredSession[])[]> {
    return (await this.#read(subjects)).map(({ sessions }) => sessions)
  }

  watch(listener: PresenceListener): PresenceWatch {
    const follower = new PresenceFollower(listener, {
      redis: this.#redis,
      layout: this.#layout,
      view: this.#view,
      clock: this.#clock,
      logger: this.#logger,
      read: (subjects) => this.#read(subjects),
      onStopped: (stopped) => void this.#followers.delete(stopped),
    })
    this.#followers.add(follower)
    this.#lookRegularly()
    return follower
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#looking?.cancel()
    this.#stopHearing()
    for (const follower of this.#followers) follower.stop()
    await Promise.all(Array.from(this.#members.values(), (member) => member.stop()))
    this.#own.stop()
    await this.#sweeper.stop()
    await (
      await this.#unsubscribe
    )?.()
  }

  async #read(subjects: readonly string[]): Promise<readonly Reading[]> {
    const unique = [...new Set(subjects)]
    // In the same turn, so that it is the same round trip.
    const viewing = heardLater(this.#view.ensure([]))
    const outcomes = await this.#redis.runAll(
      unique.map((subject) => redisCommand('HGETALL', this.#layout.sessions(subject))),
    )
    await viewing
    const entries = new Map<string, Entry[]>()
    for (const [index, subject] of unique.entries()) {
      const outcome = outcomes[index]!
      if (!outcome.ok) throw outcome.error
      entries.set(subject, readEntries(subject, outcome.reply))
    }
    const met = new Set<string>()
    for (const some of entries.values()) for (const { run } of some) met.add(run)
    await this.#view.ensure(met)
    const readings = new Map([...entries].map(([subject, some]) => [subject, this.#living(some)]))
    return subjects.map((subject) => readings.get(subject)!)
  }

  #living(entries: readonly Entry[]): Reading {
    const living = entries.filter(({ run }) => this.#view.isLive(run))
    return {
      sessions: living.map(({ session }) => session),
      runs: living.map(({ run }) => run),
    }
  }

  /** From the first member or follower on: nodes that end are noticed, told, and swept after. */
  #lookRegularly(): void {
    if (this.#isStopped) return
    this.#unsubscribe ??= this.#hearNodes()
    if (this.#looking !== undefined) return
    const look = (): void => {
      this.#looking = this.#clock.after(this.#viewMs, look)
      void this.#look()
    }
    this.#looking = this.#clock.after(this.#viewMs, look)
  }

  async #look(): Promise<void> {
    try {
      await this.#view.read()
      for (const follower of this.#followers) follower.nodesChanged()
      this.#sweeper.begin(this.#view.ended)
    } catch (error) {
      this.#logger.debug('the nodes cannot be read', { error: String(error) })
    }
  }

  async #hearNodes(): Promise<(() => Promise<void>) | undefined> {
    const listener = {
      message: (bytes: Buffer) => {
        const [what, run] = bytes.toString().split(' ')
        if (what === 'left' && run !== undefined) this.#view.left(run)
        void this.#look()
      },
      subscribed: () => undefined,
    }
    try {
      return await this.#redis.subscribe(this.#layout.nodesChannel, listener)
    } catch (error) {
      // Leaving nodes are noticed later, and nothing else is different.
      this.#logger.warn('changes of the nodes cannot be heard at once', { error: String(error) })
      return undefined
    }
  }
}
