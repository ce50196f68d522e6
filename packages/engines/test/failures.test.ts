import { mkdirSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ClosedError, InvalidArgumentError } from '@parlance/core'
import {
  SqliteEngine,
  SqliteFlushError,
  SqliteFullError,
  SqliteSchemaError,
  SqliteStatementError,
  SqliteUnwritableError,
} from '@parlance/engines/sqlite'
import { temporaryFolder, type TemporaryFolder } from '@parlance/testing'

let folder: TemporaryFolder
let engine: SqliteEngine
let beforeCommit: () => void

const schema = ['CREATE TABLE t(id INTEGER PRIMARY KEY, value)']
const open = (): void => {
  engine = SqliteEngine.open({ path: `${folder.path}/data.db`, faults: { beforeCommit: () => beforeCommit() } })
  engine.migrate('test', schema)
}
const insert = (id: number, value: string | Uint8Array | null = null) => {
  const statement = engine.prepare('INSERT INTO t VALUES (?, ?)')
  return () => statement.run(id, value)
}
const ids = (): number[] =>
  engine
    .prepare<{ id: number }>('SELECT id FROM t ORDER BY id')
    .all()
    .map(({ id }) => id)
const failWith = (code: string) => () => {
  throw Object.assign(new Error('disk I/O error'), { code })
}

beforeEach(() => {
  folder = temporaryFolder()
  beforeCommit = () => undefined
  open()
})
afterEach(async () => {
  await engine.close()
  folder.remove()
})

test('a flush that fails rejects everybody of the group, and the engine refuses writes from then on', async () => {
  await engine.write(insert(1))
  beforeCommit = failWith('SQLITE_IOERR_FSYNC')
  const undone: number[] = []
  const group = [2, 3].map((id) =>
    engine.write(() => {
      engine.afterCommit(() => undone.push(-id))
      engine.afterRollback(() => undone.push(id))
      insert(id)()
    }),
  )
  for (const write of group) await expect(write).rejects.toThrow(SqliteFlushError)
  expect(undone).toEqual([2, 3])
  expect(ids()).toEqual([1])
  beforeCommit = () => undefined
  await expect(engine.write(insert(4))).rejects.toThrow(SqliteFlushError)
  expect(engine.failure).toBeInstanceOf(SqliteFlushError)
})

test('writes that were queued when a flush fails are refused as well', async () => {
  let later: Promise<unknown> | undefined
  beforeCommit = failWith('SQLITE_IOERR_FSYNC')
  const write = engine.write(() => {
    later = engine.write(insert(2))
    insert(1)()
  })
  const outcomes = await Promise.allSettled([write, write.catch(() => later)])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(ids()).toEqual([])
})

test('a commit that finds the disk full rejects its group, and the next one is tried again', async () => {
  beforeCommit = failWith('SQLITE_FULL')
  const error = await engine.write(insert(1)).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(SqliteFullError)
  expect(error).toMatchObject({ retryable: true, details: { sqlite: 'SQLITE_FULL' } })
  beforeCommit = () => undefined
  await engine.write(insert(2))
  expect(ids()).toEqual([2])
})

test('a disk that is really full rejects the whole group, stores nothing of it, and recovers', async () => {
  await engine.write(insert(1))
  const [{ page_count: pages }] = engine.prepare<{ page_count: number }>('PRAGMA page_count').all() as [
    { page_count: number },
  ]
  engine.prepare(`PRAGMA max_page_count = ${pages + 2}`).all()
  const large = Buffer.alloc(100_000, 1)
  const alone = engine.write(insert(2, large))
  await expect(alone).rejects.toThrow(SqliteFullError)
  const group = [engine.write(insert(3)), engine.write(insert(4, large)), engine.write(insert(5))]
  for (const write of group) await expect(write).rejects.toThrow(SqliteFullError)
  expect(ids()).toEqual([1])
  engine.prepare('PRAGMA max_page_count = 1000000').all()
  await Promise.all([engine.write(insert(3)), engine.write(insert(4, large))])
  expect(ids()).toEqual([1, 3, 4])
})

