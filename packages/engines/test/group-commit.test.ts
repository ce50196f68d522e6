import { statSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ClosedError, InvalidArgumentError, OverloadedError } from '@parlance/core'
import { SqliteEngine, type SqliteEngineOptions } from '@parlance/engines/sqlite'
import { temporaryFolder, type TemporaryFolder, until } from '@parlance/testing'
import { recordingMetrics } from './recording-metrics.ts'

let folder: TemporaryFolder
let engine: SqliteEngine
let metrics: ReturnType<typeof recordingMetrics>

const open = (options: Partial<SqliteEngineOptions> = {}): void => {
  metrics = recordingMetrics()
  engine = SqliteEngine.open({ path: `${folder.path}/data.db`, metrics: metrics.metrics, ...options })
  engine.migrate('test', ['CREATE TABLE t(id INTEGER PRIMARY KEY, value)'])
}
const insert = (id: number, value: string | null = null) => {
  const statement = engine.prepare('INSERT INTO t VALUES (?, ?)')
  return () => statement.run(id, value)
}
const ids = (): number[] =>
  engine
    .prepare<{ id: number }>('SELECT id FROM t ORDER BY id')
    .all()
    .map(({ id }) => id)

beforeEach(() => {
  folder = temporaryFolder()
  open()
})
afterEach(async () => {
  await engine.close()
  folder.remove()
})

test('all writes of one tick share one commit, in the order of the calls', async () => {
  const order: number[] = []
  await Promise.all(
    [1, 2, 3, 4, 5].map((id) =>
      engine.write(() => {
        order.push(id)
        insert(id)()
      }),
    ),
  )
  expect(order).toEqual([1, 2, 3, 4, 5])
  expect(metrics.counters.get('parlance_sqlite_commits_total')).toBe(1)
  expect(metrics.observations.get('parlance_sqlite_writes_per_commit')).toEqual([5])
})

test('a write resolves with what its work returned', async () => {
  expect(await engine.write(() => insert(7)().changes)).toBe(1)
})

test('a work that throws undoes only itself and rejects with its own error', async () => {
  const mine = new Error('mine')
  const outcomes = await Promise.allSettled([
    engine.write(insert(1)),
    engine.write(() => {
      insert(2)()
      throw mine
    }),
    engine.write(insert(1)),
    engine.write(insert(3)),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  expect((outcomes[1] as PromiseRejectedResult).reason).toBe(mine)
  expect((outcomes[2] as PromiseRejectedResult).reason).toMatchObject({ code: 'SQLITE_STATEMENT' })
  expect(ids()).toEqual([1, 3])
})

test('an asynchronous work is refused and undone', async () => {
  const write = engine.write(async () => {
    insert(1)()
    await Promise.resolve()
  })
  await expect(write).rejects.toThrow(InvalidArgumentError)
  expect(ids()).toEqual([])
})

test('reads see what is committed only, works see what their group has written', async () => {
  const write = engine.write(() => {
    insert(1)()
    return ids()
  })
  expect(ids()).toEqual([])
  expect(await write).toEqual([1])
  expect(ids()).toEqual([1])
})

test('tasks after the commit run before the promises resolve, and only for works that were kept', async () => {
  const happened: string[] = []
  const kept = engine.write(() => {
    engine.afterCommit(() => happened.push(`kept, durable: ${ids().join()}`))
    engine.afterRollback(() => happened.push('never'))
    insert(1)()
  })
  const undone = engine.write(() => {
    engine.afterCommit(() => happened.push('never'))
    engine.afterRollback(() => happened.push('undone'))
    throw new Error('no')
  })
  await Promise.allSettled([kept.then(() => happened.push('resolved')), undone])
  expect(happened).toEqual(['undone', 'kept, durable: 1', 'resolved'])
})

test('a task that throws is reported, and neither the group nor the loop suffers', async () => {
  const logged: string[] = []
  await engine.close()
  const log = (message: string): void => void logged.push(message)
  open({ path: `${folder.path}/other.db`, logger: { debug: log, info: log, warn: log, error: log } })
  const first = engine.write(() => {
    engine.afterCommit(() => {
      throw new Error('broken task')
    })
    insert(1)()
  })
  const second = engine.write(() => {
    engine.afterRollback(() => {
      throw new Error('broken task')
    })
    throw new Error('no')
  })
  await expect(first).resolves.toBeUndefined()
  await expect(second).rejects.toThrow('no')
  await engine.write(insert(2))
  expect(ids()).toEqual([1, 2])
  expect(logged).toHaveLength(2)
  expect(metrics.counters.get('parlance_sqlite_task_failures_total')).toBe(2)
})

test('a write begun inside a work joins the next group', async () => {
  let inner: Promise<unknown> | undefined
  await engine.write(() => {
    insert(1)()
    inner = engine.write(insert(2))
  })
  expect(ids()).toEqual([1])
  await inner
  expect(ids()).toEqual([1, 2])
  expect(metrics.counters.get('parlance_sqlite_commits_total')).toBe(2)
})

test('close commits the queue and refuses what comes later', async () => {
  const queued = engine.write(insert(1))
  const closed = engine.close()
  await expect(engine.write(insert(2))).rejects.toThrow(ClosedError)
  await Promise.all([queued, closed, engine.close()])
  expect(() => engine.prepare('SELECT 1')).toThrow(ClosedError)
  open()
  expect(ids()).toEqual([1])
})

test('a group has at most two thousand works; the others follow in turns of their own, and hold up nobody', async () => {
  const writes = Array.from({ length: 4500 }, (_, id) => engine.write(insert(id)))
  const stored: number[] = []
  const turn = (): void => {
    stored.push(ids().length)
    if (stored.at(-1)! < 4500) setImmediate(turn)
  }
  setImmediate(turn)
  await Promise.all(writes)
  await until('the turn after the last group', () => stored.includes(4500))
  expect(stored).toEqual([2000, 4000, 4500])
  expect(metrics.observations.get('parlance_sqlite_writes_per_commit')).toEqual([2000, 2000, 500])
})

test('close commits a queue of several groups', async () => {
  const writes = Array.from({ length: 4500 }, (_, id) => engine.write(insert(id)))
  await engine.close()
  await Promise.all(writes)
  open()
  expect(ids()).toHaveLength(4500)
})

test('what a large transaction made of the write-ahead log is cut back', async () => {
  const walBytes = (): number => statSync(`${folder.path}/data.db-wal`).size
  await engine.write(insert(1, 'x'.repeat(40_000_000)))
  await engine.write(insert(2))
  await engine.write(insert(3))
  expect(walBytes()).toBeLessThanOrEqual(16 * 1024 * 1024)
})

test('a full queue refuses further writes and takes them again after the commit', async () => {
  await engine.close()
  open({ maxQueuedWrites: 2 })
  const queued = [engine.write(insert(1)), engine.write(insert(2))]
  await expect(engine.write(insert(3))).rejects.toThrow(OverloadedError)
  await Promise.all(queued)
  await engine.write(insert(3))
  expect(ids()).toEqual([1, 2, 3])
})

test('every commit is flushed: the live connection runs in WAL mode with synchronous FULL', () => {
  expect(engine.prepare<{ synchronous: number }>('PRAGMA synchronous').get()).toEqual({ synchronous: 2 })
  expect(engine.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
  expect(engine.prepare('PRAGMA locking_mode').get()).toEqual({ locking_mode: 'exclusive' })
})
