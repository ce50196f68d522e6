import {
  backoffMs,
  ClosedError,
  type Count,
  type Counter,
  deferred,
  type Gauge,
  type Milliseconds,
  type ParlanceError,
  pause,
  type Timer,
} from '@parlance/core'
import { awake, convertKafkaError } from '@parlance/engines/kafka'
import { Membership, type MembershipOptions } from './membership.ts'

/** What a subscription works with. */
export interface SubscriptionOptions extends Omit<MembershipOptions, 'onProgress' | 'onFailed'> {
  readonly lag: Gauge
  readonly failures: Counter
  readonly restarts: Counter
  /** How often the ends of the partitions are asked for, for the lag. */
  readonly lookMs: Milliseconds
}

/** Keeps a membership in a group for as long as it is open: one that ends is followed by another. */
export class Subscription {
  readonly #options: SubscriptionOptions
  readonly #closing = new AbortController()
  readonly #targets: ReadonlyMap<number, number>
  readonly #caughtUp = deferred()
  #member: Membership | undefined
  #running: Promise<void> | undefined
  #closed: Promise<void> | undefined
  #look: Timer | undefined
  #problem: ParlanceError | undefined
  #hasJoined = false

  /** @param targets - where each partition ended when the subscription began. */
  constructor(options: SubscriptionOptions, targets: ReadonlyMap<number, number>) {
    this.#options = options
    this.#targets = targets
  }

  /** What keeps it from consuming at the moment. */
  get problem(): ParlanceError | undefined {
    return this.#problem
  }

  /** Begins; resolves when this member has handled, of the partitions it has, what was there at the start. */
  start(): Promise<void> {
    this.#running = awake(this.#run())
    this.#lookAgain()
    return this.#caughtUp.promise
  }

  /** Waits for the batches being handled, then leaves the group. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const { topic, lag } = this.#options
    this.#closing.abort(new ClosedError(`consuming ${topic} was stopped`))
    this.#look?.cancel()
    await this.#member?.stop()
    await this.#running
    this.#caughtUp.reject(this.#closing.signal.reason)
    lag.set(0)
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    const { clock, logger, topic, consumerGroup, restarts } = this.#options
    for (let attempt = 1; !signal.aborted; attempt++) {
      const joinedBefore = this.#hasJoined
      const member = new Membership({
        ...this.#options,
        onProgress: () => this.#progress(member),
        onFailed: (partition, error, tries) => this.#failed(partition, error, tries),
      })
      this.#member = member
      member.start()
      const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      const error = await Promise.race([ended, member.failed.catch((reason: unknown) => reason)])
      if (signal.aborted) return
      this.#problem = convertKafkaError(error, `group ${consumerGroup}`)
      await member.stop()
      if (!this.#hasJoined && !this.#problem.retryable) return this.#caughtUp.reject(this.#problem)
      restarts.add()
      logger.warn('a consumer lost its group; it joins again', { topic, group: consumerGroup, error: this.#problem })
      if (this.#hasJoined && !joinedBefore) attempt = 1
      await pause(clock, backoffMs(attempt, { firstMs: 250, maxMs: 5000 }), signal)
    }
  }

  #progress(member: Membership): void {
    if (member !== this.#member || member.workers === undefined) return
    this.#hasJoined = true
    this.#problem = undefined
    this.#measure(member)
    for (const { partition, position } of member.workers.values())
      if (position < (this.#targets.get(partition) ?? 0)) return
    this.#caughtUp.resolve()
  }

  #measure({ workers }: Membership): void {
    this.#options.lag.set([...(workers?.values() ?? [])].reduce((sum, { lag }) => sum + lag, 0))
  }

  #failed(partition: number, error: unknown, attempt: Count): void {
    const { failures, logger, topic, consumerGroup } = this.#options
    failures.add()
    logger.warn('a consumer failed; its batch will be tried again', {
      topic,
      group: consumerGroup,
      partition,
      attempt,
      error,
    })
  }

  #lookAgain(): void {
    const { clock, lookMs, logger, topic } = this.#options
    this.#look = clock.after(lookMs, () => {
      void (async () => {
        try {
          await this.#member?.lookAtEnds()
        } catch (error) {
          logger.debug('cannot ask for the ends of a topic', { topic, error })
        }
        if (!this.#closing.signal.aborted) this.#lookAgain()
      })()
    })
  }
}