test('a work that swallows a full disk cannot write outside the transaction that SQLite ended', async () => {
  engine.prepare('PRAGMA max_page_count = 10').all()
  const write = engine.write(() => {
    try {
      insert(2, Buffer.alloc(100_000))()
    } catch (error) {
      expect(error).toBeInstanceOf(SqliteFullError)
    }
    try {
      insert(3)()
    } catch (error) {
      expect(error).toBeInstanceOf(SqliteFullError)
    }
  })
  await expect(write).rejects.toThrow(SqliteFullError)
  expect(ids()).toEqual([])
})

test('a folder or file that cannot be written is refused with the cure', async () => {
  writeFileSync(`${folder.path}/file`, '')
  mkdirSync(`${folder.path}/folder.db`)
  for (const path of [`${folder.path}/file/data.db`, `${folder.path}/folder.db`]) {
    expect(() => SqliteEngine.open({ path })).toThrow(SqliteUnwritableError)
    expect(() => SqliteEngine.open({ path })).toThrow(/PARLANCE_DATA_DIR/)
  }
})

test('a file that is no database is refused and left as it is', () => {
  const path = `${folder.path}/notes.db`
  writeFileSync(path, 'not a database at all. '.repeat(100))
  expect(() => SqliteEngine.open({ path })).toThrow(SqliteStatementError)
})

test('migrations run once, in order, and only those that are new', async () => {
  engine.migrate('other', ['CREATE TABLE a(x)'])
  engine.migrate('other', ['CREATE TABLE a(x)', 'ALTER TABLE a ADD COLUMN y', 'CREATE TABLE b(z)'])
  await engine.close()
  open()
  engine.migrate('other', ['CREATE TABLE a(x)', 'ALTER TABLE a ADD COLUMN y', 'CREATE TABLE b(z)'])
  expect(engine.prepare('SELECT x, y FROM a').all()).toEqual([])
  expect(engine.prepare('SELECT z FROM b').all()).toEqual([])
})

test('a migration that fails changes nothing, and the engine goes on', async () => {
  expect(() => engine.migrate('other', ['CREATE TABLE a(x)', 'CREATE TABLE a(x)'])).toThrow(SqliteStatementError)
  expect(() => engine.prepare('SELECT x FROM a')).toThrow(/no such table/)
  await engine.write(insert(1))
  engine.migrate('other', ['CREATE TABLE a(x)'])
})

test('a migration that fails undoes nothing that was committed before it', async () => {
  const happened: string[] = []
  await engine.write(() => {
    engine.afterCommit(() => happened.push('committed'))
    engine.afterRollback(() => happened.push('undone'))
    insert(1)()
  })
  expect(() => engine.migrate('other', ['CREATE TABLE a(x)', 'CREATE TABLE a(x)'])).toThrow(SqliteStatementError)
  expect(happened).toEqual(['committed'])
})

test('an engine that refuses writes after a failed flush takes no migration either', async () => {
  beforeCommit = failWith('SQLITE_IOERR_FSYNC')
  await expect(engine.write(insert(1))).rejects.toThrow(SqliteFlushError)
  beforeCommit = () => undefined
  expect(() => engine.migrate('other', ['CREATE TABLE a(x)'])).toThrow(SqliteFlushError)
  expect(() => engine.prepare('SELECT x FROM a')).toThrow(/no such table/)
})

test('an engine that is closing takes no migration', async () => {
  const queued = engine.write(insert(1))
  const closed = engine.close()
  expect(() => engine.migrate('other', ['CREATE TABLE a(x)'])).toThrow(ClosedError)
  await Promise.all([queued, closed])
})

test('a file written by a newer program is refused', () => {
  engine.migrate('other', ['CREATE TABLE a(x)', 'CREATE TABLE b(x)'])
  expect(() => engine.migrate('other', ['CREATE TABLE a(x)'])).toThrow(SqliteSchemaError)
})

