import { randomUUID } from 'node:crypto'
import {
  type Clock,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
  wait,
} from '@parlance/core'
import type { Redis, RedisArgument, RedisOutcome, RedisReply, RedisScript, RedisStep } from '@parlance/engines/redis'
import type { CacheStore, Fill, Probe } from '../cache-store.ts'
import { Waiters } from '../waiters.ts'
import { fillScript, markScript, probeScript, releaseScript, waitScript } from './scripts.ts'

export interface RedisCacheStoreOptions {
  readonly redis: Redis
  /**
   * Stands before every key. Give the prefix of a Go program's keys, or '', to share its entries.
   *
   * @defaultValue the connection's own prefix and `cache:`
   */
  readonly prefix?: string
  /** For waiting only: leases and lives are on the server's clock. @defaultValue the machine's clock */
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
}

/** A cache in Redis, shared by all processes. */
export interface RedisCacheStore extends CacheStore {
  /** Stops waiting; the connection stays open. */
  close(): Promise<void>
}

/**
 * Opens the cache protocol on Redis: one server, Sentinel or Cluster.
 *
 * Round trips: a step on many keys is one to each node, all nodes at the same time. `probe` needs one when all keys are
 * hits (one HMGET per key, no script), and a second one, to the nodes of the others, when some are not. `settled` needs one,
 * and is woken by a message of whoever ends the lease. Entries taken by a server process that is no more are not believed:
 * after a restart or failover, which may have lost marks, everything is loaded anew.
 *
 * A step rejects when Redis could not be asked about one of its keys; it may have been done for others.
 */
export async function openRedisCacheStore(options: RedisCacheStoreOptions): Promise<RedisCacheStore> {
  const store = new Store(options)
  await store.open()
  return store
}

const fields = ['value', 'lockUntil', 'incarnation', 'isEmpty'] as const

/** How often a lease is looked at whose owner, a client in another language, tells nobody when it ends. */
const pollMs: Milliseconds = 100

class Store implements RedisCacheStore {
  readonly #redis: Redis
  readonly #prefix: string
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #waiters: Waiters
  readonly #channel: string
  readonly #stops: (() => void | Promise<void>)[] = []
  #isHearing = false

  constructor({
    redis,
    prefix,
    clock = systemClock,
    logger = silentLogger,
    metrics = noMetrics,
  }: RedisCacheStoreOptions) {
    this.#redis = redis
    this.#prefix = prefix ?? redis.name('cache', '')
    this.#clock = clock
    this.#logger = logger
    this.#waiters = new Waiters(clock)
    this.#channel = redis.name('cache-wake', randomUUID())
    const incarnations = metrics.counter(
      'rockscache_new_incarnations_total',
      'Times the cache was taken over by a server that may have lost marks; what was cached before is not served.',
    )
    this.#stops.push(redis.onNewIncarnation(() => incarnations.add()))
  }

