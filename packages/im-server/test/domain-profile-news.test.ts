import { OverloadedError } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ImError } from '../src/domain/im-error.ts'
import type { Notification } from '../src/domain/notifications.ts'
import { ProfileNews } from '../src/domain/profile-news.ts'
import type { Position } from '@parlance/cached-repository'
import { type ImWorld, imWorld } from './support/im-world.ts'
import { relationsOf } from './support/relations.ts'

let world: ImWorld
let told: Notification[]
let news: ProfileNews
beforeEach(async () => {
  world = await imWorld()
  await world.register('alice', 'bob', 'carol', 'dave')
  told = []
  news = new ProfileNews({ ...world, notifications: { send: async (one) => void told.push(one) } })
})
afterEach(() => world.close())

const source = { userID: 'alice' }
const known = ({ epoch, version }: Position) => ({ versionID: epoch, version })
const rename = async (nickname: string): Promise<void> => {
  await world.users.change(world.caller('alice'), 'alice', { nickname })
  await world.repositories.whenSpread()
}

describe('lists that show a profile', () => {
  it('of friends: those of all owners, and only for a new name or face', async () => {
    const relations = relationsOf(world)
    await relations.befriend('bob', 'alice')
    await relations.befriend('bob', 'carol')
    const before = known(await world.repositories.friends.changesOfOwner({ ownerUserID: 'bob' }).position())
    await world.users.change(world.caller('alice'), 'alice', { ex: 'x' })
    await world.repositories.whenSpread()
    expect(await world.friends.incremental('bob', before)).toMatchObject({ update: [], version: before.version })
    await rename('Ally')
    expect(await world.friends.incremental('bob', before)).toMatchObject({
      full: false,
      insert: [],
      update: [{ ownerUserID: 'bob', friendUser: { userID: 'alice', nickname: 'Ally' } }],
      delete: [],
    })
  })

  it('of members, in every group', async () => {
    await world.group('g', 'bob', 'alice', 'carol')
    await world.group('h', 'alice', 'dave')
    const versions = await Promise.all(
      ['g', 'h'].map((groupID) => world.repositories.groupMembers.changesOfGroup({ groupID }).position()),
    )
    await rename('Ally')
    for (const [at, groupID] of ['g', 'h'].entries())
      expect(await world.groupSync.members({ groupID, ...known(versions[at]!) })).toMatchObject({
        insert: [],
        update: [{ groupID, userID: 'alice', nickname: 'Ally' }],
        delete: [],
      })
  })

  it('of groups, for each member, when the group changes', async () => {
    await world.group('g', 'bob', 'alice')
    await world.group('h', 'bob', 'alice')
    const before = known(await world.repositories.groupMembers.changesOfUser({ userID: 'alice' }).position())
    await world.repositories.groups.patch({ groupID: 'g' }, { groupName: 'renamed' })
    await world.repositories.whenSpread()
    expect(await world.groupSync.joined('alice', before)).toMatchObject({
      insert: [],
      update: [{ groupID: 'g', groupName: 'renamed' }],
      delete: [],
    })
  })

  it('follow no write that came with the rows themselves', async () => {
    await world.group('g', 'bob', 'alice')
    await world.repositories.whenSpread()
    const { version } = await world.repositories.groupMembers.changesOfUser({ userID: 'alice' }).position()
    expect(version).toBe(2)
  })
})

describe('clients are told to fetch', () => {
  it('1209 goes to each owner, not to the own devices, under an id of its own', async () => {
    await news.tellFriends({
      source,
      keys: [
        { ownerUserID: 'bob', friendUserID: 'alice' },
        { ownerUserID: 'carol', friendUserID: 'alice' },
      ],
    })
    const common = { sendID: 'alice', contentType: 1209, tips: source, senderSync: false }
    expect(told.map(({ operationID, ...rest }) => [operationID.startsWith('profile-news-'), rest])).toEqual([
      [true, { ...common, to: { userID: 'bob' } }],
      [true, { ...common, to: { userID: 'carol' } }],
    ])
  })

  it('1516 goes to the groups where the member has no name or face of its own, with the version that has it', async () => {
    for (const groupID of ['g', 'h', 'i']) await world.group(groupID, 'bob', 'alice')
    const { groupMembers } = world.repositories
    await groupMembers.patch({ groupID: 'h', userID: 'alice' }, { nickname: 'A.', faceURL: 'f' })
    await groupMembers.patch({ groupID: 'i', userID: 'alice' }, { nickname: 'A.' })
    await rename('Ally')
    await news.tellGroups({ source, keys: ['g', 'h', 'i', 'gone'].map((groupID) => ({ groupID, userID: 'alice' })) })
    expect(told.map(({ to, contentType }) => ({ to, contentType }))).toEqual(
      ['g', 'i'].map((groupID) => ({ to: { groupID }, contentType: 1516 })),
    )
    expect(told.every(({ operationID }) => operationID.startsWith('profile-news-'))).toBe(true)
    const position = await groupMembers.changesOfGroup({ groupID: 'g' }).position()
    expect(told[0]!.tips).toMatchObject({
      group: { groupID: 'g', memberCount: 2 },
      changedUser: { userID: 'alice', nickname: 'Ally' },
      groupMemberVersion: position.version,
      groupMemberVersionID: position.epoch,
    })
    expect(told[1]!.tips).toMatchObject({ changedUser: { nickname: 'A.', faceURL: 'face of alice' } })
  })

  it('waits, and gives nothing up, while too much is to be pushed', async () => {
    const busy = new ImError(errorCodes.ServerBusyError, 'busy')
    const failing = (error: Error): ProfileNews =>
      new ProfileNews({ ...world, notifications: { send: () => Promise.reject(error) } })
    const message = { source, keys: [{ ownerUserID: 'bob', friendUserID: 'alice' }] }
    await expect(failing(busy).tellFriends(message)).rejects.toBeInstanceOf(OverloadedError)
    await expect(failing(new Error('broken')).tellFriends(message)).rejects.toThrow('broken')
  })
})
