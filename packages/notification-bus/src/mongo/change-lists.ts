import { randomBytes } from 'node:crypto'
import {
  type Bytes,
  type Clock,
  type Count,
  type Counter,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
} from '@parlance/core'
import { type Mongo, MongoDuplicateError } from '@parlance/engines/mongo'
import type { AppendOptions, Change, ChangeLists, ListDelta, Position } from '../change-list.ts'
import {
  assertChanges,
  assertKeptVersions,
  assertLimit,
  canContinue,
  type ElementState,
  epochOf,
  firstVersion,
  toDelta,
} from '../list-delta.ts'
import { assertListName, assertOperation } from '../names.ts'
import {
  byElement,
  collections,
  type ElementDocument,
  entriesOf,
  type HeadDocument,
  stateAfter,
  versionAfter,
} from './documents.ts'
import { ListFolder } from './list-folder.ts'
import { ListWriter } from './list-writer.ts'

/**
 * Change lists in MongoDB, for any number of processes.
 *
 * Round trips: `append` one for all lists of all calls of the same moment (three for a repeated operation, or one that
 * meets another process making the same list); `since` one when nothing changed or the answer is `full`, two otherwise;
 * `positions` one. About every 64 changes of a list four to seven more follow behind the callers' backs.
 */
export interface MongoChangeLists extends ChangeLists {
  /**
   * Forgets removed elements older than the newest `keepVersions` versions: readers behind that get `full`.
   *
   * For those that want less than what happens by itself (`keptVersions`). The floor rises at once, the space is freed by a
   * later call, after `graceMs`. Seven round trips at most for a tail of up to 2000 changes.
   */
  compact(list: string, keepVersions: Count): Promise<void>
  /** Resolves once no work goes on behind the callers' backs. */
  idle(): Promise<void>
  /** Takes no more changes and finishes what was begun; leaves the connection open. */
  close(): Promise<void>
}

/** What change lists in MongoDB need. */
export interface MongoChangeListsOptions {
  readonly mongo: Mongo
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
  /** Where the epochs of a new database come from. @defaultValue the machine's secure randomness */
  readonly random?: (length: Bytes) => Uint8Array
  /** A number in [0, 1), which decides whether an append is followed by a fold. @defaultValue Math.random */
  readonly chance?: () => number
  /** About so many changes stay in a list's tail. @defaultValue 64 */
  readonly foldEvery?: Count
  /**
   * Removals older than the newest so many versions of their list are forgotten; readers behind a forgotten one get `full`.
   *
   * @defaultValue 10 000
   */
  readonly keptVersions?: Count
  /**
   * Time between telling readers that removals are forgotten and forgetting them: longer than any call takes.
   *
   * @defaultValue 600 000
   */
  readonly graceMs?: Milliseconds
  /** Changes that may wait in memory for their write. @defaultValue 100 000 */
  readonly maxWaiting?: Count
}

/** Opens the change lists of a database; any number of processes may. Two or three round trips. */
export async function openMongoChangeLists(options: MongoChangeListsOptions): Promise<MongoChangeLists> {
  const { mongo, random = randomBytes, keptVersions = 10_000 } = options
  assertKeptVersions('keptVersions', keptVersions)
  // Serves both the reader of what changed and whoever looks for old removals.
  await mongo.ensureIndexes(collections.elements, [{ key: { list: 1, removed: 1, version: 1 }, name: 'by_version' }])
  return new ChangeListsInMongo(options, await seedOf(mongo, Buffer.from(random(12)).toString('hex')))
}

interface SeedDocument {
  readonly _id: 'seed'
  readonly seed: string
}

async function seedOf(mongo: Mongo, fresh: string): Promise<string> {
  const find = (): Promise<SeedDocument | null> =>
    mongo.on<SeedDocument, SeedDocument | null>(collections.seeds, (on) => on.findOne({ _id: 'seed' }))
  const found = await find()
  if (found !== null) return found.seed
  try {
    await mongo.on<SeedDocument, unknown>(collections.seeds, (on) => on.insertOne({ _id: 'seed', seed: fresh }))
    return fresh
  } catch (error) {
    // Another process came first: its seed is the one.
    if (error instanceof MongoDuplicateError) return (await find())!.seed
    throw error
  }
}

class ChangeListsInMongo implements MongoChangeLists {
  readonly #mongo: Mongo
  readonly #seed: string
  readonly #writer: ListWriter
  readonly #folder: ListFolder
  readonly #foldEvery: Count
  readonly #fullCount: Counter

