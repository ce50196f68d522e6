import { backoffMs, type Clock, type Counter, type Logger, type Metrics, wait } from '@parlance/core'
import type { InvalidationChannel, InvalidationReceiver } from '@parlance/notification-bus'
import type { Cache } from '@parlance/rockscache'
import type { StaleKeys } from '../entity/dependents.ts'
import type { Patch, ReadPath } from './read-path.ts'

const maxKeysPerMark = 10_000

/**
 * Makes what depends on a write untrue everywhere: at once in this process, then in the shared cache, then in the others.
 *
 * While the shared cache cannot be told, the keys stay pending, so this process reads them from the store, and telling is
 * tried again until it succeeds: a write that is durable is not reported as failed.
 */
export class Invalidation {
  readonly #reads: ReadPath
  readonly #cache: Cache
  readonly #channel: InvalidationChannel
  readonly #own: InvalidationReceiver
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #failures: Counter
  readonly #closed = new AbortController()

  constructor(
    reads: ReadPath,
    parts: {
      cache: Cache
      channel: InvalidationChannel
      own: InvalidationReceiver
      clock: Clock
      logger: Logger
      metrics: Metrics
    },
  ) {
    this.#reads = reads
    this.#cache = parts.cache
    this.#channel = parts.channel
    this.#own = parts.own
    this.#clock = parts.clock
    this.#logger = parts.logger
    this.#failures = parts.metrics.counter(
      'parlance_repository_undelivered_invalidations_total',
      'Tries to tell the shared cache or the channel about a write that failed',
    )
  }

  /** The synchronous part, at the moment of the commit. */
  begin({ shared, local }: StaleKeys, patches: readonly Patch[]): void {
    this.#reads.local.drop(local)
    this.#reads.suspend(shared, patches)
  }

  /** The rest. Resolves when every read of this process sees the write; repeats what fails in the background. */
  async finish(stale: StaleKeys): Promise<void> {
    try {
      await this.deliver(stale)
    } catch (error) {
      this.#failed(error)
      void this.#deliverAtLast(stale)
    }
  }

  /** One try of it. */
  async deliver({ shared, local }: StaleKeys): Promise<void> {
    const keys = [...shared]
    for (let start = 0; start < keys.length; start += maxKeysPerMark)
      await this.#cache.markStale(keys.slice(start, start + maxKeysPerMark))
    await this.#channel.publish([...keys, ...local], this.#own)
    this.#reads.settle(keys)
  }

  /** Ends the repetitions. */
  close(): void {
    this.#closed.abort()
  }

  async #deliverAtLast(stale: StaleKeys): Promise<void> {
    for (let attempt = 1; !this.#closed.signal.aborted; attempt++) {
      try {
        await wait(this.#clock, backoffMs(attempt, { firstMs: 100, maxMs: 5_000 }), this.#closed.signal)
        return await this.deliver(stale)
      } catch (error) {
        if (!this.#closed.signal.aborted) this.#failed(error)
      }
    }
  }

  #failed(error: unknown): void {
    this.#failures.add()
    this.#logger.warn('other processes could not be told about a write yet; trying again', { error })
  }
}
