import { randomBytes } from 'node:crypto'
import {
  type Clock,
  ClosedError,
  type Count,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
} from '@parlance/core'
import type { Mongo } from '@parlance/engines/mongo'
import type { AnyRow } from '../entity/values.ts'
import type { EntitySchema } from '../entity/schema.ts'
import type {
  EntityStore,
  EntityWrite,
  KeyRange,
  SpreadBatch,
  StoredRow,
  Succession,
  WaitingSpread,
  WriteEffects,
  WriteOutcome,
} from '../entity-store.ts'
import { isCondition, rowOrKeyOf } from '../write-outcome.ts'
import { ClearQueue } from './clear-queue.ts'
import type { Ground } from './contention.ts'
import { prepareEntity } from './entity-declaration.ts'
import { Finisher, type Outlets } from './finisher.ts'
import type { IntentRow } from './intent-table.ts'
import { writeJointly } from './joint-writer.ts'
import { KeyLocks } from './key-locks.ts'
import { MongoIntentTable } from './mongo-intent-table.ts'
import { MongoRowTable } from './mongo-row-table.ts'
import { RowQueries } from './row-queries.ts'
import { writeRow, type Written } from './row-writer.ts'
import { SpreadTable } from './spread-table.ts'
import { Sweeper } from './sweeper.ts'
import { nameOfRow, type PlannedSpread, planWrites, type WritePlan } from './write-plan.ts'

/** What an entity store on MongoDB needs. */
export interface MongoEntityStoreOptions extends Pick<Outlets, 'lists' | 'log'> {
  readonly mongo: Mongo
  /** More touches of many rows than this waiting to be spread: what asks for more is refused. @defaultValue 100 000 */
  readonly maxWaitingSpreads?: Count
  /**
   * What nobody took care of for so long is finished by another process, or undone. Longer than the clocks of the
   * processes differ and than the slowest command takes, several times over. @defaultValue 30 000
   */
  readonly leaseMs?: Milliseconds
  /** How long a write that is durable waits for its effects before it goes on without them. @defaultValue 3000 */
  readonly effectsWaitMs?: Milliseconds
  /** More durable writes than this without all their effects: further writes are refused. @defaultValue 10 000 */
  readonly maxUnfinished?: Count
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
  /** In [0, 1); seeded in tests. @defaultValue Math.random */
  readonly random?: () => number
  /** For tests: called before each durable step with its name. */
  readonly faults?: { beforeStep?(name: string): void }
}

/** An entity store that many processes may have open on one database. */
export interface MongoEntityStore extends EntityStore {
  /** Finishes or undoes at once what other processes left for longer than the lease; it happens by itself as well. */
  recover(): Promise<void>
  /** Resolves when every write of this process has had all its effects. */
  idle(): Promise<void>
  /** Takes no more writes, and resolves when those under way have ended. What is unfinished then is finished by others. */
  close(): Promise<void>
}

interface OpenEntity {
  readonly table: MongoRowTable
  readonly queries: RowQueries
  ready: Promise<void> | undefined
}

/**
 * Opens the entity store of a MongoDB database: a collection per entity with a field per field, an index per view.
 *
 * It needs nothing but atomic writes of single documents. One row is written by compare-and-set, several by an intent that one
 * write decides; readers may see the rows of one step arrive one after the other. Effects follow in the order told, appended,
 * spread, announced before `apply` resolves; those that fail are repeated, by another process if this one dies.
 *
 * Round trips: `getMany`, `keysOf` and `countOf` one; `apply` of one row two (an insert one), of several four, each at once for
 * all entities; besides what caches, lists, touches and announcements take, and one more, afterwards and shared by the writes of a moment,
 * which nobody waits for. The first call for an entity takes two or three before.
 */
export function createMongoEntityStore(options: MongoEntityStoreOptions): MongoEntityStore {
  return new DocumentEntityStore(options)
}

class DocumentEntityStore implements MongoEntityStore {
  readonly soleWriter = false
  readonly #mongo: Mongo
  readonly #ground: Ground
  readonly #outlets: Pick<Outlets, 'lists' | 'log'>
  readonly #entities = new Map<string, OpenEntity>()
  readonly #locks = new KeyLocks()
  readonly #spreads: SpreadTable
  readonly #finisher: Finisher
  readonly #sweeper: Sweeper
  #succession: Succession | undefined
  #isClosed = false

