import type { Clock, Logger, Milliseconds } from '@parlance/core'
import type { Redis, RedisReply, RedisStep } from '@parlance/engines/redis'
import type { LiveNode } from '../registry.ts'
import { incarnationOf, type Layout } from './layout.ts'
import { nodesScript } from './scripts.ts'

interface KnownNode {
  readonly node: LiveNode
  /** On this process's clock: how long it lives at least. */
  readonly untilMs: Milliseconds
}

/**
 * What a process knows of the nodes: read at most so often, and again at once when an unknown one is met.
 *
 * Runs, not incarnations, are live or not: see `runOf`.
 */
export class NodesView {
  readonly #redis: Redis
  readonly #layout: Layout
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #maxAgeMs: Milliseconds
  readonly #listeners = new Set<() => void>()
  #live = new Map<string, KnownNode>()
  /** Were seen alive, and are remembered by nobody, although their lease should not have ended. */
  #doubtful = new Map<string, KnownNode>()
  /** Their lease has ended; what they left behind is to be swept. */
  #ended: readonly string[] = []
  /** Looked for and not found since the last reading. */
  readonly #absent = new Set<string>()
  #readAtMs: Milliseconds = Number.NEGATIVE_INFINITY
  #allDoubtfulUntilMs: Milliseconds = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | undefined

  constructor(redis: Redis, layout: Layout, clock: Clock, logger: Logger, maxAgeMs: Milliseconds) {
    this.#redis = redis
    this.#layout = layout
    this.#clock = clock
    this.#logger = logger
    this.#maxAgeMs = maxAgeMs
  }

  get ended(): readonly string[] {
    return this.#ended
  }

  get nodes(): readonly LiveNode[] {
    return Array.from(this.#live.values(), ({ node }) => node)
  }

  get wasRead(): boolean {
    return this.#readAtMs > Number.NEGATIVE_INFINITY
  }

  /** Called when other nodes are alive, or doubtful, than before. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  isLive(run: string): boolean {
    return this.#live.has(run)
  }

  /** Whether Redis may have forgotten a node that lives, or its sessions. */
  isDoubtful(run: string): boolean {
    if (this.#allDoubtfulUntilMs > this.#clock.elapsed()) return !this.#ended.includes(run)
    return (this.#doubtful.get(run)?.untilMs ?? 0) > this.#clock.elapsed()
  }

  /** Redis may have lost anything; nodes put it back in that time. */
  doubtAll(forMs: Milliseconds): void {
    this.#allDoubtfulUntilMs = this.#clock.elapsed() + forMs
  }

  /** A node has said that it leaves. */
  left(run: string): void {
    const wasKnown = this.#live.delete(run)
    if (this.#doubtful.delete(run) || wasKnown) this.#changed()
  }

  /** Makes sure that the view is not too old, and knows of these. At most one round trip, shared with others. */
  async ensure(runs: Iterable<string>): Promise<void> {
    const isOld = this.#clock.elapsed() - this.#readAtMs >= this.#maxAgeMs
    const unknown = [...runs].filter((one) => !this.#live.has(one) && !this.#absent.has(one))
    if (!isOld && unknown.length === 0) return
    await this.read()
    for (const one of unknown) if (!this.#live.has(one)) this.#absent.add(one)
  }

  /** One round trip. Whoever comes while it is under way waits for another one. */
  async read(): Promise<void> {
    if (this.#reading !== undefined) await Promise.allSettled([this.#reading])
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    await this.#reading
  }

  get #step(): RedisStep {
    return nodesScript.on([this.#layout.nodes])
  }

  async #read(): Promise<void> {
    const askedMs = this.#clock.elapsed()
    const [serverNow, flat] = (await this.#redis.run(this.#step)) as readonly [string, RedisReply]
    this.#adopt(Number(serverNow), flat as readonly string[], askedMs)
  }

  #adopt(serverNowMs: Milliseconds, flat: readonly string[], askedMs: Milliseconds): void {
    const live = new Map<string, KnownNode>()
    const ended: string[] = []
    for (let at = 0; at < flat.length; at += 2) {
      const [name, address, untilMs] = JSON.parse(flat[at + 1]!) as [string, string, number]
      const run = flat[at]!
      if (untilMs <= serverNowMs) ended.push(run)
      else {
        const node = { name, incarnation: incarnationOf(run), address }
        live.set(run, { node, untilMs: askedMs + untilMs - serverNowMs })
      }
    }
    const before = this.#live
    const doubtful = new Map<string, KnownNode>()
    for (const [run, known] of [...this.#doubtful, ...before]) {
      if (live.has(run) || ended.includes(run)) continue
      if (known.untilMs > this.#clock.elapsed()) doubtful.set(run, known)
    }
    const isChanged =
      live.size !== before.size ||
      doubtful.size !== this.#doubtful.size ||
      [...live.keys()].some((run) => !before.has(run))
    this.#live = live
    this.#doubtful = doubtful
    this.#ended = ended
    this.#absent.clear()
    this.#readAtMs = this.#clock.elapsed()
    if (isChanged) this.#changed()
  }

  #changed(): void {
    for (const listener of this.#listeners) {
      try {
        listener()
      } catch (error) {
        this.#logger.error('a listener for nodes threw', { error: String(error) })
      }
    }
  }
}