  constructor(options: MongoChangeListsOptions, seed: string) {
    const { mongo, clock = systemClock, logger = silentLogger, metrics = noMetrics, chance = Math.random } = options
    const { foldEvery = 64, keptVersions = 10_000, graceMs = 600_000, maxWaiting = 100_000 } = options
    this.#mongo = mongo
    this.#seed = seed
    this.#foldEvery = foldEvery
    this.#fullCount = metrics.counter('parlance_change_list_full_total', 'Readers told to read everything again')
    const failures = metrics.counter(
      'parlance_change_list_fold_failures_total',
      'Change lists that could not be folded',
    )
    const appended = metrics.counter('parlance_change_list_changes_total', 'Changes appended to change lists')
    this.#folder = new ListFolder({ mongo, clock, logger, failures, keptVersions, graceMs })
    this.#writer = new ListWriter({
      mongo,
      maxWaiting,
      fold: (list) => this.#folder.fold(list),
      onAppended: (list, changes) => {
        appended.add(changes)
        if (chance() < changes / foldEvery) this.#folder.foldSoon(list)
      },
    })
  }

  async append(changes: readonly Change[], { operation }: AppendOptions = {}): Promise<void> {
    assertChanges(changes)
    assertOperation(operation)
    await this.#writer.append(changes, operation)
  }

  async since(list: string, position: Position | undefined, limit: Count = 1000): Promise<ListDelta> {
    assertListName(list)
    assertLimit(limit)
    const document = await this.#mongo.on<HeadDocument, HeadDocument | null>(collections.heads, (on) =>
      on.findOne({ _id: list }, { projection: { ops: 0 } }),
    )
    const { count = 0, folded = 0, floor = firstVersion } = document ?? {}
    const head = { epoch: epochOf(this.#seed, list), version: versionAfter(count), floor }
    if (count - folded >= 2 * this.#foldEvery) this.#folder.foldSoon(list)
    if (!canContinue(head, position)) {
      this.#fullCount.add()
      return { kind: 'full', position: { epoch: head.epoch, version: head.version } }
    }
    if (document === null || position.version === head.version) return toDelta([], position, limit, head)
    return toDelta(await this.#changedSince(document, position.version, limit), position, limit, head)
  }

  async positions(lists: readonly string[]): Promise<Position[]> {
    lists.forEach(assertListName)
    const heads = await this.#mongo.on<HeadDocument, HeadDocument[]>(collections.heads, (on) =>
      on
        .find({ _id: { $in: [...new Set(lists)] } })
        .project<HeadDocument>({ count: 1 })
        .toArray(),
    )
    const counts = new Map(heads.map(({ _id, count }) => [_id, count]))
    return lists.map((list) => ({ epoch: epochOf(this.#seed, list), version: versionAfter(counts.get(list) ?? 0) }))
  }

  async compact(list: string, keepVersions: Count): Promise<void> {
    assertListName(list)
    assertKeptVersions('keepVersions', keepVersions)
    await this.#folder.compact(list, keepVersions)
  }

  idle(): Promise<void> {
    return this.#folder.idle()
  }

  async close(): Promise<void> {
    await this.#writer.close()
    await this.#folder.idle()
  }

  /**
   * At least `limit + 1` elements changed after a version, if there are as many: in order, and none left out between them.
   *
   * A change that left the tail after the head was read is in the elements. What was not changed in the tail, and not
   * before it either, changed after the head: it comes with the next delta.
   */
  async #changedSince(head: HeadDocument, version: number, limit: Count): Promise<ElementState[]> {
    const entries = byElement(entriesOf(head))
    const named = [...entries.keys()].filter((element) => entries.get(element)!.at(-1)!.version > version)
    const isBehindTail = version < versionAfter(head.folded ?? 0)
    const [before, folded] = await Promise.all([
      this.#folder.readElements(head._id, named),
      isBehindTail ? this.#foldedSince(head._id, version, limit + 1 + named.length) : [],
    ])
    const recent = named.map((element) => stateAfter(before.get(element), entries.get(element)!))
    const isRecent = new Set(named)
    const states = [...folded.filter(({ element }) => !isRecent.has(element)), ...recent]
    const horizon = folded.length > limit + named.length ? folded.at(-1)!.version : Infinity
    return states.filter((state) => state.version <= horizon).toSorted((a, b) => a.version - b.version)
  }

  #foldedSince(list: string, version: number, limit: Count): Promise<ElementDocument[]> {
    return this.#mongo.on<ElementDocument, ElementDocument[]>(collections.elements, (on) =>
      on
        .find({ list, removed: { $in: [false, true] }, version: { $gt: version } })
        .sort({ version: 1 })
        .limit(limit)
        .toArray(),
    )
  }
}
