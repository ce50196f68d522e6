import { randomBytes } from 'node:crypto'
import { createRepositories, type StreamStore } from '@parlance/cached-repository'
import { createMongoEntityStore } from '@parlance/cached-repository/mongo'
import { openMongo } from '@parlance/engines/mongo'
import { createInProcessChannel } from '@parlance/notification-bus/embedded'
import { openMongoChangeLists } from '@parlance/notification-bus/mongo'
import { createCache } from '@parlance/rockscache'
import { createEmbeddedCacheStore } from '@parlance/rockscache/embedded'
import { serviceURL } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { post, posts, profiles } from './board.ts'

const url = serviceURL('mongo')

async function openCounted() {
  const mongo = await openMongo({ url: url!, database: `parlance_test_${randomBytes(6).toString('hex')}` })
  const lists = await openMongoChangeLists({ mongo })
  const store = createMongoEntityStore({ mongo, lists, log: { publish: async () => undefined } })
  const parts = { cache: createCache({ store: createEmbeddedCacheStore() }), channel: createInProcessChannel() }
  const repositories = createRepositories({ store, lists, streams: {} as StreamStore, ...parts })
  const [ofPosts, ofProfiles] = [repositories.of(posts), repositories.of(profiles)]
  await ofPosts.insertMany(Array.from({ length: 100 }, (_, postID) => post({ postID })))
  await ofProfiles.put({ spaceID: 's1', authorID: '', bio: '' })
  const sent: string[] = []
  mongo.onCommand(({ name, collection }) => sent.push(`${name} ${collection}`))
  return {
    repositories,
    ofPosts,
    /** The commands of the entity store that were waited for, and those that came afterwards. */
    async commands(work: () => Promise<unknown>) {
      await store.idle()
      sent.length = 0
      await work()
      const ofStore = (all: string[]) => all.filter((command) => / entit/.test(command))
      const awaited = ofStore(sent.splice(0))
      await store.idle()
      return { awaited, later: ofStore(sent) }
    },
    async close() {
      repositories.close()
      await store.close()
      await lists.close()
      await mongo.run((database) => database.dropDatabase())
      await mongo.close()
    },
  }
}

describe.skipIf(url === undefined)('round trips to MongoDB', () => {
  it('are as the docstrings say', async () => {
    const counted = await openCounted()
    const { repositories, ofPosts } = counted
    const commands = (work: () => Promise<unknown>) => counted.commands(work)
    const keys = Array.from({ length: 100 }, (_, postID) => ({ spaceID: 's1', postID }))

    const reading = await commands(() => ofPosts.getMany(keys, { read: 'store' }))
    expect(reading.awaited).toEqual(['find entity_post'])
    const listing = await commands(() => ofPosts.ofSpace.keys({ spaceID: 's1' }, { read: 'store' }))
    expect(listing.awaited).toEqual(['find entity_post'])
    const counting = await commands(() => ofPosts.countOfAuthor({ authorID: 'a%1' }, { read: 'store' }))
    expect(counting.awaited).toEqual(['aggregate entity_post'])

    const ofProfiles = repositories.of(profiles)
    const putting = await commands(() => ofProfiles.put({ spaceID: 's1', authorID: '', bio: 'b' }))
    expect(putting.awaited.slice(0, 2)).toEqual(['find entity_profile', 'update entity_profile'])
    expect([...putting.awaited, ...putting.later]).toHaveLength(3)
    const inserting = await commands(() => ofProfiles.insert({ spaceID: 's1', authorID: 'new', bio: '' }))
    expect(inserting.awaited[0]).toBe('insert entity_profile')
    expect([...inserting.awaited, ...inserting.later]).toHaveLength(2)

    const joint = await commands(() =>
      repositories.together((together) => {
        for (const postID of [1, 2, 3, 4]) together.patch(posts, { spaceID: 's1', postID }, { title: 'new' })
        together.put(profiles, { spaceID: 's1', authorID: '', bio: 'c' })
      }),
    )
    const both = (command: string) => [`${command} entity_post`, `${command} entity_profile`]
    // Noted and read at once; locked; decided; settled.
    expect(joint.awaited.slice(0, 3).toSorted()).toEqual(['insert entities.intents', ...both('find')].toSorted())
    expect(joint.awaited.slice(3, 5).toSorted()).toEqual(both('update'))
    expect(joint.awaited[5]).toBe('update entities.intents')
    expect(joint.awaited.slice(6, 8).toSorted()).toEqual(both('update'))
    // Looked at once more, and forgotten.
    expect(joint.awaited.length + joint.later.length).toBe(8 + 2 + 1)
    await counted.close()
  })
})
