import { type Clock, type Count, type Gauge, type Milliseconds, OverloadedError } from '@parlance/core'
import { type Mongo, MongoDuplicateError } from '@parlance/engines/mongo'
import type { Collection } from 'mongodb'
import type { SpreadRequest, WaitingSpread } from '../entity-store.ts'

interface SpreadDocument {
  readonly _id: number
  /** Touch, place and source: changes of a moment share it. */
  readonly name: string
  readonly touch: string
  readonly place: string
  readonly source: string
  /** How often it was asked for. */
  readonly asked: number
  /** How often it had been asked for when the rows began to have their turns. */
  readonly begun?: number
  /** The key of the last row that had its turn. */
  readonly after?: string
  readonly claimedBy?: string
  readonly claimedUntil?: Date
}

/** A waiting touch with how far it came. */
export interface SpreadProgress {
  readonly id: number
  readonly asked: number
  readonly begun: number | undefined
  readonly after: string | undefined
}

const spreads = 'entities.spreads'
const idsPerMillisecond = 4096
const countedForMs: Milliseconds = 1_000

/** What a {@link SpreadTable} works with. */
export interface SpreadTableOptions {
  readonly mongo: Mongo
  /** This process, among those that spread. */
  readonly owner: string
  readonly maxWaiting: Count
  /** How long a batch may take before another process does it. */
  readonly leaseMs: Milliseconds
  readonly clock: Clock
  readonly random: () => number
  readonly gauge: Gauge
}

/** The touches of a database that wait to be spread. */
export class SpreadTable {
  readonly #options: SpreadTableOptions
  readonly #mongo: Mongo
  #ready: Promise<void> | undefined
  #counted: { readonly count: Count; readonly at: Milliseconds } | undefined

  constructor(options: SpreadTableOptions) {
    this.#options = options
    this.#mongo = options.mongo
  }

  /**
   * Counts at most once a second; what others ask for in the meantime is on top.
   *
   * @throws OverloadedError when too many touches wait.
   */
  async assertRoom(): Promise<void> {
    const { clock, gauge, maxWaiting } = this.#options
    if (this.#counted === undefined || clock.elapsed() - this.#counted.at >= countedForMs) {
      const count = await this.#on((on) => on.estimatedDocumentCount())
      this.#counted = { count, at: clock.elapsed() }
      gauge.set(count)
    }
    if (this.#counted.count >= maxWaiting)
      throw new OverloadedError(
        `${this.#counted.count} changes wait to be spread to the rows that show them: try again later`,
      )
  }

  /** Keeps a touch waiting. One round trip; repeated it asks for another turn, which does no harm. */
  async ask({ touch, place, source }: Pick<SpreadRequest, 'touch' | 'place' | 'source'>): Promise<void> {
    await this.#prepared()
    const { clock, random } = this.#options
    const name = JSON.stringify([touch, place, source])
    for (;;) {
      const _id = clock.now() * idsPerMillisecond + Math.floor(random() * idsPerMillisecond)
      try {
        await this.#on((on) =>
          on.updateOne({ name }, { $inc: { asked: 1 }, $setOnInsert: { _id, touch, place, source } }, { upsert: true }),
        )
        return
      } catch (error) {
        if (!(error instanceof MongoDuplicateError)) throw error
      }
    }
  }

  /** Those that no other process works on. One round trip. */
  async page(afterID: number, limit: Count): Promise<WaitingSpread[]> {
    const found = await this.#on((on) =>
      on.find({ _id: { $gt: afterID }, $or: this.#unclaimed() }, { sort: { _id: 1 }, limit }).toArray(),
    )
    return found.map(({ _id, touch, place, source }) => ({ id: _id, touch, place, source }))
  }

  /** Keeps a touch for this process until its batch is done; `undefined` when there is none, or another process has it. */
  async claim(id: number): Promise<SpreadProgress | undefined> {
    const { owner, leaseMs, clock } = this.#options
    const claimedUntil = new Date(clock.now() + leaseMs)
    const found = await this.#on((on) =>
      on.findOneAndUpdate(
        { _id: id, $or: this.#unclaimed() },
        { $set: { claimedBy: owner, claimedUntil } },
        { returnDocument: 'after' },
      ),
    )
    return found === null ? undefined : { id, asked: found.asked, begun: found.begun, after: found.after }
  }

  /** The rows up to `after` had their turn. One round trip. */
  async move({ id, asked, begun = asked }: SpreadProgress, after: string): Promise<void> {
    await this.#on((on) => on.updateOne(this.#mine(id), { $set: { after, begun }, $unset: this.#free() }))
  }

  /** All rows had their turn; if it was asked for meanwhile they get another. One round trip, two for those. */
  async finish({ id, asked, begun = asked }: SpreadProgress): Promise<void> {
    const { deletedCount } = await this.#on((on) => on.deleteOne({ ...this.#mine(id), asked: begun }))
    if (deletedCount === 0)
      await this.#on((on) => on.updateOne(this.#mine(id), { $unset: { after: 1, begun: 1, ...this.#free() } }))
  }

  /** Lets others have it. */
  async release(id: number): Promise<void> {
    await this.#on((on) => on.updateOne(this.#mine(id), { $unset: this.#free() }))
  }

  #mine(_id: number) {
    return { _id, claimedBy: this.#options.owner }
  }

  #free(): { claimedBy: 1; claimedUntil: 1 } {
    return { claimedBy: 1, claimedUntil: 1 }
  }

  #unclaimed() {
    const { owner, clock } = this.#options
    return [{ claimedBy: { $exists: false } }, { claimedBy: owner }, { claimedUntil: { $lt: new Date(clock.now()) } }]
  }

  #on<T>(work: (on: Collection<SpreadDocument>) => Promise<T>): Promise<T> {
    return this.#mongo.on<SpreadDocument, T>(spreads, work)
  }

  #prepared(): Promise<void> {
    this.#ready ??= this.#mongo.ensureIndexes(spreads, [{ key: { name: 1 }, unique: true }]).catch((error: unknown) => {
      this.#ready = undefined
      throw error
    })
    return this.#ready
  }
}
