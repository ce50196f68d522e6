import { backoffMs, type Clock, type Counter, type Logger, type Metrics, wait } from '@parlance/core'
import type { InvalidationChannel, InvalidationReceiver } from '@parlance/notification-bus'
import { type Cache, UndeliveredMarkError } from '@parlance/rockscache'
import type { StaleKeys } from '../entity/dependents.ts'
import type { Patch, ReadPath } from './read-path.ts'

const maxKeysPerMark = 10_000

/**
 * Makes what depends on a write untrue everywhere: at once in this process, then in the shared cache, then in the others.
 *
 * While the shared cache cannot be told, the keys stay pending, so this process reads them from the store: a write that is
 * durable is not reported as failed. The cache itself repeats what it could not deliver; processes that the channel could not
 * tell flush by themselves.
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

  /** The rest. Resolves when every read of this process sees the write; what fails is completed in the background. */
  async finish(stale: StaleKeys): Promise<void> {
    try {
      await this.deliver(stale)
    } catch (error) {
      this.#failed(error)
      void this.#deliverAtLast(stale, error)
    }
  }

  /** One try of it; it rejects when the shared cache could not be told. */
  async deliver({ shared, local }: StaleKeys): Promise<void> {
    const keys = [...shared]
    for (let start = 0; start < keys.length; start += maxKeysPerMark)
      await this.#cache.markStale(keys.slice(start, start + maxKeysPerMark))
    try {
      await this.#channel.publish([...keys, ...local], this.#own)
    } catch (error) {
      this.#failed(error)
    }
    this.#reads.settle(keys)
  }

  /** Ends the repetitions. */
  close(): void {
    this.#closed.abort()
  }

  async #deliverAtLast(stale: StaleKeys, failure: unknown): Promise<void> {
    const { signal } = this.#closed
    let reason = failure
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        if (reason instanceof UndeliveredMarkError) await reason.delivered
        else await wait(this.#clock, backoffMs(attempt, { firstMs: 100, maxMs: 5_000 }), signal)
        if (!signal.aborted) await this.deliver(stale)
        return
      } catch (error) {
        if (signal.aborted) return
        this.#failed(error)
        reason = error
      }
    }
  }

  #failed(error: unknown): void {
    this.#failures.add()
    this.#logger.warn('other processes could not be told about a write yet', { error })
  }
}
