import { groupConversationID } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Notification } from '../src/domain/notifications.ts'
import { ascending, codes, groupActs } from './support/group-acts.ts'
import { adminUserID, type ImWorld, imWorld } from './support/im-world.ts'

let world: ImWorld
const users = ['owner', 'admin', 'ann', 'bob', 'cyd']
beforeEach(async () => {
  world = await imWorld()
  await world.register(...users)
})
afterEach(() => world.close())

const page = { pageNumber: 1, showNumber: 100 }
const everything = { groupIDs: [], handleResults: [] }
const { group, memberIDs, join, answer, invite, kick, quit, transfer, dismiss, types } = groupActs(() => world)
const tipsOf = <T>({ tips }: Notification): T => tips as T
const receivers = (contentType: number): string[] =>
  world.told.flatMap(({ contentType: type, to }) => (type === contentType && 'userID' in to ? [to.userID] : []))

describe('joining a group', () => {
  it('needs an application, which an admin accepts: the applicant is a member then', async () => {
    const groupID = await group(0)
    await join('ann', groupID)
    expect(await memberIDs(groupID)).toEqual(['owner', 'admin'])
    expect(receivers(1503)).toEqual(['owner', 'admin', 'ann'])
    const asked = tipsOf<{ uuid: string; applicant: { userID: string; nickname: string }; reqMsg: string }>(
      world.told[0]!,
    )
    expect(asked).toMatchObject({ applicant: { userID: 'ann', nickname: 'name of ann' }, reqMsg: 'please' })
    world.told.length = 0
    await answer('admin', groupID, 'ann')
    expect(await memberIDs(groupID)).toEqual(['owner', 'admin', 'ann'])
    expect(types()).toEqual([1505, 1505, 1505, 1510])
    expect(world.told.slice(0, 3).map(({ to, tips }) => [to, (tips as { receiverAs: number }).receiverAs])).toEqual([
      [{ userID: 'owner' }, 1],
      [{ userID: 'admin' }, 1],
      [{ userID: 'ann' }, 0],
    ])
    expect(tipsOf(world.told[0]!)).toMatchObject({
      handleMsg: 'so be it',
      opUser: { userID: 'admin' },
      group: { groupID },
      uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    expect(world.told[3]).toMatchObject({
      to: { groupID },
      asMessage: true,
      tips: {
        entrantUser: { userID: 'ann', roleLevel: 20 },
        group: { memberCount: 3 },
        groupMemberVersion: expect.any(Number),
        groupMemberVersionID: expect.stringMatching(/^[0-9a-f]{24}$/),
      },
    })
    const { groupRequests } = await world.groupRequestLists.sent('ann', everything, page)
    // handledMsg is always empty in OpenIM (reference §11.8).
    expect(groupRequests).toMatchObject([{ handleResult: 1, handleMsg: 'so be it', handleUserID: 'admin' }])
  })

  it('is refused once, with the reason, and may be asked again', async () => {
    const groupID = await group(0)
    await join('ann', groupID)
    await answer('owner', groupID, 'ann', false)
    expect(receivers(1506)).toEqual(['owner', 'admin', 'ann'])
    expect(await codes(answer('owner', groupID, 'ann'))).toEqual([1206])
    expect(await memberIDs(groupID)).not.toContain('ann')
    await join('ann', groupID)
    await answer('owner', groupID, 'ann')
    expect(await memberIDs(groupID)).toContain('ann')
  })

  it('has a fresh uuid in every notification of applications', async () => {
    const groupID = await group(0)
    for (const userID of ['ann', 'bob']) {
      await join(userID, groupID)
      await answer('owner', groupID, userID)
    }
    const uuids = world.told
      .filter(({ contentType, to }) => contentType !== 1510 && 'userID' in to && to.userID === 'owner')
      .map((one) => tipsOf<{ uuid: string }>(one).uuid)
    expect(new Set(uuids).size).toBe(4)
  })

  it('is done at once where nobody has to agree', async () => {
    const groupID = await group(2)
    await join('ann', groupID)
    expect(await memberIDs(groupID)).toContain('ann')
    expect(types()).toEqual([1510])
    expect(await codes(join('ann', groupID))).toEqual([1001])
  })

  it('is not possible in a group that is not there, or not any more', async () => {
    const groupID = await group(2)
    await dismiss('owner', groupID)
    expect(await codes(join('ann', 'nowhere'), join('ann', groupID))).toEqual([1201, 1204])
  })

  it('whoever did not apply cannot be accepted', async () => {
    expect(await codes(answer('owner', await group(0), 'ann'))).toEqual([1004])
  })
})

describe('inviting into a group', () => {
  it('makes members, and tells all of the group who came and who invited', async () => {
    const groupID = await group(0, 'ann')
    await invite('ann', groupID, 'bob', 'cyd', 'ann', 'bob')
    expect((await memberIDs(groupID)).toSorted()).toEqual(users.toSorted())
    expect(world.told).toMatchObject([
      {
        contentType: 1509,
        asMessage: true,
        tips: {
          invitedUserList: [{ userID: 'bob', inviterUserID: 'ann', joinSource: 2 }, { userID: 'cyd' }],
          inviterUser: { userID: 'ann' },
        },
      },
    ])
  })

  it('needs approval where the group wants it, except by owner and admins', async () => {
    const groupID = await group(1, 'ann')
    await invite('ann', groupID, 'bob')
    expect(await memberIDs(groupID)).not.toContain('bob')
    expect(receivers(1503)).toEqual(['owner', 'admin', 'bob', 'ann'])
    await invite('admin', groupID, 'cyd')
    expect(await memberIDs(groupID)).toContain('cyd')
    world.told.length = 0
    await answer('owner', groupID, 'bob')
    expect(await memberIDs(groupID)).toContain('bob')
    expect(world.told.at(-1)).toMatchObject({
      contentType: 1509,
      tips: { invitedUserList: [{ userID: 'bob' }], inviterUser: { userID: 'ann' } },
    })
  })

  it('of somebody who does not exist makes nobody a member', async () => {
    const groupID = await group(0)
    expect(await codes(invite('owner', groupID, 'ann', 'ghost'))).toEqual([1101])
    expect(await memberIDs(groupID)).toEqual(['owner', 'admin'])
  })

  it('of many right after the creation works whole, and so does removing them (reference §11.4)', async () => {
    const groupID = await group(0)
    const many = Array.from({ length: 120 }, (_, at) => `many${at}`)
    await world.register(...many)
    await invite('owner', groupID, ...many)
    expect(await memberIDs(groupID)).toHaveLength(122)
    expect(types()).toEqual([1509, 1509, 1509])
    await kick('owner', groupID, ...many)
    expect(await memberIDs(groupID)).toEqual(['owner', 'admin'])
    expect(types()).toEqual([1509, 1509, 1509, 1508, 1508, 1508])
    const told = world.told.slice(3).flatMap(({ to }) => ('groupID' in to ? (to.alsoTo ?? []) : []))
    expect(told.toSorted()).toEqual(many.toSorted())
  })

  it('asks for few at a time where each needs approval', async () => {
    const groupID = await group(1, 'ann')
    const many = Array.from({ length: 101 }, (_, at) => `many${at}`)
    await world.register(...many)
    expect(await codes(invite('ann', groupID, ...many))).toEqual([1803])
    expect(await world.groupRequestLists.openCount('owner', 0)).toBe(0)
  })
})

describe('leaving a group', () => {
  const read = async (userID: string, groupID: string): Promise<string[]> => {
    const conversationID = groupConversationID(groupID)
    const range = { conversationID, begin: 1, end: 100, num: 0 }
    const { messages } = await world.messages.pullByRanges(userID, [range], 0)
    return (messages.get(conversationID)?.messages ?? []).map(
      ({ content }) => (JSON.parse(Buffer.from(content).toString()) as { content: string }).content,
    )
  }

  it.each([
    ['by quitting', 1504, (groupID: string) => quit('ann', groupID)],
    ['by being kicked', 1508, (groupID: string) => kick('admin', groupID, 'ann')],
  ] as const)('%s leaves what was said up to then, and coming back continues it', async (_name, contentType, leave) => {
    const groupID = await group(2, 'ann', 'bob')
    await world.send('bob', { groupID }, 'before')
    await leave(groupID)
    expect(world.told).toMatchObject([{ contentType, to: { groupID, alsoTo: ['ann'] }, asMessage: true }])
    await world.send('bob', { groupID }, 'meanwhile')
    expect(await read('ann', groupID)).toEqual(['before'])
    const left = await world.conversations.find('ann', [groupConversationID(groupID)])
    expect(left).toMatchObject([{ maxSeq: 1 }])
    await join('ann', groupID)
    await world.send('bob', { groupID }, 'after')
    expect(await read('ann', groupID)).toEqual(['before', 'meanwhile', 'after'])
    expect(await world.conversations.find('ann', [groupConversationID(groupID)])).toMatchObject([{ maxSeq: 0 }])
  })

  it('removes all that are named, or none', async () => {
    const groupID = await group(0, 'ann')
    expect(await codes(kick('owner', groupID, 'ann', 'bob'), kick('admin', groupID, 'ann', 'owner'))).toEqual([
      1203, 1002,
    ])
    expect(await memberIDs(groupID)).toContain('ann')
    expect(types()).toEqual([])
  })
})

describe('roles in a group', () => {
  it('are swapped when it is handed over, and the new owner is not muted any more', async () => {
    const groupID = await group(0, 'ann')
    await world.groupRoles.mute(world.caller('owner'), groupID, 'admin', 60)
    world.told.length = 0
    await transfer(groupID, 'owner', 'admin')
    const rows = await world.groups.members(groupID, ['owner', 'admin', 'ann'])
    expect(rows.map(({ userID, roleLevel, muteEndTime }) => [userID, roleLevel, muteEndTime])).toEqual([
      ['owner', 60, 0],
      ['admin', 100, 0],
      ['ann', 20, 0],
    ])
    expect(world.told).toMatchObject([
      {
        contentType: 1507,
        asMessage: true,
        tips: {
          group: { ownerUserID: 'admin' },
          newGroupOwner: { userID: 'admin', roleLevel: 100 },
          oldGroupOwner: 'owner',
          oldGroupOwnerInfo: { userID: 'owner', roleLevel: 60 },
        },
      },
    ])
  })

  it('are handed over by the administrator only from who has them', async () => {
    const groupID = await group(0, 'ann')
    const over = world.groupRoles.transfer(world.caller(adminUserID), groupID, 'ann', 'admin')
    expect(await codes(over)).toEqual([1001])
    await world.groupRoles.transfer(world.caller(adminUserID), groupID, 'owner', 'ann')
    expect((await memberIDs(groupID))[0]).toBe('ann')
  })

  it('and names are told by kind: 1516, 1517, 1518', async () => {
    const groupID = await group(0, 'ann')
    const change = (fields: object) =>
      world.groupRoles.change(world.caller('owner'), [{ groupID, userID: 'ann', ...fields }])
    await change({ nickname: 'Annie' })
    await change({ roleLevel: 60 })
    await change({ roleLevel: 20, ex: 'e' })
    expect(types()).toEqual([1516, 1517, 1518])
    expect(tipsOf(world.told[0]!)).toMatchObject({ changedUser: { nickname: 'Annie', faceURL: 'face of ann' } })
    expect(await world.groups.members(groupID, ['ann'])).toMatchObject([{ nickname: 'Annie', ex: 'e', roleLevel: 20 }])
  })

  it('of several members are changed together or not at all', async () => {
    const groupID = await group(0, 'ann')
    const changes = ['ann', 'owner'].map((userID) => ({ groupID, userID, nickname: 'new' }))
    expect(await codes(world.groupRoles.change(world.caller('admin'), changes))).toEqual([1002])
    expect(await world.groups.members(groupID, ['ann'])).toMatchObject([{ nickname: 'name of ann' }])
  })
})

describe('what a group says of itself', () => {
  it('is told by kind: the notice, the name and the rest', async () => {
    const groupID = await group(0)
    const change = { notification: 'read this', groupName: 'new name', introduction: 'hello', needVerification: 2 }
    await world.groupSettings.change(world.caller('admin'), groupID, change)
    expect(world.told.map(({ contentType, asMessage }) => [contentType, asMessage])).toEqual([
      [1519, true],
      [1520, true],
      [1502, false],
    ])
    for (const one of world.told)
      expect(tipsOf(one)).toMatchObject({
        group: { ...change, notificationUserID: 'admin', notificationUpdateTime: world.clock.now() },
        opUser: { userID: 'admin' },
        groupMemberVersion: expect.any(Number),
      })
    world.told.length = 0
    await world.groupSettings.change(world.caller('admin'), groupID, { notification: '' })
    expect(world.told).toMatchObject([{ contentType: 1519, asMessage: false }])
  })

  it('is muted and let speak again, each told once', async () => {
    const groupID = await group(0)
    const set = (isMuted: boolean) => world.groupSettings.setMuted(world.caller('owner'), groupID, isMuted)
    for (const isMuted of [false, true, true, false]) await set(isMuted)
    expect(types()).toEqual([1514, 1515])
    expect(world.told.map(({ tips }) => (tips as { group: { status: number } }).group.status)).toEqual([3, 0])
  })
})

describe('dismissing a group', () => {
  it('removes everybody in steps, the owner last, and tells each once after the step', async () => {
    const groupID = await group(0)
    const many = Array.from({ length: 448 }, (_, at) => `many${at}`)
    await world.register(...many)
    await invite('owner', groupID, ...many)
    await world.send('ann', { userID: 'bob' })
    world.told.length = 0
    await dismiss('owner', groupID)
    expect(await world.groups.infos([groupID])).toMatchObject([{ status: 2 }])
    await until('everybody is told', () => world.told.length === 4)
    const [message, ...steps] = world.told
    expect(message).toMatchObject({ contentType: 1511, asMessage: 'only', operationID: 'op of owner' })
    const told = steps.map(({ to }) => ('groupID' in to ? to.onlyTo! : []))
    expect(told.map(({ length }) => length)).toEqual([200, 200, 50])
    expect(told[2]!.slice(0, 2)).toEqual(['owner', 'admin'])
    expect(told.flat().toSorted()).toEqual(['owner', 'admin', ...many].toSorted())
    for (const { tips } of world.told)
      expect(tips).toMatchObject({
        group: { status: 2, memberCount: 450, ownerUserID: 'owner' },
        opUser: { roleLevel: 100 },
      })
    expect(await memberIDs(groupID)).toEqual([])
    expect(await world.groups.joinedIDs('many7')).toEqual([])
  })

  it('happens once', async () => {
    const groupID = await group(0, 'ann')
    expect((await codes(dismiss('owner', groupID), dismiss('owner', groupID))).toSorted(ascending)).toEqual([0, 1204])
    expect(await codes(dismiss('owner', groupID), invite('ann', groupID, 'bob'), quit('ann', groupID))).toEqual([
      1204, 1204, 1204,
    ])
  })
})

describe('lists of applications', () => {
  it('show each what it may decide or asked for, the newest first', async () => {
    const [one, two] = [await group(0), await group(0)]
    for (const [userID, groupID] of [
      ['ann', one],
      ['bob', two],
      ['cyd', one],
    ] as const) {
      await join(userID, groupID)
      await world.clock.advance(10)
    }
    await answer('owner', one, 'ann', false)
    const of = async (groupRequests: readonly { userInfo: { userID: string } }[]) =>
      groupRequests.map(({ userInfo }) => userInfo.userID)
    const received = (filter: object, request = page) =>
      world.groupRequestLists.received('owner', { ...everything, ...filter }, request)
    expect(await of((await received({})).groupRequests)).toEqual(['cyd', 'bob', 'ann'])
    const second = await received({}, { pageNumber: 2, showNumber: 2 })
    expect([second.total, await of(second.groupRequests)]).toEqual([3, ['ann']])
    expect(await of((await received({ handleResults: [0] })).groupRequests)).toEqual(['cyd', 'bob'])
    expect(await of((await received({ groupIDs: [one] })).groupRequests)).toEqual(['cyd', 'ann'])
    expect(await of((await world.groupRequestLists.received('ann', everything, page)).groupRequests)).toEqual([])
    expect(await world.groupRequestLists.openCount('admin', 0)).toBe(2)
    expect(await world.groupRequestLists.openCount('admin', world.clock.now() - 15)).toBe(1)
    expect((await world.groupRequestLists.sent('ann', { ...everything, handleResults: [0] }, page)).total).toBe(0)
    expect((await world.groupRequestLists.sent('ann', everything, page)).groupRequests).toMatchObject([
      { groupInfo: { groupID: one }, userInfo: { nickname: 'name of ann' }, handleResult: -1, joinSource: 3 },
    ])
  })

  it('and of all groups are for administrators', async () => {
    const list = (filter: object) =>
      world.groupDirectory.page({ groupID: '', groupName: '', ...filter }, { pageNumber: 1, showNumber: 2 })
    const groupIDs = [await group(0), await group(0), await group(0)]
    await world.groupSettings.change(world.caller('owner'), groupIDs[1]!, { groupName: 'Chess' })
    expect(await list({})).toMatchObject({ total: 3 })
    expect((await list({})).groups).toHaveLength(2)
    expect(await list({ groupName: 'chess' })).toMatchObject({
      total: 1,
      groups: [{ groupInfo: { groupID: groupIDs[1] }, groupOwnerUserID: 'owner', groupOwnerUserName: 'name of owner' }],
    })
    expect(await list({ groupID: groupIDs[2] })).toMatchObject({ total: 1 })
  })
})
