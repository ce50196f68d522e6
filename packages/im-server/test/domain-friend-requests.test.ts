import { notificationTypes } from '@parlance/openim-protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FriendRequests } from '../src/domain/friend-requests.ts'
import { relationLimits } from '../src/domain/relation-limits.ts'
import type { RelationNotices } from '../src/domain/relation-notices.ts'
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

const page = { pageNumber: 1, showNumber: 100 }

describe('asking to become friends', () => {
  it('leaves an open request, which both find, and tells the asked user and the own devices', async () => {
    await relations.apply('alice', 'bob')
    const open = {
      fromUserID: 'alice',
      fromNickname: 'name of alice',
      fromFaceURL: 'face of alice',
      toUserID: 'bob',
      toNickname: 'name of bob',
      toFaceURL: 'face of bob',
      handleResult: 0,
      reqMsg: 'hello',
      createTime: world.clock.now(),
      handlerUserID: '',
      handleMsg: '',
      handleTime: 0,
      ex: 'e',
    }
    expect(await world.friendRequestLists.received('bob', [], page)).toEqual({ total: 1, requests: [open] })
    expect(await world.friendRequestLists.sent('alice', [], page)).toEqual({ total: 1, requests: [open] })
    expect(await world.friendRequestLists.openCount('bob', 0)).toBe(1)
    expect(relations.toldOf(0)).toEqual([
      {
        contentType: notificationTypes.friendApplication,
        sendID: 'alice',
        to: 'bob',
        asMessage: false,
        operationID: 'op of alice',
        tips: { fromToUserID: { fromUserID: 'alice', toUserID: 'bob' }, request: open },
      },
    ])
  })

  it.each([
    ['oneself', 'alice', 1301],
    ['nobody', 'nobody', 1101],
  ])('is refused for %s', async (_whom, toUserID, errCode) => {
    await expect(relations.apply('alice', toUserID)).rejects.toMatchObject({ errCode })
    expect(world.told).toEqual([])
  })

  it('is refused for nobody as the asking one', async () => {
    await expect(relations.apply('nobody', 'alice')).rejects.toMatchObject({ errCode: 1101 })
  })

  it('is refused by who blocked the asking user, not by who is blocked by it', async () => {
    await world.blacklist.add(world.caller('bob'), 'bob', 'alice', '')
    await expect(relations.apply('alice', 'bob')).rejects.toMatchObject({ errCode: 1302 })
    await relations.apply('bob', 'alice')
  })

  it('is refused between friends, and works again once one of them deleted the other', async () => {
    await relations.befriend('alice', 'bob')
    await expect(relations.apply('alice', 'bob')).rejects.toMatchObject({ errCode: 1304 })
    await expect(relations.apply('bob', 'alice')).rejects.toMatchObject({ errCode: 1304 })
    await world.friendships.delete(world.caller('bob'), 'bob', 'alice')
    await relations.apply('alice', 'bob')
  })

  it('again opens the same request anew', async () => {
    await relations.apply('alice', 'bob')
    await relations.answer('alice', 'bob', false)
    expect(await relations.request('alice', 'bob')).toMatchObject({
      handleResult: -1,
      handleMsg: 'well',
      handlerUserID: 'bob',
    })
    await world.clock.advance(1_000)
    await relations.apply('alice', 'bob', 'please')
    const { total, requests } = await world.friendRequestLists.received('bob', [], page)
    expect(total).toBe(1)
    expect(requests[0]).toMatchObject({
      handleResult: 0,
      reqMsg: 'please',
      handleMsg: '',
      handlerUserID: '',
      handleTime: 0,
      createTime: world.clock.now(),
    })
    await relations.accept('alice', 'bob')
  })

  it('is bounded on both sides; asking again is not one more', async () => {
    const row = { reqMsg: '', handleResult: 0, handlerUserID: '', handleMsg: '', ex: '' }
    const fill = (of: (at: number) => { fromUserID: string; toUserID: string }) =>
      world.repositories.friendRequests.putMany(
        Array.from({ length: relationLimits.openRequests }, (_, at) => ({
          ...row,
          createTime: new Date(at),
          handleTime: new Date(0),
          ...of(at),
        })),
      )
    await fill((at) => ({ fromUserID: 'alice', toUserID: at === 0 ? 'bob' : `u${at}` }))
    await expect(relations.apply('alice', 'carol')).rejects.toMatchObject({ errCode: 1803 })
    await relations.apply('alice', 'bob')
    await fill((at) => ({ fromUserID: `u${at}`, toUserID: 'dave' }))
    await expect(relations.apply('bob', 'dave')).rejects.toMatchObject({ errCode: 1803 })
  })
})

