import { backoffMs, type Clock, type Count, type Logger, pause } from '@parlance/core'
import { type Redis, redisCommand, type RedisOutcome, type RedisReply } from '@parlance/engines/redis'
import type { RegisteredSession } from '../registry.ts'
import { encodeData, type Entry, type Layout, readEntries } from './layout.ts'
import { registerScript, unregisterScript } from './scripts.ts'

interface OwnSession {
  readonly session: RegisteredSession
  run: string
  /** What Redis said when it was registered; kept so that it stays in its place when it has to be registered again. */
  order: string
}

interface Removal extends OwnSession {
  readonly done: Promise<void>
  finish(): void
}

const batchCount: Count = 500
const again = { firstMs: 100, maxMs: 3_000 }

/** The sessions that were registered through this process: it knows them without Redis, and puts them back when Redis lost them. */
export class OwnSessions {
  readonly #redis: Redis
  readonly #layout: Layout
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #all = new Map<string, OwnSession>()
  /** How many of a subject's sessions are here, by run and subject. */
  readonly #counts = new Map<string, Map<string, Count>>()
  readonly #removals = new Map<string, Removal>()
  readonly #stopping = new AbortController()
  #isRemoving = false
  #audited: Iterator<OwnSession> | undefined

  constructor(redis: Redis, layout: Layout, clock: Clock, logger: Logger) {
    this.#redis = redis
    this.#layout = layout
    this.#clock = clock
    this.#logger = logger
  }

  /** Registers a session and returns what Redis held before. One round trip; on a Cluster to two nodes at once. */
  async register(session: RegisteredSession, run: string): Promise<Entry[]> {
    const { subject, id } = session
    const own: OwnSession = { session, run, order: this.#all.get(id)?.order ?? '' }
    this.#add(own)
    const [indexed, registered] = await this.#redis.runAll([
      redisCommand('SADD', this.#layout.subjectsOf(run), subject),
      this.#registration(own, this.#layout.sessionsChannel(subject)),
    ])
    const failed = [indexed!, registered!].find((outcome) => !outcome.ok)
    if (failed !== undefined && !failed.ok) {
      // It may have been done all the same.
      void this.unregister(session)
      throw failed.error
    }
    const [order, before] = (registered as RedisOutcome & { ok: true }).reply as readonly [string, RedisReply]
    own.order = order
    return readEntries(subject, before).filter((entry) => entry.session.id !== id)
  }

