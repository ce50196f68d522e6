import type { Clock, Count, Gauge, Logger, Metrics, Milliseconds, Timer } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import { ImError } from '../im-error.ts'
import type { Admission } from './push-backlog.ts'

/** What {@link LagAdmission} needs. */
export interface LagAdmissionOptions {
  /** More messages than this accepted and not yet pushed, and senders are told to wait. */
  readonly limit: Count
  /** How many those are, in the whole cluster. */
  readonly lag: () => Promise<Count>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

const lookMs: Milliseconds = 1_000

/**
 * Bounds what is accepted ahead of what is delivered, by looking every second how far the processes that deliver have come.
 *
 * While that cannot be told, the last answer counts: whether a message can be accepted at all, the log itself says then.
 */
export class LagAdmission implements Admission {
  readonly #options: LagAdmissionOptions
  readonly #gauge: Gauge
  #lag: Count = 0
  #timer: Timer | undefined
  #look: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(options: LagAdmissionOptions) {
    this.#options = options
    this.#gauge = options.metrics.gauge(
      'parlance_im_push_backlog_messages',
      'Messages accepted and not yet pushed, in the whole cluster',
    )
  }

  start(): void {
    this.#look = this.#lookAndGoOn()
  }

  stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    return this.#look
  }

  enter(): void {
    if (this.#lag >= this.#options.limit)
      throw new ImError(errorCodes.ServerBusyError, 'the server is busy delivering: try again in a moment')
  }

  leave(): void {}

  async #lookAndGoOn(): Promise<void> {
    const { lag, clock, logger } = this.#options
    try {
      this.#lag = await lag()
      this.#gauge.set(this.#lag)
    } catch (error) {
      logger.warn('it could not be told how far delivery has come', { error })
    }
    if (this.#isStopped) return
    this.#timer = clock.after(lookMs, () => {
      this.#look = this.#lookAndGoOn()
    })
  }
}
