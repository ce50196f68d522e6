import type { Count } from '@parlance/core'
import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'
import { assertCount, assertStreamName, maxReservation } from '../limits.ts'
import type { NumberRange, SegmentStore } from '../segments.ts'
import { segmentSchema } from './schema.ts'

/** Opens the segments of an engine, in the process's SQLite file. */
export function createEmbeddedSegmentStore({ engine }: { readonly engine: SqliteEngine }): SegmentStore {
  engine.migrate('seq-allocator/segments', segmentSchema)
  return new SqliteSegmentStore(engine)
}

class SqliteSegmentStore implements SegmentStore {
  readonly #engine: SqliteEngine
  readonly #advance: SqliteStatement<{ last: number }>

  constructor(engine: SqliteEngine) {
    this.#engine = engine
    this.#advance = engine.prepare(`
      INSERT INTO segment_streams(name, last) VALUES (?1, ?2)
      ON CONFLICT(name) DO UPDATE SET last = last + ?2 RETURNING last`)
  }

  async reserve(stream: string, count: Count): Promise<NumberRange> {
    assertStreamName(stream)
    assertCount('count', count, maxReservation)
    const last = await this.#engine.write(() => this.#advance.get(stream, count)!.last)
    return { first: last - count + 1, last }
  }
}
