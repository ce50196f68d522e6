import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adminUserID, type ImWorld, imWorld } from './support/im-world.ts'
import { type Relations, relationsOf } from './support/relations.ts'

let world: ImWorld
let relations: Relations
beforeEach(async () => {
  world = await imWorld()
  await world.register('alice', 'bob', 'carol', 'dave')
  relations = relationsOf(world)
})
afterEach(() => world.close())

describe('the owner of a list of friends', () => {
  beforeEach(async () => {
    await relations.befriend('alice', 'bob')
    await relations.befriend('alice', 'carol')
    world.told.length = 0
  })

  it('deletes one way, and both are told', async () => {
    await world.friendships.delete(world.caller('alice'), 'alice', 'bob')
    expect([await relations.listOf('alice'), await relations.listOf('bob')]).toEqual([['carol'], ['alice']])
    expect(relations.toldOf(0)).toMatchObject([
      {
        contentType: 1205,
        sendID: 'alice',
        to: 'bob',
        tips: { fromToUserID: { fromUserID: 'alice', toUserID: 'bob' }, friendVersion: 4 },
      },
    ])
    await expect(world.friendships.delete(world.caller('alice'), 'alice', 'bob')).rejects.toMatchObject({
      errCode: 1004,
    })
    expect(world.told.length).toBe(1)
  })

  it('gives a friend another name, of which only the own devices hear', async () => {
    await world.friendships.remark(world.caller('alice'), 'alice', 'bob', 'Bobby')
    expect(await world.friends.find('alice', ['bob'])).toMatchObject([{ remark: 'Bobby' }])
    expect(relations.toldOf(0)).toMatchObject([
      {
        contentType: 1206,
        sendID: 'alice',
        to: 'alice',
        tips: { fromToUserID: { fromUserID: 'alice', toUserID: 'bob' } },
      },
    ])
    await world.friendships.remark(world.caller('alice'), 'alice', 'bob', '')
    expect(await world.friends.find('alice', ['bob'])).toMatchObject([{ remark: '' }])
    await expect(world.friendships.remark(world.caller('alice'), 'alice', 'dave', 'D.')).rejects.toMatchObject({
      errCode: 1004,
    })
  })

  it('changes several at once, all or none; pinned ones come first', async () => {
    const update = (ids: string[], change: object) =>
      world.friendships.update(world.caller('alice'), 'alice', ids, change)
    await update(['carol', 'carol'], { isPinned: true })
    expect(await relations.listOf('alice')).toEqual(['carol', 'bob'])
    await update(['bob', 'carol'], { ex: 'e', remark: 'r' })
    expect(await world.friends.find('alice', ['bob', 'carol'])).toMatchObject([
      { ex: 'e', remark: 'r', isPinned: false },
      { ex: 'e', remark: 'r', isPinned: true },
    ])
    await expect(update(['bob', 'dave'], { remark: 'x' })).rejects.toMatchObject({
      errCode: 1004,
      message: expect.stringContaining('dave'),
    })
    expect(await world.friends.find('alice', ['bob'])).toMatchObject([{ remark: 'r' }])
    await update(['bob'], {})
    expect(relations.toldOf(0)).toMatchObject([
      {
        contentType: 1210,
        sendID: 'alice',
        to: 'alice',
        tips: { fromToUserID: { fromUserID: 'alice', toUserID: 'alice' }, friendIDs: ['carol'] },
      },
      { contentType: 1210, tips: { friendIDs: ['bob', 'carol'] } },
    ])
  })

  it('reads the whole list of ids', async () => {
    expect(await world.friends.allIDs('alice')).toEqual(['bob', 'carol'])
  })
})

describe('importing friends', () => {
  const load = (ids: string[]) => world.friendships.import(world.caller(adminUserID), 'alice', ids)

  it('makes both friends without asking, and tells each list’s owner', async () => {
    await relations.befriend('alice', 'bob')
    world.told.length = 0
    await load(['bob', 'carol', 'dave'])
    expect(await relations.listOf('alice')).toEqual(['bob', 'carol', 'dave'])
    expect([await relations.listOf('carol'), await relations.listOf('dave')]).toEqual([['alice'], ['alice']])
    expect(await world.friends.find('alice', ['bob', 'carol'])).toMatchObject([{ addSource: 2 }, { addSource: 1 }])
    expect(relations.toldOf(0).map(({ contentType, to }) => [contentType, to])).toEqual([
      [1210, 'alice'],
      [1204, 'carol'],
      [1204, 'dave'],
    ])
    world.told.length = 0
    await load(['bob', 'carol'])
    expect(world.told).toEqual([])
  })

  it.each([
    ['the owner', ['bob', 'alice'], 1301],
    ['nobody', ['bob', 'nobody'], 1101],
    ['somebody twice', ['bob', 'bob'], 1001],
  ])('is refused for %s, whole', async (_name, ids, errCode) => {
    await expect(load(ids)).rejects.toMatchObject({ errCode })
    expect(await relations.listOf('alice')).toEqual([])
  })

  it('at the same moment as an answer leaves one friendship', async () => {
    await relations.apply('bob', 'alice')
    expect(await relations.codes([load(['bob']), relations.accept('bob', 'alice')])).toEqual([0, 0])
    expect([await relations.listOf('alice'), await relations.listOf('bob')]).toEqual([['bob'], ['alice']])
  })
})

describe('incremental lists of friends', () => {
  it('tell what came, changed and went', async () => {
    const first = await world.friends.incremental('alice', { version: 0, versionID: '' })
    await relations.befriend('alice', 'bob')
    const second = await world.friends.incremental('alice', first)
    expect(second).toMatchObject({ full: false, insert: [{ friendUser: { userID: 'bob' } }], update: [], delete: [] })
    await world.friendships.remark(world.caller('alice'), 'alice', 'bob', 'B.')
    const third = await world.friends.incremental('alice', second)
    expect(third).toMatchObject({ full: false, insert: [], update: [{ remark: 'B.' }], delete: [] })
    await world.friendships.delete(world.caller('alice'), 'alice', 'bob')
    expect(await world.friends.incremental('alice', third)).toMatchObject({ insert: [], update: [], delete: ['bob'] })
  })
})
