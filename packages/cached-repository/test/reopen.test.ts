import { createRequire } from 'node:module'
import {
  createRepositories,
  defineEntity,
  type Entity,
  field,
  IncompatibleStoreError,
} from '@parlance/cached-repository'
import { temporaryFolder } from '@parlance/testing'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { describe, expect, it, vi } from 'vitest'
import { post, posts } from './board.ts'
import { isEmbedded, openHouse } from './open-house.ts'

describe('after a restart', () => {
  it('rows, revisions, lists, counts and positions are as they were', async () => {
    using folder = temporaryFolder()
    const first = openHouse(undefined, folder)
    const before = first.repositories.of(posts)
    await before.putMany([post({ label: 'hot' }), post({ postID: 2.5, isPinned: true }), post({ postID: -3 })])
    const position = await before.changesOfSpace({ spaceID: 's1' }).position()
    await before.patch({ spaceID: 's1', postID: 1 }, { title: 'b', label: undefined })
    await before.delete({ spaceID: 's1', postID: -3 })
    const list = await before.ofSpace({ spaceID: 's1' })
    await first.close()

    const second = openHouse(undefined, folder)
    const after = second.repositories.of(posts)
    expect(await after.ofSpace({ spaceID: 's1' })).toEqual(list)
    expect(list.map(({ postID }) => postID)).toEqual([2.5, 1])
    expect(await after.countOfAuthor({ authorID: 'a%1' })).toBe(2)
    expect((await after.getWithRevision({ spaceID: 's1', postID: 1 }))!.revision).toBe(2)
    const delta = await after.changesOfSpace({ spaceID: 's1' }).keysSince(position)
    expect(delta).toMatchObject({
      kind: 'delta',
      inserted: [],
      updated: [{ spaceID: 's1', postID: 1 }],
      removed: [{ spaceID: 's1', postID: -3 }],
    })
    await second.close()
  })
})