  /** Resolves when it is removed. One round trip; repeated until it succeeds. */
  unregister(session: RegisteredSession): Promise<void> {
    const own = this.#all.get(session.id)
    const waiting = this.#removals.get(session.id)
    if (own?.session.subject !== session.subject) return waiting?.done ?? Promise.resolve()
    this.#remove(own)
    let finish!: () => void
    const done = new Promise<void>((resolve) => (finish = resolve))
    this.#removals.set(session.id, { ...own, done, finish })
    if (!this.#isRemoving) void this.#runRemovals()
    return done
  }

  /** Registers a node's sessions under another run of it, without telling anybody. */
  async move(from: string, to: string): Promise<void> {
    const own = [...this.#all.values()].filter(({ run }) => run === from || run === to)
    const counts = this.#counts.get(from)
    if (counts !== undefined) this.#counts.set(to, counts)
    this.#counts.delete(from)
    for (const one of own) one.run = to
    for (const batch of inBatches(own)) await this.#put(batch, false)
  }

  /** Tells whoever follows them that something about a node's sessions is different. */
  async tell(run: string): Promise<void> {
    const subjects = [...(this.#counts.get(run)?.keys() ?? [])]
    for (const batch of inBatches(subjects))
      await Promise.all(batch.map((subject) => this.#redis.publish(this.#layout.sessionsChannel(subject), '')))
  }

  /** Looks whether Redis still has all of them, and puts back what it lost. @returns whether it had lost some. */
  async audit(): Promise<boolean> {
    let hadLost = false
    for (const batch of inBatches([...this.#all.values()])) hadLost = (await this.#check(batch)) || hadLost
    return hadLost
  }

  /** The same for the next part of them. */
  async auditNext(share: number): Promise<boolean> {
    const batch: OwnSession[] = []
    const count = Math.ceil(this.#all.size * share)
    while (batch.length < count) {
      this.#audited ??= this.#all.values()
      const next = this.#audited.next()
      if (next.done === true) {
        this.#audited = undefined
        break
      }
      batch.push(next.value)
    }
    let hadLost = false
    for (const part of inBatches(batch)) hadLost = (await this.#check(part)) || hadLost
    return hadLost
  }

  /** Removes nothing any more; whoever waits for that does not wait any longer. */
  stop(): void {
    this.#stopping.abort()
    for (const removal of this.#removals.values()) removal.finish()
    this.#removals.clear()
  }

  async #check(batch: readonly OwnSession[]): Promise<boolean> {
    const outcomes = await this.#redis.runAll(
      batch.map(({ session }) => redisCommand('HEXISTS', this.#layout.sessions(session.subject), session.id)),
    )
    const failed = outcomes.find((outcome) => !outcome.ok)
    if (failed !== undefined && !failed.ok) throw failed.error
    // Whoever left meanwhile is not missing, and who is still being registered is not either.
    const isMissing = (one: OwnSession, outcome: RedisOutcome): boolean =>
      outcome.ok && outcome.reply === 0 && one.order !== '' && this.#all.get(one.session.id) === one
    const lost = batch.filter((one, index) => isMissing(one, outcomes[index]!))
    if (lost.length > 0) await this.#put(lost, true)
    return lost.length > 0
  }

  async #put(batch: readonly OwnSession[], isTold: boolean): Promise<void> {
    const staying = batch.filter((one) => this.#all.get(one.session.id) === one)
    const outcomes = await this.#redis.runAll(
      staying.flatMap((own) => [
        redisCommand('SADD', this.#layout.subjectsOf(own.run), own.session.subject),
        this.#registration(own, isTold ? this.#layout.sessionsChannel(own.session.subject) : ''),
      ]),
    )
    const failed = outcomes.find((outcome) => !outcome.ok)
    if (failed !== undefined && !failed.ok) throw failed.error
  }

  #registration({ session, run, order }: OwnSession, channel: string) {
    const words = [session.id, run, encodeData(session), order, channel]
    return registerScript.on([this.#layout.sessions(session.subject)], words)
  }

  async #runRemovals(): Promise<void> {
    this.#isRemoving = true
    for (let attempt = 0; this.#removals.size > 0 && !this.#stopping.signal.aborted;) {
      const batch = [...this.#removals.values()].slice(0, batchCount)
      const outcomes = await this.#redis.runAll(batch.flatMap((removal) => this.#removalSteps(removal)))
      const failed = outcomes.find((outcome) => !outcome.ok)
      if (failed === undefined) {
        attempt = 0
        for (const removal of batch) {
          this.#removals.delete(removal.session.id)
          removal.finish()
        }
        continue
      }
      if (++attempt === 1 && !failed.ok)
        this.#logger.warn('sessions cannot be unregistered; trying again', { error: failed.error.message })
      await pause(this.#clock, backoffMs(attempt, again), this.#stopping.signal)
    }
    this.#isRemoving = false
  }

  #removalSteps({ session: { id, subject }, run }: Removal) {
    const removal = unregisterScript.on([this.#layout.sessions(subject)], [id, this.#layout.sessionsChannel(subject)])
    if (this.#counts.get(run)?.has(subject) === true) return [removal]
    return [removal, redisCommand('SREM', this.#layout.subjectsOf(run), subject)]
  }

  #add(own: OwnSession): void {
    const { id, subject } = own.session
    const before = this.#all.get(id)
    if (before !== undefined) this.#remove(before)
    this.#all.set(id, own)
    let counts = this.#counts.get(own.run)
    if (counts === undefined) {
      counts = new Map()
      this.#counts.set(own.run, counts)
    }
    counts.set(subject, (counts.get(subject) ?? 0) + 1)
  }

  #remove({ session: { id, subject }, run }: OwnSession): void {
    this.#all.delete(id)
    const counts = this.#counts.get(run)
    const left = (counts?.get(subject) ?? 0) - 1
    if (left > 0) counts!.set(subject, left)
    else counts?.delete(subject)
    if (counts?.size === 0) this.#counts.delete(run)
  }
}

function* inBatches<T>(all: readonly T[]): Iterable<readonly T[]> {
  for (let from = 0; from < all.length; from += batchCount) yield all.slice(from, from + batchCount)
}