  async open(): Promise<void> {
    this.#stops.push(
      await this.#redis.subscribe(this.#channel, {
        message: (key) => this.#waiters.wake(key.toString()),
        subscribed: () => {
          this.#isHearing = true
          this.#waiters.wakeAll()
        },
        interrupted: () => {
          this.#isHearing = false
          this.#waiters.wakeAll()
        },
      }),
    )
  }

  async probe(keys: readonly string[], owner: string, leaseMs: Milliseconds): Promise<Probe[]> {
    const reads = keys.map((key) => new PlainRead(this.#prefix + key))
    const outcomes = await this.#redis.runAll(reads)
    const probes = outcomes.map((outcome, index) => reads[index]!.hit(replyOf(outcome)))
    const missing = [...probes.keys()].filter((index) => probes[index] === undefined)
    if (missing.length === 0) return probes as Probe[]
    const asked = missing.map((index) => keys[index]!)
    const answers = await this.#each(probeScript, asked, () => [`~${owner}`, wholeMs(leaseMs)])
    if (answers.some(({ ok }) => !ok)) await this.#giveBack(asked, answers, owner)
    for (const [place, index] of missing.entries()) probes[index] = probeOf(replyOf(answers[place]!))
    return probes as Probe[]
  }

  async fill(fills: readonly Fill[], owner: string): Promise<boolean[]> {
    const keys = fills.map(({ key }) => key)
    const answers = await this.#each(fillScript, keys, (index) => {
      const { value, ttlMs } = fills[index]!
      return [`~${owner}`, value ?? '', wholeMs(ttlMs), value?.byteLength === 0 ? 1 : 0]
    })
    return answers.map((answer) => replyOf(answer) === 1)
  }

  async release(keys: readonly string[], owner: string): Promise<void> {
    for (const answer of await this.#each(releaseScript, keys, () => [`~${owner}`])) replyOf(answer)
  }

  async markStale(keys: readonly string[], staleForMs: Milliseconds): Promise<void> {
    for (const answer of await this.#each(markScript, keys, () => [wholeMs(staleForMs)])) replyOf(answer)
  }

  async settled(key: string, atMostMs: Milliseconds): Promise<void> {
    const name = this.#prefix + key
    let isOver = false
    const waiting = this.#waiters.wait(name, atMostMs).then(() => {
      isOver = true
    })
    while (!isOver) {
      const isTold = this.#isHearing
      const [answer] = await this.#each(waitScript, [key], () => [this.#channel])
      // No lease; or Redis cannot be asked, which the probe that follows every wait will tell.
      if (!answer?.ok || answer.reply === 0) return this.#waiters.wake(name)
      if (answer.reply === 1 && isTold) return waiting
      await Promise.race([waiting, wait(this.#clock, pollMs)])
    }
  }

  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0)) await stop()
    this.#waiters.wakeAll()
  }

  /** The script on each key, its first word the incarnation of the server that carries it out. */
  #each(
    script: RedisScript,
    keys: readonly string[],
    words: (index: number) => readonly RedisArgument[],
  ): Promise<RedisOutcome[]> {
    const steps = keys.map((key, index) =>
      script.on([this.#prefix + key], ({ incarnation }) => [incarnation, ...words(index)], { asBytes: true }),
    )
    return this.#redis.runAll(steps)
  }

  /** Part of a probe failed, so all of it does: leases it took would hold up others for their whole time. */
  async #giveBack(keys: readonly string[], answers: readonly RedisOutcome[], owner: string): Promise<void> {
    const leased = keys.filter((_, index) => {
      const answer = answers[index]!
      return answer.ok && probeOf(answer.reply).state === 'leased'
    })
    try {
      await this.release(leased, owner)
    } catch (error) {
      this.#logger.warn('could not give leases back; they end by their time', { keyCount: leased.length, error })
    }
  }
}

/** One HMGET, and the server that answered it. */
class PlainRead implements RedisStep {
  readonly key: string
  readonly asBytes = true
  #incarnation = ''

  constructor(key: string) {
    this.key = key
  }

  readonly command: Extract<RedisStep['command'], Function> = ({ incarnation }) => {
    this.#incarnation = incarnation
    return ['HMGET', this.key, ...fields]
  }

  /** The entry, if it is a hit; anything else takes a script. */
  hit(reply: RedisReply): Probe | undefined {
    const [value, lockUntil, incarnation, isEmpty] = reply as readonly [Bytes, Bytes, Bytes, Bytes]
    if (value === null || lockUntil !== null) return undefined
    if (incarnation !== null && incarnation.toString('latin1') !== this.#incarnation) return undefined
    return { state: 'hit', value: value.byteLength === 0 && isEmpty === null ? undefined : value }
  }
}

type Bytes = Buffer | null

function probeOf(reply: RedisReply): Probe {
  const [state, value, isEmpty, leftMs] = reply as readonly [Buffer, Bytes, Bytes, number?]
  const bytes = value === null || (value.byteLength === 0 && isEmpty === null) ? undefined : value
  const name = state.toString('latin1') as Probe['state']
  if (name === 'hit') return { state: 'hit', value: bytes }
  return name === 'leased' ? { state: 'leased', stale: bytes } : { state: 'busy', stale: bytes, leftMs: leftMs ?? 0 }
}

function replyOf(outcome: RedisOutcome): RedisReply {
  if (outcome.ok) return outcome.reply
  throw outcome.error
}

function wholeMs(timeMs: Milliseconds): Milliseconds {
  return Math.min(Math.ceil(timeMs), Number.MAX_SAFE_INTEGER)
}
