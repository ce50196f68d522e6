import { expect, it } from 'vitest'
import { post, posts } from './board.ts'
import { openHouse } from './open-house.ts'

it('a page reads its own keys and rows, and the length of its list once', async () => {
  const asked: string[] = []
  const house = openHouse(({ store }) => ({
    store: {
      soleWriter: store.soleWriter,
      open: (schema) => store.open(schema),
      apply: (writes, effects) => store.apply(writes, effects),
      waitingSpreads: (afterID, limit) => store.waitingSpreads(afterID, limit),
      spread: (waiting, rows, limit, batchOf) => store.spread(waiting, rows, limit, batchOf),
      getMany: (schema, keys) => {
        asked.push(`${keys.length} rows`)
        return store.getMany(schema, keys)
      },
      keysOf: async (schema, view, by, range) => {
        const keys = await store.keysOf(schema, view, by, range)
        asked.push(`${keys.length} keys`)
        return keys
      },
      countOf: (schema, view, by) => {
        asked.push('count')
        return store.countOf(schema, view, by)
      },
    },
  }))
  const repository = house.repositories.of(posts)
  await repository.insertMany(Array.from({ length: 50 }, (_, postID) => post({ postID })))
  const page = async (offset: number) => {
    const { rows, total } = await repository.ofSpace.page({ spaceID: 's1' }, { offset, limit: 3 })
    return [rows.map(({ postID }) => postID), total]
  }
  expect(await page(10)).toEqual([[10, 11, 12], 50])
  expect(asked.splice(0).toSorted()).toEqual(['3 keys', '3 rows', 'count'])
  expect(await page(10)).toEqual([[10, 11, 12], 50])
  expect(asked.splice(0)).toEqual(['3 keys'])
  await repository.insert(post({ postID: 50 }))
  expect(await page(49)).toEqual([[49, 50], 51])
  // The held count follows the insert, where nobody else writes.
  const counted = house.parts.store.soleWriter ? [] : ['count']
  expect(asked.splice(0).toSorted()).toEqual(['2 keys', '2 rows', ...counted])
  await expect(repository.ofSpace.page({ spaceID: 's1' }, { limit: 1.5 })).rejects.toThrow('a whole number')
  await house.close()
  house.folder.remove()
})
