import { type Clock, type Logger, type Milliseconds, silentLogger, systemClock, type Timer } from '@parlance/core'
import type { Uploads } from './uploads.ts'

/** What {@link UploadSweeper} needs. */
export interface UploadSweeperOptions {
  readonly uploads: Pick<Uploads, 'sweep'>
  readonly logger?: Logger
  readonly clock?: Clock
}

const intervalMs: Milliseconds = 600_000

/** Removes uploads that nobody completed in time, every ten minutes. A sweep that fails is logged, and the next one comes. */
export class UploadSweeper {
  readonly #uploads: Pick<Uploads, 'sweep'>
  readonly #logger: Logger
  readonly #clock: Clock
  #timer: Timer | undefined
  #sweep: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor({ uploads, logger = silentLogger, clock = systemClock }: UploadSweeperOptions) {
    this.#uploads = uploads
    this.#logger = logger
    this.#clock = clock
  }

  /** Begins, with a sweep at once: a server may have been off for days. */
  start(): void {
    this.#sweep = this.#run()
  }

  /** Ends; resolves once no sweep is under way. */
  stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    return this.#sweep
  }

  async #run(): Promise<void> {
    try {
      const count = await this.#uploads.sweep()
      if (count > 0) this.#logger.info('uploads that were not completed in time are removed', { count })
    } catch (error) {
      this.#logger.error('uploads could not be swept', { error })
    }
    if (this.#isStopped) return
    this.#timer = this.#clock.after(intervalMs, () => {
      this.#sweep = this.#run()
    })
  }
}