test('a migration inside a write is refused and leaves the group alone', async () => {
  const inside = engine.write(() => engine.migrate('other', ['CREATE TABLE a(x)']))
  const beside = engine.write(insert(1))
  await expect(inside).rejects.toThrow(InvalidArgumentError)
  await beside
  expect(ids()).toEqual([1])
})

test('writes, and tasks for the commit, are refused outside write()', () => {
  expect(insert(1)).toThrow(InvalidArgumentError)
  for (const sql of [
    '-- a comment\nDELETE FROM t',
    'WITH one(id) AS (VALUES (1)) INSERT INTO t(id) SELECT id FROM one',
    '/* c */ REPLACE INTO t(id) VALUES (1)',
    'DELETE FROM t RETURNING id',
  ])
    expect(() => engine.prepare(sql).all(), sql).toThrow(/outside write/)
  expect(() => engine.afterCommit(() => undefined)).toThrow(InvalidArgumentError)
  expect(() => engine.afterRollback(() => undefined)).toThrow(InvalidArgumentError)
})

test('nobody but the engine begins or ends transactions', () => {
  for (const sql of [
    'BEGIN',
    ' commit',
    'ROLLBACK',
    'SAVEPOINT x',
    'RELEASE work',
    "ATTACH 'x' AS y",
    'VACUUM',
    'EXPLAIN SELECT 1',
  ])
    expect(() => engine.prepare(sql), sql).toThrow(InvalidArgumentError)
})

test('parameters that would be stored wrongly, or end the process, are refused', async () => {
  const run = (...parameters: unknown[]) =>
    engine.write(() => engine.prepare('INSERT INTO t VALUES (?, ?)').run(...(parameters as [string, string])))
  const unusable = [
    [1],
    [1, 2, 3],
    [1, true],
    [1, undefined],
    [1, Number.NaN],
    [1, Number.POSITIVE_INFINITY],
    [1, 'a\0b'],
    [1, {}],
    [1, 1n],
  ]
  for (const parameters of unusable) await expect(run(...parameters)).rejects.toThrow(InvalidArgumentError)
  expect(ids()).toEqual([])
})

test('a single parameter may be bytes or null; blobs come back as Buffers, integers exactly', async () => {
  const insertValue = engine.prepare('INSERT INTO t(value) VALUES (?)')
  await engine.write(() => {
    insertValue.run(Uint8Array.of(1, 2, 3).subarray(1))
    insertValue.run(null)
    insertValue.run(new Uint8Array(0))
  })
  const values = engine.prepare<{ value: unknown }>('SELECT value FROM t ORDER BY id').all()
  expect(values).toEqual([{ value: Buffer.from([2, 3]) }, { value: null }, { value: Buffer.alloc(0) }])
  await engine.write(insert(2 ** 53 - 1))
  expect(ids().at(-1)).toBe(2 ** 53 - 1)
})

test('a numbered parameter may occur several times, and question marks in text are none', () => {
  const statement = engine.prepare<{ sum: number; text: string }>(
    "SELECT ?1 + ?1 + ?2 AS sum, 'a?b' AS text -- what?\n /* ? */",
  )
  expect(statement.get(2, 3)).toEqual({ sum: 7, text: 'a?b' })
  expect(() => engine.prepare('SELECT :name')).toThrow(/named parameters/)
})

test('a write of another owner goes on after a statement that failed', async () => {
  const broken = engine.write(() => engine.prepare('INSERT INTO missing VALUES (1)').run())
  const fine = engine.write(insert(1))
  await expect(broken).rejects.toThrow(/no such table/)
  await fine
  expect(ids()).toEqual([1])
})

test('tables are claimed by one driver at a time', () => {
  engine.claim('the notes')
  engine.claim('the letters')
  expect(() => engine.claim('the notes')).toThrow(/the notes already/)
})
