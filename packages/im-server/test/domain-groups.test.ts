import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adminUserID, draft, type ImWorld, imWorld } from './support/im-world.ts'
import { joinGroup } from './support/join-group.ts'

let world: ImWorld
beforeEach(async () => {
  world = await imWorld()
  await world.register('alice', 'bob', 'carol', 'dave')
})
afterEach(() => world.close())

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at)
const users = (list: readonly { readonly userID: string }[]): string[] => list.map(({ userID }) => userID)
const members = (groupID: string) =>
  world.groups.memberPage(groupID, { filter: 0, keyword: '' }, { pageNumber: 1, showNumber: 100 })

describe('creating a group', () => {
  const first = { ownerUserID: 'alice', adminUserIDs: ['bob'], memberUserIDs: ['carol'] }

  it('gives everybody a role, the owner first', async () => {
    const group = await world.groupCreation.create(
      world.caller('alice'),
      { ...draft, groupID: 'g', introduction: 'hello' },
      first,
    )
    expect(group).toEqual({
      groupID: 'g',
      groupName: 'a group',
      notification: '',
      introduction: 'hello',
      faceURL: '',
      ownerUserID: 'alice',
      createTime: world.clock.now(),
      memberCount: 3,
      ex: '',
      status: 0,
      creatorUserID: 'alice',
      groupType: 2,
      needVerification: 0,
      lookMemberInfo: 0,
      applyMemberFriend: 0,
      notificationUpdateTime: 0,
      notificationUserID: '',
    })
    expect(await world.groups.infos(['g'])).toEqual([group])
    const { total, members: list } = await members('g')
    expect(total).toBe(3)
    expect(list.map(({ userID, roleLevel, nickname }) => [userID, roleLevel, nickname])).toEqual([
      ['alice', 100, 'name of alice'],
      ['bob', 60, 'name of bob'],
      ['carol', 20, 'name of carol'],
    ])
  })

  it('tells the group everything in one notification that is also a message', async () => {
    const group = await world.groupCreation.create(world.caller('alice'), { ...draft, groupID: 'g' }, first)
    const [notification] = world.told
    expect(world.told).toHaveLength(1)
    expect(notification).toMatchObject({
      sendID: 'alice',
      to: { groupID: 'g' },
      contentType: 1501,
      operationID: 'op of alice',
      asMessage: true,
    })
    const tips = notification!.tips as {
      memberList: { userID: string }[]
      groupMemberVersion: number
      groupMemberVersionID: string
    }
    expect(tips).toMatchObject({
      group,
      opUser: { userID: 'alice', roleLevel: 100 },
      groupOwnerUser: { userID: 'alice' },
      operationTime: world.clock.now(),
    })
    expect(users(tips.memberList)).toEqual(['alice', 'bob', 'carol'])
    expect(tips.groupMemberVersionID).toMatch(/^[0-9a-f]{24}$/)
    const known = { groupID: 'g', versionID: tips.groupMemberVersionID, version: tips.groupMemberVersion }
    expect(await world.groupSync.members(known)).toMatchObject({
      full: false,
      insert: [],
      update: [],
      delete: [],
      version: known.version,
    })
  })

  it('names an administrator who creates it for others, without making it a member', async () => {
    await world.groupCreation.create(world.caller(adminUserID), { ...draft, groupID: 'g' }, first)
    expect(world.told[0]!.tips).toMatchObject({
      opUser: { userID: adminUserID, nickname: adminUserID, roleLevel: 0 },
      groupOwnerUser: { userID: 'alice' },
    })
    expect(await world.groups.isMember('g', adminUserID)).toBe(false)
  })

  it('makes an id of its own when none is given', async () => {
    const create = () => world.groupCreation.create(world.caller('alice'), draft, first)
    const [one, two] = [await create(), await create()]
    expect(one.groupID).toMatch(/^\d{10}$/)
    expect(two.groupID).not.toBe(one.groupID)
  })

  it('takes no name of a pair’s notifications, unless an administrator chooses it', async () => {
    const create = (userID: string) =>
      world.groupCreation.create(world.caller(userID), { ...draft, groupID: 'alice_bob' }, first)
    await expect(create('alice')).rejects.toMatchObject({ errCode: 1002 })
    expect(await world.groups.infos(['alice_bob'])).toEqual([])
    expect(await create(adminUserID)).toMatchObject({ groupID: 'alice_bob' })
  })

  it('leaves a group that exists as it is', async () => {
    await world.group('g', 'alice', 'bob')
    const before = [await world.groups.infos(['g']), await members('g')]
    const taken = world.groupCreation.create(
      world.caller('dave'),
      { ...draft, groupID: 'g' },
      { ownerUserID: 'dave', adminUserIDs: [], memberUserIDs: ['carol'] },
    )
    await expect(taken).rejects.toMatchObject({ errCode: 1202 })
    expect([await world.groups.infos(['g']), await members('g')]).toEqual(before)
    expect(world.told).toHaveLength(1)
  })

  it('lets one of two at the same time have the id, with its own members only', async () => {
    const create = (owner: string) =>
      world.groupCreation.create(
        world.caller(owner),
        { ...draft, groupID: 'g' },
        { ownerUserID: owner, adminUserIDs: [], memberUserIDs: [] },
      )
    const outcomes = await Promise.allSettled([create('alice'), create('dave')])
    const won = outcomes.findIndex(({ status }) => status === 'fulfilled')
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { errCode: 1202 } })
    expect(await world.groups.memberIDs('g')).toEqual([['alice', 'dave'][won]])
  })

  it.each([
    ['users who do not exist, naming them', 1101, { memberUserIDs: ['carol', 'x', 'y'] }, {}],
    ['a user named twice', 1001, { memberUserIDs: ['bob'] }, {}],
    ['the owner among the members', 1001, { memberUserIDs: ['alice'] }, {}],
    ['more than a thousand members', 1001, { memberUserIDs: Array.from({ length: 999 }, (_, at) => `m${at}`) }, {}],
    ['another type of group', 1001, {}, { groupType: 0 }],
  ])('refuses %s', async (_name, errCode, who, how) => {
    const created = world.groupCreation.create(
      world.caller('alice'),
      { ...draft, groupID: 'g', ...how },
      { ...first, ...who },
    )
    await expect(created).rejects.toMatchObject({ errCode })
    expect(await world.groups.infos(['g'])).toEqual([])
    expect(world.told).toEqual([])
  })

  it('names the users who do not exist', async () => {
    const created = world.groupCreation.create(world.caller('alice'), draft, {
      ...first,
      memberUserIDs: ['x', 'carol', 'y'],
    })
    await expect(created).rejects.toMatchObject({ message: expect.stringContaining('x, y') })
  })
})