describe('accepting', () => {
  it('makes both friends, and tells both', async () => {
    await relations.apply('alice', 'bob')
    const before = world.told.length
    await relations.accept('alice', 'bob')
    expect([await relations.listOf('alice'), await relations.listOf('bob')]).toEqual([['bob'], ['alice']])
    expect(await world.repositories.friends.get({ ownerUserID: 'alice', friendUserID: 'bob' })).toMatchObject({
      addSource: 2,
      operatorUserID: 'bob',
      remark: '',
      isPinned: false,
    })
    expect(await relations.request('alice', 'bob')).toMatchObject({
      handleResult: 1,
      handlerUserID: 'bob',
      handleMsg: 'well',
      handleTime: world.clock.now(),
    })
    expect(await world.friendRequestLists.openCount('bob', 0)).toBe(0)
    const fromToUserID = { fromUserID: 'alice', toUserID: 'bob' }
    const versionID = expect.stringMatching(/^[0-9a-f]{24}$/) as unknown
    const added = (owner: string, other: string) => ({
      contentType: 1204,
      sendID: owner,
      to: owner,
      asMessage: false,
      operationID: 'op of bob',
      tips: {
        friend: expect.objectContaining({ ownerUserID: owner, friendUser: expect.objectContaining({ userID: other }) }),
        operationTime: world.clock.now(),
        opUser: { userID: 'bob', nickname: 'name of bob', faceURL: 'face of bob', ex: '' },
        friendVersion: 2,
        friendVersionID: versionID,
      },
    })
    expect(relations.toldOf(before)).toEqual([
      {
        contentType: 1201,
        sendID: 'bob',
        to: 'alice',
        asMessage: true,
        operationID: 'op of bob',
        tips: {
          fromToUserID,
          handleMsg: 'well',
          friendVersion: 2,
          friendVersionID: versionID,
          request: expect.objectContaining({ ...fromToUserID, handleResult: 1 }),
        },
      },
      added('alice', 'bob'),
      added('bob', 'alice'),
    ])
  })

  it('settles the other’s own request too', async () => {
    await relations.apply('alice', 'bob')
    await relations.apply('bob', 'alice')
    await relations.accept('alice', 'bob')
    expect(await relations.request('bob', 'alice')).toMatchObject({ handleResult: 1, handlerUserID: 'bob' })
    await expect(relations.accept('bob', 'alice')).rejects.toMatchObject({ errCode: 1305 })
  })

  it('keeps what one of the two had set for the other', async () => {
    await relations.befriend('alice', 'bob')
    await world.friendships.update(world.caller('alice'), 'alice', ['bob'], { remark: 'Bobby', isPinned: true })
    await world.friendships.delete(world.caller('bob'), 'bob', 'alice')
    await relations.befriend('alice', 'bob')
    expect(await world.friends.find('alice', ['bob'])).toMatchObject([{ remark: 'Bobby', isPinned: true }])
    expect(await relations.listOf('bob')).toEqual(['alice'])
  })

  it('needs room in both lists', async () => {
    const rows = Array.from({ length: relationLimits.friends }, (_, at) => ({
      ownerUserID: 'alice',
      friendUserID: `u${at}`,
      remark: '',
      createTime: new Date(0),
      addSource: 1,
      operatorUserID: '',
      ex: '',
      isPinned: false,
    }))
    await world.repositories.friends.putMany(rows)
    await relations.apply('alice', 'bob')
    await expect(relations.accept('alice', 'bob')).rejects.toMatchObject({ errCode: 1803 })
    expect(await relations.listOf('bob')).toEqual([])
    await expect(world.friendships.import(world.caller(adminUserID), 'carol', ['bob', 'alice'])).rejects.toMatchObject({
      errCode: 1803,
    })
    expect(await relations.listOf('carol')).toEqual([])
  })
})

