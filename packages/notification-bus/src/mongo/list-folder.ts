import { type Clock, type Count, type Counter, type Logger, type Milliseconds, TimeoutError } from '@parlance/core'
import { type Mongo, MongoDuplicateError } from '@parlance/engines/mongo'
import type { ElementState } from '../list-delta.ts'
import { firstVersion } from '../list-delta.ts'
import {
  byElement,
  collections,
  type ElementDocument,
  elementID,
  entriesOf,
  type Entry,
  type HeadDocument,
  stateAfter,
  versionAfter,
} from './documents.ts'

/** A fold that took longer since it read the tail writes nothing: what it read may be forgotten by now. */
const maxFoldMs: Milliseconds = 60_000
const maxFoldedChanges: Count = 2000
const maxTries: Count = 20
const maxFolds: Count = 2
const maxQueuedFolds: Count = 10_000

/** What a {@link ListFolder} needs. */
export interface ListFolderOptions {
  readonly mongo: Mongo
  readonly clock: Clock
  readonly logger: Logger
  readonly failures: Counter
  readonly keptVersions: Count
  readonly graceMs: Milliseconds
}

/**
 * Moves changes from the tails of heads to the elements, and forgets old removals.
 *
 * Any number of processes may do so at once, and each may end at any step. An element is written only from the state that
 * was read (compare-and-set on its version), as a function of the list's history alone, so whoever comes first writes what
 * the others would have written. A batch leaves the tail only when its elements are durable.
 */
export class ListFolder {
  readonly #options: ListFolderOptions
  readonly #folds = new Map<string, Promise<void>>()
  readonly #queue = new Set<string>()
  readonly #running = new Set<Promise<void>>()

  constructor(options: ListFolderOptions) {
    this.#options = options
  }

