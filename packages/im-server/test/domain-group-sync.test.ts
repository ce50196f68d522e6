import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KnownVersion } from '../src/domain/version-sync.ts'
import { type ImWorld, imWorld } from './support/im-world.ts'
import { joinGroup } from './support/join-group.ts'

let world: ImWorld
beforeEach(async () => {
  world = await imWorld()
  await world.register('alice', 'bob', 'carol', 'dave')
})
afterEach(() => world.close())

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at)
const unknown: KnownVersion = { versionID: '', version: 0 }
const versionOf = ({ versionID, version }: KnownVersion): KnownVersion => ({ versionID, version })

describe('what a client has of groups', () => {
  it('begins with everything, at a version that can be told apart', async () => {
    const answer = await world.groupSync.joined('alice', unknown)
    expect(answer).toEqual({
      full: true,
      version: 1,
      versionID: expect.stringMatching(/^[0-9a-f]{24}$/),
      insert: [],
      update: [],
      delete: [],
    })
    for (const nonsense of [
      { versionID: 'x', version: 1 },
      { versionID: answer.versionID, version: 0 },
      { versionID: 'a'.repeat(24), version: 1 },
    ])
      expect(await world.groupSync.joined('alice', nonsense)).toMatchObject({ full: true })
  })

  it('goes on with what was joined and left', async () => {
    const first = await world.groupSync.joined('bob', unknown)
    await world.group('g', 'alice', 'bob')
    await world.group('h', 'alice', 'bob')
    const second = await world.groupSync.joined('bob', first)
    expect(second).toMatchObject({
      full: false,
      insert: [{ groupID: 'g', ownerUserID: 'alice', memberCount: 2 }, { groupID: 'h' }],
      delete: [],
    })
    await world.repositories.groupMembers.delete({ groupID: 'g', userID: 'bob' })
    const third = await world.groupSync.joined('bob', second)
    expect(third).toMatchObject({ full: false, insert: [], update: [], delete: ['g'] })
    expect(await world.groupSync.joined('bob', third)).toMatchObject({
      full: false,
      insert: [],
      update: [],
      delete: [],
      version: third.version,
    })
  })

  it('is read anew when too much changed', async () => {
    const first = await world.groupSync.joined('bob', unknown)
    await Promise.all(upTo(201).map((at) => joinGroup(world, `g${at}`, 'bob')))
    const second = await world.groupSync.joined('bob', first)
    expect(second).toMatchObject({ full: true, insert: [] })
    expect(await world.groupSync.joined('bob', second)).toMatchObject({ full: false, insert: [] })
  })

  it('tells members who came, changed and went', async () => {
    await world.group('g', 'alice', 'bob')
    const first = await world.groupSync.members({ groupID: 'g', ...unknown })
    expect(first).toMatchObject({ full: true, group: { groupID: 'g', memberCount: 2 }, insert: [] })
    await joinGroup(world, 'g', 'carol')
    await joinGroup(world, 'g', 'bob', { nickname: 'B' })
    const second = await world.groupSync.members({ groupID: 'g', ...versionOf(first) })
    expect(second).toMatchObject({
      full: false,
      insert: [{ userID: 'carol', nickname: 'name of carol' }],
      update: [{ userID: 'bob', nickname: 'B' }],
      delete: [],
    })
    await world.repositories.groupMembers.delete({ groupID: 'g', userID: 'carol' })
    const third = await world.groupSync.members({ groupID: 'g', ...versionOf(second) })
    expect(third).toMatchObject({ delete: ['carol'], insert: [], update: [] })
  })

  it('tells with its members how many a group has and who owns it: a client that heard of no tips shows no old count', async () => {
    await world.group('g', 'alice', 'bob')
    const first = versionOf(await world.groupSync.members({ groupID: 'g', ...unknown }))
    await world.groupMembership.kick(world.caller('alice'), 'g', ['bob'], '')
    const second = await world.groupSync.members({ groupID: 'g', ...first })
    expect(second).toMatchObject({ full: false, delete: ['bob'], group: { groupID: 'g', memberCount: 1 } })
    expect(await world.groupSync.members({ groupID: 'g', ...versionOf(second) })).not.toHaveProperty('group')
    await world.groupMembership.invite(world.caller('alice'), 'g', ['carol'], '')
    await world.groupRoles.transfer(world.caller('alice'), 'g', 'alice', 'carol')
    const third = await world.groupSync.members({ groupID: 'g', ...versionOf(second) })
    expect(third).toMatchObject({ full: false, group: { memberCount: 2, ownerUserID: 'carol' } })
  })

  it('is told in batches, without groups of others', async () => {
    await world.group('g', 'alice', 'bob')
    await world.group('h', 'alice', 'bob')
    await world.group('other', 'carol')
    const answers = await world.groupSync.membersOfMany(
      'bob',
      ['g', 'other', 'nowhere', 'h'].map((groupID) => ({ groupID, ...unknown })),
    )
    expect([...answers.keys()]).toEqual(['g', 'h'])
  })

  it('ends a batch after 500 changes', async () => {
    const groupIDs = ['a', 'b', 'c', 'd']
    for (const groupID of groupIDs) await world.group(groupID, 'alice')
    const known = await Promise.all(
      groupIDs.map(async (groupID) => ({ groupID, ...(await world.groupSync.members({ groupID, ...unknown })) })),
    )
    await Promise.all(groupIDs.flatMap((groupID) => upTo(180).map((at) => joinGroup(world, groupID, `m${at}`))))
    const answers = await world.groupSync.membersOfMany(
      'alice',
      known.map(({ groupID, versionID, version }) => ({ groupID, versionID, version })),
    )
    expect([...answers.values()].map(({ insert }) => insert.length)).toEqual([180, 180, 180])
  })

  it('is equal when the hash of the ids is', async () => {
    await world.group('g', 'alice', 'bob')
    const list = await world.groupSync.memberIDs('g', 0)
    expect(list).toMatchObject({ equal: false, ids: ['alice', 'bob'] })
    // MD5 of '["alice","bob"]' begins with these eight bytes.
    const hash = Number(0x4b737d97e49b13a8n)
    expect(await world.groupSync.memberIDs('g', hash)).toMatchObject({ equal: true, ids: [], version: list.version })
    expect(await world.groupSync.joinedIDs('carol', 0)).toMatchObject({ equal: true, ids: [] })
  })
})

describe('what a group says of itself', () => {
  it('counts among the changes of its members by one version, as the official core expects, and names nobody', async () => {
    const own = await imWorld()
    await own.register('ada', 'bob')
    await own.group('named', 'ada', 'bob')
    const { version, versionID } = await own.groupSync.members({ groupID: 'named', version: 0, versionID: '' })
    await own.repositories.groups.patch({ groupID: 'named' }, { groupName: 'renamed' })
    const delta = await own.groupSync.members({ groupID: 'named', version, versionID })
    expect(delta).toMatchObject({ version: version + 1, full: false, delete: [], insert: [], update: [] })
    expect(delta.group).toMatchObject({ groupName: 'renamed' })
    await own.close()
  })
})
