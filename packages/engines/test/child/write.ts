import { SqliteEngine, type SqliteLibrary } from '@parlance/engines/sqlite'

/** Inserts numbers without end, ten writes at a time, and writes each to the output once it is durable. */
export async function main([path, library]: string[]): Promise<void> {
  const engine = SqliteEngine.open({
    path: path!,
    ...(library === undefined ? {} : { library: library as SqliteLibrary }),
  })
  engine.migrate('test', ['CREATE TABLE t(id INTEGER PRIMARY KEY, value BLOB)'])
  const insert = engine.prepare('INSERT INTO t VALUES (?, ?)')
  const newest = engine.prepare<{ id: number | null }>('SELECT max(id) AS id FROM t').get()?.id ?? 0
  for (let id = newest; ; id += 10) {
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        await engine.write(() => insert.run(id + index + 1, Buffer.alloc(500, index)))
        process.stdout.write(`${id + index + 1}\n`)
      }),
    )
  }
}
