import { type Count, type Metrics, noMetrics } from '@parlance/core'
import type { SqliteEngine } from '@parlance/engines/sqlite'
import type { Change, LogRecord } from '@parlance/notification-bus'
import type { EntitySchema } from '../entity/schema.ts'
import type { AnyRow } from '../entity/values.ts'
import type {
  EntityStore,
  EntityWrite,
  KeyRange,
  ListChange,
  SpreadBatch,
  StoredRow,
  WaitingSpread,
  WriteEffects,
  WriteOutcome,
} from '../entity-store.ts'
import { outcomeOf, rowOrKeyOf } from '../write-outcome.ts'
import { EntityTable } from './entity-table.ts'
import { SpreadTable } from './spread-table.ts'

/** What an embedded entity store needs. */
export interface EmbeddedEntityStoreOptions {
  readonly engine: SqliteEngine
  /** Change lists on the same engine: their changes are appended in the transaction of the rows. */
  readonly lists: { appendIn(changes: readonly Change[]): void }
  /** Where messages go that are published with rows, in their transaction. */
  readonly log: { publishIn(topic: string, records: readonly LogRecord[]): void }
  /** More touches of many rows than this waiting to be spread: what asks for more is refused. @defaultValue 100 000 */
  readonly maxWaitingSpreads?: Count
  readonly metrics?: Metrics
}

/**
 * Opens the entity store of an engine: a table per entity with a column per field, an index per view.
 *
 * A write and its list changes are one part of the engine's group commit: one fsync for everything of a tick.
 */
export function createEmbeddedEntityStore(options: EmbeddedEntityStoreOptions): EntityStore {
  return new SqliteEntityStore(options)
}

class SqliteEntityStore implements EntityStore {
  readonly soleWriter = true
  readonly #engine: SqliteEngine
  readonly #lists: EmbeddedEntityStoreOptions['lists']
  readonly #log: EmbeddedEntityStoreOptions['log']
  readonly #spreads: SpreadTable
  readonly #tables = new Map<EntitySchema, EntityTable>()

  constructor(options: EmbeddedEntityStoreOptions) {
    const { engine, lists, log, maxWaitingSpreads = 100_000, metrics = noMetrics } = options
    this.#engine = engine
    this.#lists = lists
    this.#log = log
    const gauge = metrics.gauge('parlance_repository_spreads_waiting', 'Changes that wait to be spread to other rows')
    this.#spreads = new SpreadTable(engine, maxWaitingSpreads, gauge)
  }

  open(schema: EntitySchema): void {
    if (!this.#tables.has(schema)) this.#tables.set(schema, new EntityTable(this.#engine, schema))
    for (const toucher of schema.touchers) if (!this.#tables.has(toucher.schema)) this.open(toucher.schema)
  }

  async getMany(schema: EntitySchema, keys: readonly AnyRow[]): Promise<(StoredRow | undefined)[]> {
    return this.#table(schema).findMany(keys)
  }

  async keysOf(schema: EntitySchema, view: string, by: AnyRow, range?: KeyRange): Promise<AnyRow[]> {
    return this.#table(schema).keysOf(view, by, range)
  }

  async countOf(schema: EntitySchema, view: string, by: AnyRow): Promise<Count> {
    return this.#table(schema).countOf(view, by)
  }

  apply(writes: readonly EntityWrite[], effects: WriteEffects): Promise<WriteOutcome[]> {
    for (const { schema } of writes) this.open(schema)
    return this.#engine.write(() => {
      const outcomes = writes.map((write) => {
        const outcome = this.#do(write)
        this.#askForSpreads(write.schema, outcome, effects)
        return outcome
      })
      const changes = outcomes.flatMap(({ before, after }, index) =>
        before === undefined && after === undefined
          ? []
          : effects.changes(writes[index]!.schema, before?.row, after?.row),
      )
      if (changes.length > 0) this.#lists.appendIn(changes.map((change) => this.#decided(change)))
      for (const { topic, records } of effects.announced ?? []) this.#log.publishIn(topic, records)
      this.#engine.afterCommit(() => effects.committed(outcomes))
      return outcomes
    })
  }

  async waitingSpreads(afterID: number, limit: Count): Promise<WaitingSpread[]> {
    return this.#spreads.page(afterID, limit)
  }

  spread(
    { id }: WaitingSpread,
    { schema, by }: { readonly schema: EntitySchema; readonly by: AnyRow },
    limit: Count,
    batchOf: (keys: readonly AnyRow[]) => SpreadBatch,
  ): Promise<Count> {
    const table = this.#table(schema)
    return this.#engine.write(() => {
      const progress = this.#spreads.find(id)
      if (progress === undefined) return 0
      const after = progress.after === null ? undefined : table.key.decode(progress.after)
      const keys = table.keysAfter(by, after, limit)
      const { changes, announced } = batchOf(keys)
      if (changes.length > 0) this.#lists.appendIn(changes)
      for (const { topic, records } of announced) this.#log.publishIn(topic, records)
      if (keys.length < limit) this.#spreads.finishIn(id, progress)
      else this.#spreads.moveIn(id, table.key.encode(keys.at(-1)!))
      return keys.length
    })
  }

  /** What nobody shows yet needs no spreading: a row that comes later is read with what it shows. */
  #askForSpreads(schema: EntitySchema, { before, after }: WriteOutcome, effects: WriteEffects): void {
    if (before === undefined && after === undefined) return
    for (const request of effects.spreads(schema, before?.row, after?.row))
      if (this.#table(request.schema).keysAfter(request.by, undefined, 1).length > 0) this.#spreads.askIn(request)
  }

  #do(write: EntityWrite): WriteOutcome {
    const table = this.#table(write.schema)
    const before = table.find(rowOrKeyOf(write))
    const outcome = outcomeOf(write, before, table.rows)
    if (outcome.after !== undefined) table.save(outcome.after)
    else if (outcome.before !== undefined) table.remove(outcome.before.row)
    return outcome
  }

  #decided({ list, element, kind, unless }: ListChange): Change {
    const isThere = unless !== undefined && this.#table(unless.schema).find(unless.key) !== undefined
    return { list, element, kind: isThere ? 'put' : kind }
  }

  #table(schema: EntitySchema): EntityTable {
    const table = this.#tables.get(schema)
    if (table === undefined) {
      this.open(schema)
      return this.#table(schema)
    }
    return table
  }
}
