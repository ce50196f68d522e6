import { type Clock, type Count, noMetrics, ParlanceError, systemClock } from '@parlance/core'
import { type CopyPart, copyParts, type CopyProgress, type CopyReport, type Mongo } from '@parlance/engines/mongo'
import type { SqliteEngine } from '@parlance/engines/sqlite'
import {
  createEmbeddedChangeLists,
  createEmbeddedEventLog,
  isTopicStream,
  waitingRecords,
} from '@parlance/notification-bus/embedded'
import { changeListCopy, seedOfEngine } from '@parlance/notification-bus/mongo'
import { createEmbeddedJournal } from '@parlance/seq-allocator/embedded'
import { journalCopy } from '@parlance/seq-allocator/mongo'
import { createEmbeddedEntityStore } from '../embedded/entity-store.ts'
import { createEmbeddedStreamStore } from '../embedded/stream-store.ts'
import { tableName } from '../embedded/table-schema.ts'
import type { EntitySchema } from '../entity/schema.ts'
import { entityCopy } from './copy-entity.ts'
import { fingerprintOf } from './fingerprint.ts'
import { SpreadTable } from './spread-table.ts'
import { tagOf } from './stream-store.ts'

/** What {@link copyEmbeddedRepositories} needs. */
export interface CopyRepositoriesOptions {
  /** The file of the embedded repositories; nothing else uses it. */
  readonly engine: SqliteEngine
  /** An empty database, or one that this copy was begun into. */
  readonly mongo: Mongo
  /** Every entity that has rows. */
  readonly entities: readonly { readonly schema: EntitySchema }[]
  readonly clock?: Clock
  readonly onProgress?: (progress: CopyProgress) => void
}

/** The file holds something that cannot be copied as it is. */
export class CopySourceError extends ParlanceError {
  static override readonly code = 'COPY_SOURCE'
}

type SpreadRow = { id: number; touch: string; place: string; source: string }

/**
 * Copies everything that embedded repositories keep into an empty MongoDB database: rows with their revisions, streams with
 * their numbers, floors, repeat keys and marks, change lists with their epochs and versions, touches that wait to be spread.
 * Then compares every row, entry and element.
 *
 * May be interrupted and called again: it goes on where it was. The file is left as it is. What groups have handled of topics
 * is not copied, therefore nothing may wait in them; records that were kept for nobody, dead letters among them, stay behind.
 *
 * @throws CopySourceError when records wait to be handled, or an entity with rows is not among those given; CopyTargetError;
 * CopyOutdatedError when the file changed since the copy was begun; CopyDifferenceError.
 */
export async function copyEmbeddedRepositories(options: CopyRepositoriesOptions): Promise<CopyReport> {
  const { engine, mongo, clock = systemClock, onProgress } = options
  const journal = createEmbeddedJournal({ engine })
  const lists = createEmbeddedChangeLists({ engine })
  const log = createEmbeddedEventLog({ engine, journal, clock })
  createEmbeddedStreamStore({ engine, journal, log })
  const store = createEmbeddedEntityStore({ engine, lists, log })
  const schemas = [...new Set(options.entities.map(({ schema }) => schema))]
  for (const schema of schemas) store.open(schema)
  assertKnown(engine, schemas)
  assertNothingWaits(engine)
  const marks = engine.prepare<{ view: string; value: string; seq: number }>(
    'SELECT view, value, seq FROM stream_last WHERE stream = ?',
  )
  const parts: CopyPart[] = [
    ...schemas.map((schema) => entityCopy(engine, mongo, schema)),
    journalCopy({
      engine,
      mongo,
      excludes: isTopicStream,
      tagsOf: (stream) => marks.all(stream).map(({ view, value, seq }) => ({ tag: tagOf(view, value), seq })),
    }),
    ...changeListCopy({ engine, mongo }),
    spreadCopy(engine, mongo, clock),
  ]
  return copyParts({
    mongo,
    source: seedOfEngine(engine),
    fingerprint: fingerprintOf(engine),
    parts,
    now: () => clock.now(),
    ...(onProgress === undefined ? {} : { onProgress }),
  })
}

function assertKnown(engine: SqliteEngine, schemas: readonly EntitySchema[]): void {
  const known = new Set([...schemas.map(tableName), 'entity_spreads'])
  const tables = engine.prepare<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`).all()
  const unknown = tables
    .map(({ name }) => name)
    .filter((name) => name.startsWith('entity_') && !known.has(name))
    .filter((name) => engine.prepare(`SELECT 1 FROM "${name.replaceAll('"', '""')}" LIMIT 1`).get() !== undefined)
  if (unknown.length > 0)
    throw new CopySourceError(
      `there are rows of entities that are not declared here: ${unknown.map((name) => name.slice('entity_'.length)).join(', ')}; give the extensions that declare them`,
      { details: { entities: unknown } },
    )
}

function assertNothingWaits(engine: SqliteEngine): void {
  const waiting = waitingRecords(engine)
  if (waiting.length > 0)
    throw new CopySourceError(
      `announcements wait to be handled (${waiting.map(({ topic, group, count }) => `${count} of ${topic} by ${group}`).join(', ')}): start the server once without services, stop it in peace, then copy`,
    )
}

/** Touches that wait: asked for again, which does no harm. */
function spreadCopy(engine: SqliteEngine, mongo: Mongo, clock: Clock): CopyPart {
  const rows = engine.prepare<SpreadRow>('SELECT id, touch, place, source FROM entity_spreads ORDER BY id')
  const spreads = new SpreadTable({
    mongo,
    owner: 'copy',
    maxWaiting: Infinity,
    leaseMs: 1,
    clock,
    random: Math.random,
    gauge: noMetrics.gauge('', ''),
  })
  const all = async (): Promise<Set<string>> => {
    const found = await spreads.page(0, Number.MAX_SAFE_INTEGER)
    return new Set(found.map(({ touch, place, source }) => JSON.stringify([touch, place, source])))
  }
  return {
    name: 'waiting touches',
    count: (): Count => rows.all().length,
    countInTarget: async () => (await all()).size,
    prepare: async () => undefined,
    async copy() {
      const there = rows.all()
      for (const { touch, place, source } of there) await spreads.ask({ touch, place, source })
      return { copied: there.length, next: undefined }
    },
    async compare() {
      const there = await all()
      const expected = rows.all().map(({ touch, place, source }) => JSON.stringify([touch, place, source]))
      return {
        compared: expected.length,
        differences: expected.filter((one) => !there.has(one)),
        next: undefined,
      }
    },
  }
}