describe('an answer', () => {
  it.each([true, false])('is given once: again is refused with 1305 (first accepted: %s)', async (isAccepted) => {
    await relations.apply('alice', 'bob')
    await relations.answer('alice', 'bob', isAccepted)
    const before = world.told.length
    expect(
      await relations.codes([relations.answer('alice', 'bob', true), relations.answer('alice', 'bob', false)]),
    ).toEqual([1305, 1305])
    expect(world.told.length).toBe(before)
    expect(await relations.listOf('alice')).toEqual(isAccepted ? ['bob'] : [])
  })

  it('needs a request and users', async () => {
    await expect(relations.accept('alice', 'bob')).rejects.toMatchObject({ errCode: 1004 })
    await relations.apply('alice', 'bob')
    await expect(relations.accept('bob', 'alice')).rejects.toMatchObject({ errCode: 1004 })
    await expect(relations.accept('nobody', 'bob')).rejects.toMatchObject({ errCode: 1101 })
  })

  it('that refuses tells both, and makes nobody a friend', async () => {
    await relations.apply('alice', 'bob')
    const before = world.told.length
    await relations.answer('alice', 'bob', false, 'no')
    expect(relations.toldOf(before)).toEqual([
      {
        contentType: 1202,
        sendID: 'bob',
        to: 'alice',
        asMessage: false,
        operationID: 'op of bob',
        tips: {
          fromToUserID: { fromUserID: 'alice', toUserID: 'bob' },
          handleMsg: 'no',
          request: expect.objectContaining({ handleResult: -1, handleMsg: 'no' }),
        },
      },
    ])
    expect([await relations.listOf('alice'), await relations.listOf('bob')]).toEqual([[], []])
  })

  it.each([
    ['accept and accept', [true, true]],
    ['accept and refuse', [true, false]],
    ['refuse and accept', [false, true]],
    ['many', [true, false, true, false, true, false, true, false]],
  ])('of several at the same moment one wins: %s', async (_name, answers) => {
    await relations.apply('alice', 'bob')
    const before = world.told.length
    const results = await relations.codes(answers.map((isAccepted) => relations.answer('alice', 'bob', isAccepted)))
    expect(results.toSorted((a, b) => a - b)).toEqual([0, ...answers.slice(1).map(() => 1305)])
    const isAccepted = answers[results.indexOf(0)]!
    expect([await relations.listOf('alice'), await relations.listOf('bob')]).toEqual(
      isAccepted ? [['bob'], ['alice']] : [[], []],
    )
    expect(await relations.request('alice', 'bob')).toMatchObject({ handleResult: isAccepted ? 1 : -1 })
    expect(relations.toldOf(before).map(({ contentType }) => contentType)).toEqual(
      isAccepted ? [1201, 1204, 1204] : [1202],
    )
  })

  it('of both to each other at the same moment leaves both friends and nothing open', async () => {
    await relations.apply('alice', 'bob')
    await relations.apply('bob', 'alice')
    const results = await relations.codes([relations.accept('alice', 'bob'), relations.accept('bob', 'alice')])
    expect(results.toSorted((a, b) => a - b)).toEqual([0, 1305])
    expect([await relations.listOf('alice'), await relations.listOf('bob')]).toEqual([['bob'], ['alice']])
    expect([await relations.request('alice', 'bob'), await relations.request('bob', 'alice')]).toMatchObject([
      { handleResult: 1 },
      { handleResult: 1 },
    ])
  })
})