  /** Folds a list soon, behind the caller's back; a failure is logged and left to the next occasion. */
  foldSoon(list: string): void {
    if (this.#queue.size >= maxQueuedFolds) return
    this.#queue.add(list)
    this.#next()
  }

  /** Resolves once nothing runs behind anybody's back. */
  async idle(): Promise<void> {
    while (this.#running.size + this.#folds.size > 0)
      await Promise.allSettled([...this.#running, ...this.#folds.values()])
  }

  /** Four round trips for each 2000 changes in the tail, more when others fold the same list. */
  fold(list: string): Promise<void> {
    const running = this.#folds.get(list)
    if (running !== undefined) return running
    const fold = this.#fold(list).finally(() => {
      this.#folds.delete(list)
      this.#next()
    })
    this.#folds.set(list, fold)
    return fold
  }

  /** Folds, then raises the floor so that at most `keepVersions` versions can be continued from. */
  async compact(list: string, keepVersions: Count): Promise<void> {
    await this.fold(list)
    const head = await this.#headOf(list)
    if (head === null) return
    const below = Math.min(versionAfter(head.count) - keepVersions, versionAfter(head.folded ?? 0))
    await this.#forget(head)
    if (below > floorOf(head)) await this.#raiseFloor(head, below)
  }

  #next(): void {
    for (const list of this.#queue) {
      if (this.#running.size >= maxFolds) return
      // One under way may have read the tail before what this one is asked for.
      if (this.#folds.has(list)) continue
      this.#queue.delete(list)
      const run = this.fold(list)
        .catch((error: unknown) => {
          this.#options.failures.add()
          this.#options.logger.warn('a change list could not be folded; it is tried again later', { list, error })
        })
        .finally(() => {
          this.#running.delete(run)
          this.#next()
        })
      this.#running.add(run)
    }
  }

  async #fold(list: string): Promise<void> {
    for (;;) {
      const startedAt = this.#options.clock.elapsed()
      const head = await this.#headOf(list)
      if (head === null) return
      const batches = prefixOf(head)
      if (batches.length === 0) return this.#compactIfDue(head)
      const count = batches.reduce((sum, { c }) => sum + c.length, 0)
      await this.#store(list, byElement(entriesOf(head).slice(0, count)), startedAt)
      const left = await this.#cut(
        list,
        batches.map(({ b }) => b),
        (head.folded ?? 0) + count,
      )
      if (left === null) return
      if (left.count - (left.folded ?? 0) < maxFoldedChanges) return this.#compactIfDue(left)
    }
  }

  #headOf(list: string): Promise<HeadDocument | null> {
    return this.#options.mongo.on<HeadDocument, HeadDocument | null>(collections.heads, (on) =>
      on.findOne({ _id: list }, { projection: { ops: 0 } }),
    )
  }

  async #store(list: string, changed: ReadonlyMap<string, readonly Entry[]>, startedAt: Milliseconds): Promise<void> {
    let left = [...changed.keys()]
    for (let tries = 0; left.length > 0; tries++) {
      if (tries === maxTries) throw new TimeoutError('others kept changing the same elements', { details: { list } })
      const before = await this.readElements(list, left)
      const states = left.flatMap((element) => {
        const known = before.get(element)
        const state = stateAfter(known, changed.get(element)!)
        return state.version === known?.version ? [] : [{ state, replaces: known?.version ?? 0 }]
      })
      if (this.#options.clock.elapsed() - startedAt > maxFoldMs)
        throw new TimeoutError('a fold took too long and wrote nothing', { details: { list } })
      left = (await this.#replace(list, states)).map((position) => states[position]!.state.element)
    }
  }

  /** Returns the places of those that somebody else wrote meanwhile. */
  async #replace(
    list: string,
    states: readonly { readonly state: ElementState; readonly replaces: number }[],
  ): Promise<readonly number[]> {
    if (states.length === 0) return []
    const updates = states.map(({ state: { element, ...state }, replaces }) => ({
      updateOne: {
        filter: { _id: elementID(list, element), version: replaces },
        update: { $set: { list, element, ...state } },
        upsert: true,
      },
    }))
    try {
      await this.#options.mongo.on<ElementDocument, unknown>(collections.elements, (on) =>
        on.bulkWrite(updates, { ordered: false }),
      )
      return []
    } catch (error) {
      if (error instanceof MongoDuplicateError) return error.positions
      throw error
    }
  }

  /** The elements' states as far as they are folded. One round trip. */
  async readElements(list: string, elements: readonly string[]): Promise<Map<string, ElementState>> {
    if (elements.length === 0) return new Map()
    const found = await this.#options.mongo.on<ElementDocument, ElementDocument[]>(collections.elements, (on) =>
      on.find({ _id: { $in: elements.map((element) => elementID(list, element)) } }).toArray(),
    )
    return new Map(found.map((one) => [one.element, one]))
  }

  #cut(list: string, batches: readonly string[], folded: Count): Promise<HeadDocument | null> {
    return this.#options.mongo.on<HeadDocument, HeadDocument | null>(collections.heads, (on) =>
      on.findOneAndUpdate(
        { _id: list },
        { $pull: { tail: { b: { $in: [...batches] } } }, $max: { folded } },
        { returnDocument: 'after', projection: { ops: 0, tail: 0 } },
      ),
    )
  }

  // Only up to the newest removal: a list from which nothing is removed can be continued from its beginning.
  async #compactIfDue(head: HeadDocument): Promise<void> {
    const below = Math.min(versionAfter(head.count) - this.#options.keptVersions, versionAfter(head.folded ?? 0))
    if (below <= floorOf(head) || !this.#isRested(head)) return
    await this.#forget(head)
    const newest = await this.#options.mongo.on<ElementDocument, ElementDocument | null>(collections.elements, (on) =>
      on.findOne({ list: head._id, removed: true, version: { $lte: below } }, { sort: { version: -1 } }),
    )
    if (newest !== null && newest.version > floorOf(head)) await this.#raiseFloor(head, newest.version)
  }

  /** Nobody is still at work who read the head before its floor was raised. */
  #isRested({ raisedAt }: HeadDocument): boolean {
    return raisedAt === undefined || this.#options.clock.now() - raisedAt >= this.#options.graceMs
  }

  async #forget(head: HeadDocument): Promise<void> {
    if (floorOf(head) <= firstVersion || !this.#isRested(head)) return
    await this.#options.mongo.on<ElementDocument, unknown>(collections.elements, (on) =>
      on.deleteMany({ list: head._id, removed: true, version: { $lte: floorOf(head) } }),
    )
  }

  async #raiseFloor({ _id, floor }: HeadDocument, to: number): Promise<void> {
    await this.#options.mongo.on<HeadDocument, unknown>(collections.heads, (on) =>
      on.updateOne(
        { _id, floor: floor ?? { $exists: false } },
        { $set: { floor: to, raisedAt: this.#options.clock.now() } },
      ),
    )
  }
}

const floorOf = ({ floor = firstVersion }: HeadDocument): number => floor

function prefixOf({ tail = [] }: HeadDocument): HeadDocument['tail'] & {} {
  let changes = 0
  const end = tail.findIndex(({ c }, index) => {
    changes += c.length
    return index > 0 && changes > maxFoldedChanges
  })
  return end === -1 ? tail : tail.slice(0, end)
}
