import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { SqliteEngine, SqliteLockedError } from '@parlance/engines/sqlite'
import { startProgram, temporaryFolder, until } from '@parlance/testing'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const runTypeScript = here('../../../test/run-typescript.mjs')

test('a file that belongs to another process is refused, and free again when that one is gone', async () => {
  using folder = temporaryFolder()
  const path = `${folder.path}/data.db`
  const child = startProgram(runTypeScript, here('./child/hold.ts'), path)
  await until('the child has the file', () => child.lines.includes('open'))
  expect(() => SqliteEngine.open({ path })).toThrow(SqliteLockedError)
  expect(() => SqliteEngine.open({ path })).toThrow(/already open.*PARLANCE_DATA_DIR/)
  await child.kill()
  await SqliteEngine.open({ path }).close()
})

test('a second engine on the same file is refused also within one process, and takes it over after close', async () => {
  using folder = temporaryFolder()
  const path = `${folder.path}/data.db`
  const first = SqliteEngine.open({ path })
  const held = first.prepare('SELECT 1 AS one')
  expect(() => SqliteEngine.open({ path })).toThrow(SqliteLockedError)
  await first.close()
  const second = SqliteEngine.open({ path })
  expect(() => held.get()).toThrow(/closed/)
  await second.close()
})

test('kill -9 while writing: everything reported as durable is there, and nothing is torn', async () => {
  using folder = temporaryFolder()
  const path = `${folder.path}/data.db`
  let reported = 0
  for (let crash = 0; crash < 3; crash++) {
    const child = startProgram(runTypeScript, here('./child/write.ts'), path)
    await until('it has written for a while', () => child.lines.length > 300)
    await child.kill()
    reported = Math.max(reported, ...child.lines.map(Number))
  }
  const engine = SqliteEngine.open({ path })
  const stored = engine.prepare<{ id: number; value: Buffer }>('SELECT id, value FROM t ORDER BY id').all()
  expect(stored.length).toBeGreaterThanOrEqual(reported)
  expect(stored.length % 10).toBe(0)
  stored.forEach(({ id, value }, index) => {
    expect(id).toBe(index + 1)
    expect(value).toEqual(Buffer.alloc(500, index % 10))
  })
  await engine.close()
})
