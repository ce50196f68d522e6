import { backoffMs, type Clock, type Count, type Counter, type Logger, type Metrics, wait } from '@parlance/core'
import { encodeRecords } from '@parlance/notification-bus'
import type { BoundSpread, Dependents, DependentsOf } from '../entity/dependents.ts'
import type { EntitySchema } from '../entity/schema.ts'
import type { AnyRow } from '../entity/values.ts'
import type { EntityStore, SpreadBatch, WaitingSpread } from '../entity-store.ts'

/** Rows touched in one atomic step. What is announced of them fits into one message, whatever their keys are. */
const batchCount: Count = 128
/** Touches that get a batch in the same round: a long one delays the others by its batches, not by its length. */
const roundCount: Count = 8

/** What a {@link Spreader} works with. */
export interface SpreaderOptions {
  readonly store: EntityStore
  readonly dependentsOf: DependentsOf
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

interface KnownSpread {
  readonly dependents: Dependents
  readonly spread: BoundSpread
}

/**
 * Spreads touches of many rows in the background: all that wait take turns, a batch each.
 *
 * Where each one stands is kept by the store in the transaction of the batch, so nothing is lost or done in vain when the
 * process ends at any point. A batch that fails is tried again until it succeeds.
 */
export class Spreader {
  readonly #store: EntityStore
  readonly #dependentsOf: DependentsOf
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #touches: Counter
  readonly #failures: Counter
  readonly #known = new Map<string, KnownSpread>()
  readonly #schemas = new Set<EntitySchema>()
  readonly #closed = new AbortController()
  #running: Promise<void> | undefined
  #isAwake = false

  constructor({ store, dependentsOf, clock, logger, metrics }: SpreaderOptions) {
    this.#store = store
    this.#dependentsOf = dependentsOf
    this.#clock = clock
    this.#logger = logger
    this.#touches = metrics.counter('parlance_repository_spread_touches_total', 'Rows touched by changes of other rows')
    this.#failures = metrics.counter('parlance_repository_spread_failures_total', 'Batches of touches that failed')
  }

  /** Spreads touches of this entity's rows too, those that wait from before included. */
  know(schema: EntitySchema): void {
    if (this.#schemas.has(schema)) return
    this.#schemas.add(schema)
    const dependents = this.#dependentsOf(schema)
    for (const spread of dependents.allSpreads) this.#known.set(spread.name, { dependents, spread })
    if (dependents.allSpreads.length > 0) this.wake()
  }

  /** Says that touches may wait. */
  wake(): void {
    if (this.#closed.signal.aborted) return
    this.#isAwake = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      if (this.#isAwake) this.wake()
    })
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Ends after the batches that are under way. */
  close(): void {
    this.#closed.abort()
    this.#isAwake = false
  }

  async #run(): Promise<void> {
    for (let failures = 0; this.#isAwake && !this.#closed.signal.aborted;) {
      this.#isAwake = false
      try {
        const failed = await this.#lap()
        if (failed === undefined) failures = 0
        else throw failed.reason
      } catch (error) {
        if (this.#closed.signal.aborted) return
        this.#isAwake = true
        this.#failures.add()
        this.#logger.warn('changes could not be spread to the rows that show them yet; trying again', { error })
        if (!(await this.#pause(++failures))) return
      }
    }
  }

  /** Gives everything that waits one batch; returns the last failure. */
  async #lap(): Promise<PromiseRejectedResult | undefined> {
    let failed: PromiseRejectedResult | undefined
    for (let afterID = 0; !this.#closed.signal.aborted;) {
      const waiting = await this.#store.waitingSpreads(afterID, roundCount)
      const results = await Promise.allSettled(waiting.map((one) => this.#batch(one)))
      for (const result of results) {
        if (result.status === 'rejected') failed = result
        else if (result.value) this.#isAwake = true
      }
      if (waiting.length < roundCount) break
      afterID = waiting.at(-1)!.id
    }
    return failed
  }

  /** True when there may be more to do. */
  async #batch(waiting: WaitingSpread): Promise<boolean> {
    const known = this.#known.get(waiting.touch)
    if (known === undefined) return false
    const { dependents, spread } = known
    const rows = { schema: dependents.schema, by: spread.by.decode(waiting.place) }
    const count = await this.#store.spread(waiting, rows, batchCount, (keys) => this.#batchOf(known, waiting, keys))
    this.#touches.add(count)
    return true
  }

  #batchOf({ dependents, spread }: KnownSpread, { source }: WaitingSpread, keys: readonly AnyRow[]): SpreadBatch {
    const changes = keys.map((key) => ({
      list: dependents.viewKey(spread.view, key),
      element: dependents.key.encode(key),
      kind: 'put' as const,
    }))
    const { announce, schema } = spread.touch
    if (announce === undefined || keys.length === 0) return { changes, announced: [] }
    const message = { source: this.#dependentsOf(schema).key.decode(source), keys }
    return { changes, announced: [{ topic: announce.name, records: encodeRecords(announce, [message]) }] }
  }

  async #pause(attempt: Count): Promise<boolean> {
    try {
      await wait(this.#clock, backoffMs(attempt, { firstMs: 100, maxMs: 10_000 }), this.#closed.signal)
      return true
    } catch (error) {
      if (error === this.#closed.signal.reason) return false
      throw error
    }
  }
}