  constructor(options: MongoEntityStoreOptions) {
    const { mongo, lists, log, clock = systemClock, random = Math.random } = options
    const { logger = silentLogger, metrics = noMetrics, leaseMs = 30_000, maxWaitingSpreads = 100_000 } = options
    this.#mongo = mongo
    this.#outlets = { lists, log }
    this.#ground = {
      intents: new MongoIntentTable(mongo, (entity) => this.#entities.get(entity)?.table.documents),
      tableOf: (entity) => this.#entities.get(entity)?.table,
      clock,
      random,
      leaseMs,
      newOperation: () => `${clock.now().toString(16).padStart(12, '0')}${randomBytes(8).toString('hex')}`,
      beforeStep: (name) => options.faults?.beforeStep?.(name),
    }
    const gauge = metrics.gauge('parlance_repository_spreads_waiting', 'Changes that wait to be spread to other rows')
    const owner = randomBytes(12).toString('hex')
    this.#spreads = new SpreadTable({ mongo, owner, maxWaiting: maxWaitingSpreads, leaseMs, clock, random, gauge })
    const { effectsWaitMs = 3_000, maxUnfinished = 10_000 } = options
    this.#finisher = new Finisher(
      this.#ground,
      { lists, log, ask: (spreads) => this.#ask(spreads) },
      new ClearQueue(),
      { waitMs: effectsWaitMs, maxUnfinished, logger, metrics },
    )
    this.#sweeper = new Sweeper({
      ground: this.#ground,
      finisher: this.#finisher,
      tables: () => [...this.#entities.values()].map(({ table }) => table),
      succession: () => this.#succession,
      logger,
      metrics,
    })
  }

  open(schema: EntitySchema): void {
    if (this.#entities.get(schema.name)?.table.schema !== schema) {
      const table = new MongoRowTable(this.#mongo, schema)
      this.#entities.set(schema.name, { table, queries: new RowQueries(this.#mongo, schema), ready: undefined })
    }
    for (const toucher of schema.touchers) if (!this.#entities.has(toucher.schema.name)) this.open(toucher.schema)
  }

  async getMany(schema: EntitySchema, keys: readonly AnyRow[]): Promise<(StoredRow | undefined)[]> {
    const { table } = await this.#opened(schema)
    const ids = keys.map((key) => table.idOf(key))
    const found = await table.find(ids.length === 1 ? ids : [...new Set(ids)])
    return ids.map((id) => found.get(id))
  }

  async keysOf(schema: EntitySchema, view: string, by: AnyRow, range?: KeyRange): Promise<AnyRow[]> {
    return (await this.#opened(schema)).queries.keysOf(view, by, range)
  }

  async countOf(schema: EntitySchema, view: string, by: AnyRow): Promise<Count> {
    return (await this.#opened(schema)).queries.countOf(view, by)
  }

  async apply(writes: readonly EntityWrite[], effects: WriteEffects): Promise<WriteOutcome[]> {
    this.#assertOpen()
    this.#finisher.assertRoom()
    for (const schema of new Set(writes.map((write) => write.schema))) await this.#opened(schema)
    const rows = this.#rowsOf(writes)
    const written = rows.filter(({ isShared }) => !isShared).map(({ entity, id }) => nameOfRow(entity, id))
    const { outcomes, step } = await this.#locks.with(written, async () => {
      const done = await this.#write(writes, rows, effects)
      const begun = done.step && this.#finisher.begin(done.step)
      await begun?.visible
      return { outcomes: done.outcomes, step: begun }
    })
    if (step !== undefined) await step.shown
    else {
      effects.committed(outcomes)
      for (const { topic, records } of effects.announced ?? []) await this.#outlets.log.publish(topic, records)
    }
    return [...outcomes]
  }

  async waitingSpreads(afterID: number, limit: Count): Promise<WaitingSpread[]> {
    return this.#spreads.page(afterID, limit)
  }

  async spread(
    { id }: WaitingSpread,
    { schema, by }: { readonly schema: EntitySchema; readonly by: AnyRow },
    limit: Count,
    batchOf: (keys: readonly AnyRow[]) => SpreadBatch,
  ): Promise<Count> {
    const { table, queries } = await this.#opened(schema)
    const progress = await this.#spreads.claim(id)
    if (progress === undefined) return 0
    try {
      const after = progress.after === undefined ? undefined : table.keyOf(progress.after)
      const keys = await queries.keysAfter(by, after, limit)
      const { changes, announced } = batchOf(keys)
      this.#ground.beforeStep('batch')
      if (changes.length > 0) await this.#outlets.lists.append(changes, { operation: this.#ground.newOperation() })
      for (const { topic, records } of announced) await this.#outlets.log.publish(topic, records)
      this.#ground.beforeStep('move')
      if (keys.length < limit) await this.#spreads.finish(progress)
      else await this.#spreads.move(progress, table.idOf(keys.at(-1)!))
      return keys.length
    } catch (error) {
      await this.#spreads.release(id).catch((cause: unknown) => cause)
      throw error
    }
  }

  succeed(succession: Succession): void {
    this.#succession = succession
    this.#sweeper.start()
  }

  async recover(): Promise<void> {
    await Promise.all([...this.#entities.values()].map(({ table }) => this.#opened(table.schema)))
    await this.#sweeper.sweep()
    await this.#finisher.idle()
  }

  idle(): Promise<void> {
    return this.#finisher.idle()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#sweeper.close()
    await this.#finisher.close()
  }

  async #write(writes: readonly EntityWrite[], rows: readonly IntentRow[], effects: WriteEffects): Promise<Written> {
    const plan = (current: (entity: string, id: string) => StoredRow | undefined): WritePlan =>
      planWrites(
        writes,
        ({ name }) => this.#entities.get(name)!.table,
        (schema, id) => current(schema.name, id),
        effects,
      )
    const allow = async ({ spreads }: WritePlan): Promise<void> => {
      if (spreads.length > 0) await this.#spreads.assertRoom()
    }
    const [first] = rows
    if (first === undefined) return { outcomes: [], step: undefined }
    if (rows.length > 1 || first.isShared) return writeJointly(this.#ground, { rows, effects, plan, allow })
    return writeRow(this.#ground, {
      table: this.#entities.get(first.entity)!.table,
      id: first.id,
      isInsert: writes[0]!.kind === 'insert',
      effects,
      plan: (current) => plan(() => current),
      allow,
    })
  }

  /** Each row once, shared when it is only required. */
  #rowsOf(writes: readonly EntityWrite[]): IntentRow[] {
    const rows = new Map<string, IntentRow>()
    for (const write of writes) {
      const entity = write.schema.name
      const id = this.#entities.get(entity)!.table.idOf(rowOrKeyOf(write))
      const name = nameOfRow(entity, id)
      const isShared = isCondition(write) && (rows.get(name)?.isShared ?? true)
      rows.set(name, { entity, id, isShared })
    }
    return [...rows.values()]
  }

  async #ask(spreads: readonly PlannedSpread[]): Promise<void> {
    await Promise.all(
      spreads.map(async ({ request, later }) => {
        const { queries, table } = await this.#opened(request.schema)
        const isAny = (await queries.keysAfter(request.by, undefined, 1)).length > 0
        const left = isAny ? later() : new Set<string>()
        const some = left.size > 0 ? await queries.keysAfter(request.by, undefined, left.size + 1) : []
        const isOnlyLater = left.size > 0 && some.every((key) => left.has(table.idOf(key)))
        if (isAny && !isOnlyLater) await this.#spreads.ask(request)
      }),
    )
    this.#succession?.wake()
  }

  async #opened(schema: EntitySchema): Promise<OpenEntity> {
    this.open(schema)
    const entity = this.#entities.get(schema.name)!
    entity.ready ??= prepareEntity(this.#mongo, entity.table.schema).catch((error: unknown) => {
      entity.ready = undefined
      throw error
    })
    await entity.ready
    return entity
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new ClosedError('the entity store was closed and takes no more writes')
  }
}