describe('what happens between a rule’s look and its write', () => {
  /** The same rules; `meanwhile` happens once, when the first write was decided on and is not done yet. */
  const interrupted = (meanwhile: () => Promise<unknown>): FriendRequests => {
    let isDone = false
    const { repositories, users, clock } = world
    const notices = { requested: () => Promise.resolve(), accepted: () => Promise.resolve() } as unknown
    const together: typeof repositories.together = async (gather) => {
      if (!isDone) {
        isDone = true
        await meanwhile()
      }
      await repositories.together(gather)
    }
    return new FriendRequests({
      repositories: { ...repositories, together },
      users,
      notices: notices as RelationNotices,
      clock,
    })
  }
  const bobAsks = (rules: FriendRequests) =>
    rules.apply(world.caller('bob'), { fromUserID: 'bob', toUserID: 'alice', reqMsg: '', ex: '' })

  it('the other’s request is accepted: asking finds a friend', async () => {
    await relations.apply('alice', 'bob')
    const asks = bobAsks(interrupted(() => relations.accept('alice', 'bob')))
    await expect(asks).rejects.toMatchObject({ errCode: 1304 })
    expect(await relations.request('bob', 'alice')).toBeUndefined()
  })

  it('the other asks and is accepted: asking finds a friend', async () => {
    const asks = bobAsks(interrupted(() => relations.befriend('alice', 'bob')))
    await expect(asks).rejects.toMatchObject({ errCode: 1304 })
    expect(await relations.request('bob', 'alice')).toBeUndefined()
  })

  it('the other asks: both requests are open', async () => {
    await bobAsks(interrupted(() => relations.apply('alice', 'bob')))
    expect([await relations.request('bob', 'alice'), await relations.request('alice', 'bob')]).toMatchObject([
      { handleResult: 0 },
      { handleResult: 0 },
    ])
  })

  it('the accepting one asks as well: that is settled too', async () => {
    await relations.apply('alice', 'bob')
    const rules = interrupted(() => relations.apply('bob', 'alice'))
    await rules.answer(world.caller('bob'), { fromUserID: 'alice', toUserID: 'bob', isAccepted: true, handleMsg: '' })
    expect(await relations.request('bob', 'alice')).toMatchObject({ handleResult: 1 })
    expect(await world.friendRequestLists.openCount('alice', 0)).toBe(0)
  })

  it('an old entry is deleted: accepting makes it anew', async () => {
    await relations.befriend('alice', 'bob')
    await world.friendships.delete(world.caller('bob'), 'bob', 'alice')
    await relations.apply('bob', 'alice')
    const rules = interrupted(() => world.friendships.delete(world.caller('alice'), 'alice', 'bob'))
    await rules.answer(world.caller('alice'), { fromUserID: 'bob', toUserID: 'alice', isAccepted: true, handleMsg: '' })
    expect([await relations.listOf('alice'), await relations.listOf('bob')]).toEqual([['bob'], ['alice']])
  })
})

describe('the lists of requests', () => {
  it('come newest first, in pages, and by result', async () => {
    for (const userID of ['bob', 'carol', 'dave']) {
      await relations.apply(userID, 'alice')
      await world.clock.advance(1_000)
    }
    await relations.answer('carol', 'alice', false)
    await relations.accept('bob', 'alice')
    const from = async (results: number[], showNumber = 100, pageNumber = 1) => {
      const { total, requests } = await world.friendRequestLists.received('alice', results, { pageNumber, showNumber })
      return [total, ...requests.map(({ fromUserID }) => fromUserID)]
    }
    expect(await from([])).toEqual([3, 'dave', 'carol', 'bob'])
    expect(await from([], 2)).toEqual([3, 'dave', 'carol'])
    expect(await from([], 2, 2)).toEqual([3, 'bob'])
    expect(await from([0])).toEqual([1, 'dave'])
    expect(await from([-1, 1])).toEqual([2, 'bob', 'carol'])
    expect(await from([-1, 1, 0], 2)).toEqual([3, 'dave', 'bob'])
    expect(await from([-1, 1, 0], 2, 2)).toEqual([3, 'carol'])
    expect((await world.friendRequestLists.sent('carol', [-1], page)).total).toBe(1)
    expect((await world.friendRequestLists.sent('carol', [0], page)).total).toBe(0)
  })

  it('count what came since a time', async () => {
    await relations.apply('bob', 'alice')
    const since = world.clock.now()
    await world.clock.advance(1_000)
    await relations.apply('carol', 'alice')
    expect(await world.friendRequestLists.openCount('alice', 0)).toBe(2)
    expect(await world.friendRequestLists.openCount('alice', since)).toBe(1)
    expect(await world.friendRequestLists.openCount('alice', world.clock.now())).toBe(0)
  })

  it('of a pair name the one that was asked for first', async () => {
    await relations.apply('alice', 'bob')
    await relations.apply('bob', 'alice')
    const ends = async (a: string, b: string) =>
      (await world.friendRequestLists.between(a, b)).map(({ fromUserID }) => fromUserID)
    expect(await ends('alice', 'bob')).toEqual(['alice', 'bob'])
    expect(await ends('bob', 'alice')).toEqual(['bob', 'alice'])
    expect(await ends('alice', 'carol')).toEqual([])
  })
})
