import { InvalidRowError, RowConflictError, RowNotFoundError, type Together } from '@parlance/cached-repository'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { post, posts, profiles } from './board.ts'
import { type House, openHouse } from './open-house.ts'

let house: House
beforeEach(() => {
  house = openHouse()
})
afterEach(async () => {
  await house.close()
  house.folder.remove()
})

const profile = { spaceID: 's1', authorID: 'a%1', bio: 'hello' }

describe('writes to several entities that belong together', () => {
  it('are all done, and every view of each entity is right at once', async () => {
    const [ofPosts, ofProfiles] = [house.repositories.of(posts), house.repositories.of(profiles)]
    await ofPosts.put(post({ postID: 7 }))
    expect(await ofPosts.countOfAuthor({ authorID: 'a%1' })).toBe(1)
    const before = await ofProfiles.changes({ spaceID: 's1' }).position()
    await house.repositories.together((together) => {
      together.insert(posts, post())
      together.patch(posts, { spaceID: 's1', postID: 1 }, { title: 'after the insert' })
      together.put(profiles, profile)
      together.delete(posts, { spaceID: 's1', postID: 7 })
    })
    expect((await ofPosts.ofSpace({ spaceID: 's1' })).map(({ title }) => title)).toEqual(['after the insert'])
    expect(await ofPosts.countOfAuthor({ authorID: 'a%1' })).toBe(1)
    expect(await ofProfiles.get({ spaceID: 's1', authorID: 'a%1' })).toEqual(profile)
    const delta = await ofProfiles.changes({ spaceID: 's1' }).since(before)
    expect(delta).toMatchObject({ kind: 'delta', updated: [profile], removed: [] })
  })

  const failures: [string, (together: Together) => void, abstract new (...rest: never[]) => Error][] = [
    ['an insert of a key that is there', (t) => t.insert(posts, post({ postID: 7 })), RowConflictError],
    ['a patch of no row', (t) => t.patch(posts, { spaceID: 's1', postID: 99 }, { title: 'x' }), RowNotFoundError],
    ['a row that cannot be', (t) => t.put(profiles, { ...profile, bio: 1 as never }), InvalidRowError],
  ]
  it.each(failures)('%s undoes all of them', async (_, fail, kind) => {
    const [ofPosts, ofProfiles] = [house.repositories.of(posts), house.repositories.of(profiles)]
    await ofPosts.put(post({ postID: 7 }))
    const position = await ofPosts.changesOfSpace({ spaceID: 's1' }).position()
    const write = house.repositories.together((together) => {
      together.put(posts, post())
      together.put(profiles, profile)
      fail(together)
    })
    await expect(write).rejects.toBeInstanceOf(kind)
    expect(await ofPosts.ofSpace({ spaceID: 's1' })).toHaveLength(1)
    expect(await ofProfiles.get({ spaceID: 's1', authorID: 'a%1' }, { read: 'store' })).toBeUndefined()
    expect(await ofPosts.changesOfSpace({ spaceID: 's1' }).position()).toEqual(position)
  })

  it('nothing gathered is nothing done', async () => {
    await expect(house.repositories.together(() => undefined)).resolves.toBeUndefined()
  })
})
