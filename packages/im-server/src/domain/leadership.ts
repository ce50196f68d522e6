import { RowConflictError, RowNotFoundError } from '@parlance/cached-repository'
import { type Clock, type Logger, type Milliseconds, silentLogger, systemClock, type Timer } from '@parlance/core'
import type { ImRepositories } from './repositories.ts'

/** The work of the role cron. */
export const housekeeping = 'housekeeping'

/** What {@link Leadership} needs. */
export interface LeadershipOptions {
  readonly repositories: Pick<ImRepositories, 'leases'>
  /** Names the work. */
  readonly work: string
  /** Names this process among those that may do it. */
  readonly owner: string
  /** Called when this process becomes the one that does the work, and when it no longer is; again at the next beat when it fails. */
  readonly onChange: (isLeader: boolean) => void | Promise<void>
  readonly clock?: Clock
  readonly logger?: Logger
}

/** How often the leader says that it is there, and the others look. */
const beatMs: Milliseconds = 3_000
/** Who has not been heard of for so long does the work no more. */
const silentMs: Milliseconds = 10_000
/** A leader that could not say so for this long has stopped before anybody else begins. */
const resignMs: Milliseconds = 7_000

/**
 * Finds one process among many to do a work.
 *
 * The leader writes its row every three seconds; one that did not change for ten is taken over by who notices first. Each process
 * measures with its own clock only, so clocks need not agree. For a moment two may think that they lead, if one is stopped in the
 * middle of it: the work has to bear that.
 */
export class Leadership {
  readonly #leases: ImRepositories['leases']
  readonly #options: LeadershipOptions
  readonly #clock: Clock
  readonly #logger: Logger
  #timer: Timer | undefined
  #turn: Promise<void> = Promise.resolve()
  #isStopped = false
  #isLeader = false
  #heardAt: Milliseconds
  #seen = 0

  constructor(options: LeadershipOptions) {
    this.#leases = options.repositories.leases
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? silentLogger
    this.#heardAt = this.#clock.elapsed()
  }

  /** Begins; resolves once it was asked who leads. When that cannot be told it is logged, and asked again. */
  start(): Promise<void> {
    this.#turn = this.#take()
    return this.#turn
  }

  /** Ends, and leaves the work to somebody else at once. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#turn
    if (!this.#isLeader) return
    await this.#become(false)
    const found = await this.#find()
    if (found?.row.owner === this.#options.owner) await this.#leases.delete({ work: this.#options.work })
  }

  async #take(): Promise<void> {
    const { work } = this.#options
    let isLeader = this.#isLeader
    try {
      isLeader = await this.#campaign()
    } catch (error) {
      this.#logger.warn('it could not be found out who leads', { work, error })
      if (this.#clock.elapsed() - this.#heardAt >= resignMs) isLeader = false
    }
    try {
      await this.#become(isLeader)
    } catch (error) {
      this.#logger.error('the work could not be begun or ended; trying again', { work, error })
    }
    if (this.#isStopped) return
    this.#timer = this.#clock.after(beatMs, () => {
      this.#turn = this.#take()
    })
  }

  async #campaign(): Promise<boolean> {
    const { work, owner } = this.#options
    const asked = this.#clock.elapsed()
    const found = await this.#find()
    try {
      if (found === undefined) await this.#leases.insert({ work, owner })
      else {
        if (found.revision !== this.#seen) {
          this.#seen = found.revision
          if (found.row.owner !== owner) this.#heardAt = asked
        }
        if (found.row.owner !== owner && asked - this.#heardAt < silentMs) return false
        await this.#leases.patch({ work }, { owner }, { ifRevision: found.revision })
      }
    } catch (error) {
      if (!(error instanceof RowConflictError || error instanceof RowNotFoundError)) throw error
      return false
    }
    this.#heardAt = asked
    return true
  }

  #find() {
    return this.#leases.getWithRevision({ work: this.#options.work }, { read: 'store' })
  }

  async #become(isLeader: boolean): Promise<void> {
    if (this.#isLeader === isLeader) return
    await this.#options.onChange(isLeader)
    this.#isLeader = isLeader
    this.#logger.info(isLeader ? 'this process leads' : 'this process leads no more', { work: this.#options.work })
  }
}
