import {
  backoffMs,
  type Clock,
  deferred,
  type Logger,
  type Milliseconds,
  type ParlanceError,
  pause,
  type Timer,
} from '@parlance/core'
import type { Redis } from '@parlance/engines/redis'
import { NodeNameTakenError } from '../errors.ts'
import type { NodeAnnouncement, NodeMembership } from '../registry.ts'
import { type Layout, runOf } from './layout.ts'
import type { OwnSessions } from './own-sessions.ts'
import { joinScript, leaveScript, renewScript } from './scripts.ts'
import type { Sweeper } from './sweeper.ts'

export interface MemberOptions {
  readonly redis: Redis
  readonly layout: Layout
  readonly own: OwnSessions
  readonly sweeper: Sweeper
  readonly clock: Clock
  readonly logger: Logger
  /** How long Redis keeps the lease. */
  readonly leaseMs: Milliseconds
  readonly renewMs: Milliseconds
  /** How old others' knowledge of the nodes may be. */
  readonly viewMs: Milliseconds
}

const again = { firstMs: 50, maxMs: 2_000 }
/** Every session is looked for once in so many renewals. */
const auditShare = 1 / 20

/** A node of this process, from joining to leaving: keeps its lease, and puts its sessions back when Redis lost them. */
export class Member implements NodeMembership {
  readonly #options: MemberOptions
  readonly #announcement: NodeAnnouncement
  readonly #ending = new AbortController()
  readonly #holding: Promise<void>
  #announced = deferred()
  #isAnnounced = false
  #isTaken = false
  #lapses = 0
  #mayHaveLost = false
  #hurry: (() => void) | undefined
  #telling: Timer | undefined
  #leaving: Promise<void> | undefined

  constructor(announcement: NodeAnnouncement, options: MemberOptions) {
    this.#announcement = announcement
    this.#options = options
    this.#holding = this.#hold()
  }

  /** Its incarnation, as Redis knows it. */
  get run(): string {
    return runOf(this.name, this.#announcement.incarnation, this.#lapses)
  }

  get name(): string {
    return this.#announcement.name
  }

  /** Resolves once it is announced; throws why it is not when an attempt failed. */
  async whenAnnounced(): Promise<void> {
    if (this.#isTaken) throw this.#taken()
    if (!this.#isAnnounced) await this.#announced.promise
  }

  /** Redis may have lost something: looks at once. */
  suspect(): void {
    this.#mayHaveLost = true
    this.#hurry?.()
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  /** Lets the lease end by itself. */
  async stop(): Promise<void> {
    this.#ending.abort()
    this.#telling?.cancel()
    await this.#holding
  }

  async #leave(): Promise<void> {
    const { redis, layout, sweeper, logger } = this.#options
    await this.stop()
    try {
      await redis.run(leaveScript.on([layout.nodes], [this.run, layout.nodesChannel]))
      await sweeper.sweep(this.run)
    } catch (error) {
      logger.warn('the cluster could not be told that this node leaves; its lease will end', { error: String(error) })
    }
  }

  async #hold(): Promise<void> {
    const { signal } = this.#ending
    const { renewMs, logger } = this.#options
    for (let attempt = 0; !signal.aborted;) {
      try {
        await this.#keep()
        if (attempt > 0) logger.info('this node is announced again', { node: this.name })
        attempt = 0
      } catch (error) {
        if (++attempt === 1) logger.warn('this node cannot be announced; trying again', { error: String(error) })
        if (!this.#isAnnounced) {
          this.#announced.reject(error as Error)
          this.#announced = deferred()
        }
      }
      if (!signal.aborted) await this.#pause(attempt === 0 ? renewMs : Math.min(renewMs, backoffMs(attempt, again)))
    }
    this.#announced.reject(this.#taken())
  }

  async #keep(): Promise<void> {
    const { own } = this.#options
    if (!this.#isAnnounced) {
      await this.#join()
      this.#isAnnounced = true
      this.#announced.resolve()
      return
    }
    const mayHaveLost = this.#mayHaveLost
    this.#mayHaveLost = false
    try {
      if (await this.#renew()) return
      if (mayHaveLost ? await own.audit() : await own.auditNext(auditShare)) this.#lapsed()
    } catch (error) {
      this.#mayHaveLost ||= mayHaveLost
      throw error
    }
  }

  /** @returns whether there is nothing to look for because everything was put back, or nothing may be. */
  async #renew(): Promise<boolean> {
    const { redis, layout, own, leaseMs, logger } = this.#options
    const status = await redis.run(renewScript.on([layout.nodes], [this.run, leaseMs, this.name]))
    if (status === 'renewed') return false
    if (status === 'taken') {
      if (!this.#isTaken)
        logger.error('another process joined the cluster under the name of this node; give each its own', {
          node: this.name,
        })
      this.#isTaken = true
      return true
    }
    // Who finds the node finds its sessions.
    const before = this.run
    this.#lapses++
    await own.move(before, this.run)
    await this.#join()
    await own.tell(this.run)
    this.#lapsed()
    return true
  }

  async #join(): Promise<void> {
    const { redis, layout, leaseMs } = this.#options
    const { name, address } = this.#announcement
    await redis.run(joinScript.on([layout.nodes], [this.run, name, address, leaseMs, layout.nodesChannel]))
    this.#isTaken = false
  }

  /** Others may go on for a while with what they knew; only then has the last of them found its sessions again. */
  #lapsed(): void {
    const { clock, viewMs, logger } = this.#options
    logger.warn('the sessions of this node could not be found for a while', { node: this.name })
    this.#telling?.cancel()
    this.#telling = clock.after(viewMs, () => this.#announcement.onLapsed?.())
  }

  #pause(forMs: Milliseconds): Promise<void> {
    const { clock } = this.#options
    const waking = new AbortController()
    this.#hurry = () => waking.abort()
    const signal = AbortSignal.any([waking.signal, this.#ending.signal])
    return pause(clock, forMs, signal)
  }

  #taken(): ParlanceError {
    return new NodeNameTakenError(
      `node ${this.name} is not part of the cluster: it has left, or another one has its name`,
    )
  }
}
