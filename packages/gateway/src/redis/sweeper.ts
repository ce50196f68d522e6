import type { Count, Logger } from '@parlance/core'
import { type Redis, redisCommand, type RedisReply } from '@parlance/engines/redis'
import type { Layout } from './layout.ts'
import { forgetScript, sweepScript } from './scripts.ts'

const batchCount: Count = 500

/** Removes what nodes that are gone left behind. Several processes may sweep after the same node: they share its subjects. */
export class Sweeper {
  readonly #redis: Redis
  readonly #layout: Layout
  readonly #logger: Logger
  readonly #sweeping = new Map<string, Promise<void>>()
  #isStopped = false

  constructor(redis: Redis, layout: Layout, logger: Logger) {
    this.#redis = redis
    this.#layout = layout
    this.#logger = logger
  }

  /** Sweeps after nodes in the background. */
  begin(runs: readonly string[]): void {
    for (const run of runs)
      this.sweep(run).catch((error: unknown) =>
        this.#logger.warn('what a node left behind could not be swept; it will be tried again', {
          error: String(error),
        }),
      )
  }

  /** Two round trips for each 500 subjects. @throws what Redis threw; what is left is swept another time. */
  sweep(run: string): Promise<void> {
    let sweeping = this.#sweeping.get(run)
    if (sweeping === undefined) {
      sweeping = this.#sweep(run).finally(() => void this.#sweeping.delete(run))
      this.#sweeping.set(run, sweeping)
    }
    return sweeping
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.allSettled(this.#sweeping.values())
  }

  async #sweep(run: string): Promise<void> {
    const key = this.#layout.subjectsOf(run)
    while (!this.#isStopped) {
      const subjects = (await this.#redis.run(redisCommand('SPOP', key, batchCount))) as RedisReply & readonly string[]
      if (subjects.length === 0) {
        await this.#redis.run(forgetScript.on([this.#layout.nodes], [run]))
        return
      }
      const outcomes = await this.#redis.runAll(
        subjects.map((subject) =>
          sweepScript.on([this.#layout.sessions(subject)], [run, this.#layout.sessionsChannel(subject)]),
        ),
      )
      const left = subjects.filter((_, index) => !outcomes[index]!.ok)
      if (left.length === 0) continue
      await this.#redis.run(redisCommand('SADD', key, ...left))
      const failed = outcomes.find((outcome) => !outcome.ok)
      if (failed !== undefined && !failed.ok) throw failed.error
    }
  }
}
