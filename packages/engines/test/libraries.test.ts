import { fileURLToPath } from 'node:url'
import { InvalidArgumentError } from '@parlance/core'
import { SqliteEngine, type SqliteLibrary, SqliteStatementError } from '@parlance/engines/sqlite'
import { startProgram, temporaryFolder, until } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { defaultLibrary, openWith } from '../src/sqlite/library.ts'
import { loadNodeSqlite } from '../src/sqlite/node-sqlite.ts'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const hasNodeSqlite = loadNodeSqlite() !== undefined
const libraries: readonly SqliteLibrary[] = hasNodeSqlite ? ['libsql', 'node'] : ['libsql']

describe('the library an engine runs on', () => {
  it('is Node’s own where Node calls it stable, unless the environment says otherwise', () => {
    expect(['20.19.0', '22.23.3', '24.0.0', '26.10.0'].map((version) => defaultLibrary({}, version))).toEqual([
      'libsql',
      'libsql',
      'node',
      'node',
    ])
    expect(defaultLibrary({ PARLANCE_SQLITE_LIBRARY: 'node' }, '22.23.3')).toBe('node')
    expect(defaultLibrary({ PARLANCE_SQLITE_LIBRARY: 'libsql' }, '24.0.0')).toBe('libsql')
    expect(() => defaultLibrary({ PARLANCE_SQLITE_LIBRARY: 'better' })).toThrow(/write node or libsql/)
  })

  it.skipIf(hasNodeSqlite)('cannot be one that this Node lacks', () => {
    using folder = temporaryFolder()
    const open = (): unknown => SqliteEngine.open({ path: `${folder.path}/data.db`, library: 'node' })
    expect(open).toThrow(/has no SQLite of its own: use Node 22.13 or newer, or libsql/)
  })
})

describe.each(libraries)('on %s', (library) => {
  it('values come back as they were stored', async () => {
    using folder = temporaryFolder()
    const engine = SqliteEngine.open({ path: `${folder.path}/data.db`, library })
    engine.migrate('test', ['CREATE TABLE t(id INTEGER PRIMARY KEY, i INTEGER, r REAL, x TEXT, b BLOB)'])
    const insert = engine.prepare('INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id')
    const rows = [
      { id: 1, i: Number.MAX_SAFE_INTEGER, r: 0.1, x: 'Straße 😀', b: Buffer.from([0, 255]) },
      { id: 2, i: Number.MIN_SAFE_INTEGER, r: -1e300, x: '', b: Buffer.alloc(0) },
      { id: 3, i: null, r: null, x: null, b: null },
    ]
    for (const { id, i, r, x, b } of rows) expect(await engine.write(() => insert.get(id, i, r, x, b))).toEqual({ id })
    const stored = engine.prepare('SELECT * FROM t ORDER BY id').all()
    expect(stored).toEqual(rows)
    expect(Buffer.isBuffer(stored[0]!['b'])).toBe(true)
    const change = engine.prepare('UPDATE t SET x = ? WHERE id > ?')
    expect(await engine.write(() => change.run('y', 1))).toMatchObject({ changes: 2 })
    await engine.close()
  })

  it('double-quoted text, foreign keys and mixed parameters mean the same', async () => {
    using folder = temporaryFolder()
    const engine = SqliteEngine.open({ path: `${folder.path}/data.db`, library })
    engine.migrate('test', ['CREATE TABLE p(id INTEGER PRIMARY KEY)', 'CREATE TABLE c(p INTEGER REFERENCES p(id))'])
    const insert = engine.prepare('INSERT INTO c VALUES (?)')
    await expect(engine.write(() => insert.run(7))).rejects.toThrow(SqliteStatementError)
    expect(() => engine.prepare('SELECT "no such column"')).toThrow(SqliteStatementError)
    expect(() => engine.prepare('SELECT ?1, ?')).toThrow(InvalidArgumentError)
    await engine.close()
  })

  it('a transaction that SQLite has ended by itself is seen to be over', () => {
    using folder = temporaryFolder()
    const driver = openWith(library, `${folder.path}/data.db`)
    expect(driver.inTransaction).toBe(false)
    driver.exec('BEGIN IMMEDIATE')
    expect(driver.inTransaction).toBe(true)
    driver.exec('ROLLBACK')
    expect(driver.inTransaction).toBe(false)
    driver.close()
  })
})

describe.skipIf(!hasNodeSqlite)('a file of one library', () => {
  it.each([
    ['libsql', 'node'],
    ['node', 'libsql'],
  ] as const)('of %s, left by a kill -9, opens with %s and goes on there', async (first, second) => {
    using folder = temporaryFolder()
    const path = `${folder.path}/data.db`
    let reported = 0
    for (const library of [first, second, first]) {
      const child = startProgram(here('../../../test/run-typescript.mjs'), here('./child/write.ts'), path, library)
      await until('it has written for a while', () => child.lines.length > 200)
      await child.kill()
      const last = Math.max(...child.lines.map(Number))
      expect(last).toBeGreaterThan(reported)
      reported = last
    }
    for (const library of [second, first]) {
      const engine = SqliteEngine.open({ path, library })
      const ids = engine.prepare<{ id: number }>('SELECT id FROM t ORDER BY id').all()
      expect(ids.length).toBeGreaterThanOrEqual(reported)
      expect(ids.every(({ id }, index) => id === index + 1)).toBe(true)
      await engine.close()
    }
  })
})
