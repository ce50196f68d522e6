import { InvalidRowError, RowConflictError, RowNotFoundError, type Together } from '@parlance/cached-repository'
import { createBus, json, topic } from '@parlance/notification-bus'
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
    [
      'a delete of another revision',
      (t) => t.delete(posts, { spaceID: 's1', postID: 7 }, { ifRevision: 9 }),
      RowConflictError,
    ],
    [
      'another revision of what is required',
      (t) => t.require(posts, { spaceID: 's1', postID: 7 }, { ifRevision: 9 }),
      RowConflictError,
    ],
    [
      'no row where one is required',
      (t) => t.require(posts, { spaceID: 's1', postID: 8 }, { ifRevision: 1 }),
      RowNotFoundError,
    ],
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

  it('are done while what they require stands, which stays as it is', async () => {
    const ofPosts = house.repositories.of(posts)
    await ofPosts.put(post({ postID: 7 }))
    await house.repositories.together((together) => {
      together.require(posts, { spaceID: 's1', postID: 7 }, { ifRevision: 1 })
      together.put(profiles, profile)
    })
    expect(await house.repositories.of(profiles).get({ spaceID: 's1', authorID: 'a%1' })).toEqual(profile)
    expect(await ofPosts.getWithRevision({ spaceID: 's1', postID: 7 })).toMatchObject({ revision: 1 })
  })

  it('publish what belongs to them, if they are done and only then', async () => {
    const welcome = topic<string>('profile.made', { schema: json(String), key: (authorID) => authorID })
    const publishing = (authorID: string, write: (together: Together) => void) =>
      house.repositories.together((together) => {
        write(together)
        together.publish(welcome, authorID)
      })
    await publishing('first', (t) => t.insert(profiles, profile))
    await expect(publishing('second', (t) => t.insert(profiles, profile))).rejects.toBeInstanceOf(RowConflictError)
    await publishing('alone', () => undefined)
    const received: string[] = []
    const bus = createBus({ log: house.log })
    await bus.consume(welcome, {
      group: 'test',
      handler: async ({ messages }) => void received.push(...messages),
    })
    await bus.stop()
    expect(received.toSorted()).toEqual(['alone', 'first'])
  })

  it('nothing gathered is nothing done', async () => {
    await expect(house.repositories.together(() => undefined)).resolves.toBeUndefined()
  })
})