describe('a declaration that has changed', () => {
  const base = { id: field.string(), size: field.number() }
  const declare = <R, K extends keyof R, V>(entity: Entity<R, K, V>) => entity
  const original = () =>
    declare(defineEntity('thing', { fields: base, key: ['id'], views: (v) => ({ bySize: v.rows({ by: 'size' }) }) }))

  async function stored(rows: { id: string; size: number }[]) {
    const folder = temporaryFolder()
    const house = openHouse(undefined, folder)
    await house.repositories.of(original()).putMany(rows)
    await house.close()
    return folder
  }

  it('may have new optional fields and other views; indexes follow', async () => {
    using folder = await stored([{ id: 'a', size: 1 }])
    const house = openHouse(undefined, folder)
    const changed = defineEntity('thing', {
      fields: { ...base, note: field.string({ optional: true }), tags: field.json<string[]>({ optional: true }) },
      key: ['id'],
      views: (v) => ({ byNote: v.count({ by: 'size', where: { note: 'x' } }) }),
    })
    const repository = house.repositories.of(changed)
    expect(await repository.get({ id: 'a' })).toEqual({ id: 'a', size: 1 })
    await repository.put({ id: 'b', size: 1, note: 'x', tags: ['t'] })
    expect(await repository.byNote({ size: 1 })).toBe(1)
    if (isEmbedded) {
      const indexes = house.engine
        .prepare<{ name: string }>("SELECT name FROM pragma_index_list('entity_thing') WHERE origin = 'c'")
        .all()
      expect(indexes).toEqual([{ name: 'entity_thing(size, note, id)' }])
    }
    await house.close()

    const again = openHouse(undefined, folder)
    expect(await again.repositories.of(original()).bySize({ size: 1 })).toEqual([
      { id: 'a', size: 1 },
      { id: 'b', size: 1 },
    ])
    await again.close()
  })

  it('may have new required fields while there are no rows', async () => {
    using folder = await stored([])
    const house = openHouse(undefined, folder)
    const changed = defineEntity('thing', { fields: { ...base, name: field.string() }, key: ['id'] })
    await house.repositories.of(changed).put({ id: 'a', size: 1, name: 'n' })
    expect(await house.repositories.of(changed).get({ id: 'a' }, { read: 'store' })).toEqual({
      id: 'a',
      size: 1,
      name: 'n',
    })
    await house.close()
  })

  it.each([
    [
      'a new required field',
      defineEntity('thing', { fields: { ...base, name: field.string() }, key: ['id'] }),
      /field name is new, and the rows that are stored already have none; declare it optional/,
    ],
    [
      'another type',
      defineEntity('thing', { fields: { ...base, size: field.string() }, key: ['id'] }),
      /field size is a string.*, but is stored as (REAL|a number); keep the old type/,
    ],
    [
      'another key',
      defineEntity('thing', { fields: base, key: ['id', 'size'] }),
      /its rows are stored under the key \(id\); keep this key/,
    ],
  ])('is refused with %s, naming the cure', async (_, changed, message) => {
    using folder = await stored([{ id: 'a', size: 1 }])
    const house = openHouse(undefined, folder)
    const read = async () =>
      house.repositories.of(changed as ReturnType<typeof original>).get({ id: 'a', size: 1 } as never)
    await expect(read()).rejects.toBeInstanceOf(IncompatibleStoreError)
    await expect(read()).rejects.toThrow(message)
    await house.close()
  })

  it('is refused when a field becomes required that rows lack', async () => {
    using folder = await stored([])
    const house = openHouse(undefined, folder)
    const optional = defineEntity('thing', { fields: { ...base, note: field.string({ optional: true }) }, key: ['id'] })
    await house.repositories.of(optional).put({ id: 'a', size: 1 })
    const required = defineEntity('thing', { fields: { ...base, note: field.string() }, key: ['id'] })
    const other = createRepositories(house.parts)
    await expect(other.of(required).get({ id: 'a' })).rejects.toThrow(
      'a stored row of thing has no note: declare the field optional, or fill it in the rows that lack it',
    )
    await house.close()
  })

  it('is refused when two entities have one name', async () => {
    using folder = await stored([])
    const house = openHouse(undefined, folder)
    house.repositories.of(original())
    expect(() => house.repositories.of(original())).toThrow('entity thing is declared twice')
    await house.close()
  })
})

it.runIf(isEmbedded)('every statement is answered by the primary key or one index, without sorting', async () => {
  const prepare = vi.spyOn(SqliteEngine.prototype, 'prepare')
  const house = openHouse()
  const repository = house.repositories.of(posts)
  await repository.put(post())
  await repository.getMany([1, 2, 3].map((postID) => ({ spaceID: 's1', postID })))
  const statements = prepare.mock.calls
    .map(([sql]) => sql)
    .filter((sql) => sql.includes('"entity_post"') && /^(SELECT|DELETE)/.test(sql))
  prepare.mockRestore()
  await house.close()
  const Database = createRequire(new URL('../../engines/src/sqlite/driver.ts', import.meta.url))('libsql') as new (
    path: string,
  ) => { prepare(sql: string): { all(parameters: unknown[]): { detail: string }[] } }
  const database = new Database(`${house.folder.path}/test.db`)
  const plans = statements.map((sql) => {
    const parameters = [...sql.matchAll(/\?/g)].map(() => 1)
    return [
      sql,
      ...database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(parameters)
        .map(({ detail }) => detail),
    ]
  })
  house.folder.remove()
  expect(plans.length).toBeGreaterThan(9)
  for (const [sql, ...details] of plans) {
    expect(
      details.filter((detail) => detail.startsWith('SEARCH')),
      sql,
    ).toHaveLength(1)
    expect(
      details.filter((detail) => /TEMP B-TREE|SCAN (t|entity_post)/.test(detail)),
      sql,
    ).toEqual([])
  }
})
