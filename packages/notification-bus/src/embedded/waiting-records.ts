import type { Count } from '@parlance/core'
import type { SqliteEngine } from '@parlance/engines/sqlite'
import { streamOf } from './topic-table.ts'

/** Records of a topic that a group has not handled yet. */
export interface WaitingRecords {
  readonly topic: string
  readonly group: string
  readonly count: Count
}

/** What the groups of an engine's event log have not handled, while nobody consumes; the event log was opened before. */
export function waitingRecords(engine: SqliteEngine): WaitingRecords[] {
  const head = engine.prepare<{ head: number }>(`
    SELECT coalesce((SELECT first + count - 1 FROM journal_batches WHERE stream = id ORDER BY first DESC LIMIT 1), floor)
      AS head FROM journal_streams WHERE name = ?`)
  const counts = new Map<string, WaitingRecords>()
  const offsets = engine
    .prepare<{ topic: string; consumers: string; part: number; offset: number }>('SELECT * FROM log_offsets')
    .all()
  for (const { topic, consumers: group, part, offset } of offsets) {
    const count = Math.max(0, (head.get(streamOf(topic, part))?.head ?? 0) - offset)
    const name = `${topic}\n${group}`
    if (count > 0) counts.set(name, { topic, group, count: count + (counts.get(name)?.count ?? 0) })
  }
  return [...counts.values()]
}