describe('reading members', () => {
  beforeEach(async () => {
    await world.groupCreation.create(
      world.caller('alice'),
      { ...draft, groupID: 'g' },
      { ownerUserID: 'alice', adminUserIDs: ['bob'], memberUserIDs: ['carol', 'dave'] },
    )
  })

  it('pages, owner and admins first', async () => {
    const page = (pageNumber: number) =>
      world.groups.memberPage('g', { filter: 0, keyword: '' }, { pageNumber, showNumber: 3 })
    expect(await page(1)).toMatchObject({
      total: 4,
      members: [{ userID: 'alice' }, { userID: 'bob' }, { userID: 'carol' }],
    })
    expect(await page(2)).toMatchObject({ total: 4, members: [{ userID: 'dave' }] })
    expect(await page(3)).toEqual({ total: 4, members: [] })
  })

  it.each([
    [1, ['alice']],
    [2, ['bob']],
    [3, ['carol', 'dave']],
    [4, ['bob', 'carol', 'dave']],
    [5, ['alice', 'bob']],
  ] as const)('filter %i shows %j', async (filter, expected) => {
    const all = await world.groups.memberPage('g', { filter, keyword: '' }, { pageNumber: 1, showNumber: 100 })
    expect(users(all.members)).toEqual(expected)
    const second = await world.groups.memberPage('g', { filter, keyword: '' }, { pageNumber: 2, showNumber: 1 })
    expect(second).toMatchObject({ total: expected.length })
    expect(users(second.members)).toEqual(expected.slice(1, 2))
  })

  it('searches names as they are shown, and whole ids', async () => {
    const search = async (keyword: string, filter: 0 | 3 = 0) =>
      users((await world.groups.memberPage('g', { filter, keyword }, { pageNumber: 1, showNumber: 100 })).members)
    await joinGroup(world, 'g', 'dave', { nickname: 'Captain' })
    expect(await search('capt')).toEqual(['dave'])
    expect(await search('NAME OF')).toEqual(['alice', 'bob', 'carol'])
    expect(await search('name of', 3)).toEqual(['carol'])
    expect(await search('dave')).toEqual(['dave'])
    expect(await search('dav')).toEqual([])
  })

  it('pages all members below more admins than one look shows', async () => {
    await Promise.all(upTo(250).map((at) => joinGroup(world, 'g', `admin ${at}`, { roleLevel: 60 })))
    const ordinary = await world.groups.memberPage('g', { filter: 3, keyword: '' }, { pageNumber: 1, showNumber: 10 })
    expect([ordinary.total, users(ordinary.members)]).toEqual([2, ['carol', 'dave']])
    const admins = await world.groups.memberPage('g', { filter: 2, keyword: '' }, { pageNumber: 26, showNumber: 10 })
    expect([admins.total, users(admins.members)]).toEqual([251, ['bob']])
  })

  it('refuses to search a group that is too large, but pages it', async () => {
    const never = new Date(0)
    const row = {
      groupID: 'g',
      nickname: '',
      faceURL: '',
      roleLevel: 20,
      joinSource: 2,
      inviterUserID: '',
      operatorUserID: '',
      ex: '',
    }
    const rows = Array.from({ length: 5_000 }, (_, at) => ({
      ...row,
      userID: `m${at}`,
      joinTime: never,
      muteEndTime: never,
    }))
    await world.repositories.groupMembers.putMany(rows)
    const search = (filter: 0 | 5) =>
      world.groups.memberPage('g', { filter, keyword: 'alice' }, { pageNumber: 1, showNumber: 10 })
    await expect(search(0)).rejects.toMatchObject({ errCode: 1803 })
    expect(await search(5)).toMatchObject({ total: 1 })
    expect(
      await world.groups.memberPage('g', { filter: 4, keyword: '' }, { pageNumber: 500, showNumber: 10 }),
    ).toMatchObject({ total: 5_003 })
  })

  it('shows what a member set for this group before what the profile says', async () => {
    await joinGroup(world, 'g', 'dave', { nickname: 'Captain' })
    expect(await world.groups.members('g', ['dave', 'nobody', 'alice'])).toMatchObject([
      { userID: 'dave', nickname: 'Captain', faceURL: 'face of dave' },
      { userID: 'alice', nickname: 'name of alice' },
    ])
  })
})
