import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SettingsChange } from '../src/domain/conversation-settings.ts'
import { ImError } from '../src/domain/im-error.ts'
import { type Mention, mentionOf, Mentions } from '../src/domain/messages/mentions.ts'
import type { Notification } from '../src/domain/notifications.ts'
import { MsgData } from '@parlance/openim-protocol'
import { adminUserID, type ImWorld, imWorld } from './support/im-world.ts'

const single = 'si_alice_bob'
let world: ImWorld

beforeEach(async () => {
  world = await imWorld()
  await world.register('alice', 'bob', 'carol')
  await world.group('g', 'alice', 'bob', 'carol')
  await world.send('alice', { userID: 'bob' })
  world.told.length = 0
})
afterEach(() => world.close())

const ofBob = { conversationID: single, userID: 'bob', groupID: '' }
const ofGroup = { conversationID: 'sg_g', userID: '', groupID: 'g' }
const set = (userID: string, target: typeof ofBob, change: SettingsChange, callerID = userID) =>
  world.conversationSettings.set(world.caller(callerID), [userID], target, change)
const one = async (userID: string, conversationID: string) =>
  (await world.conversations.find(userID, [conversationID]))[0]

describe('settings of a conversation', () => {
  it('change what is named, and nothing else; the own devices are told', async () => {
    await set('alice', ofBob, { isPinned: true, ex: 'mine' })
    await set('alice', ofBob, { recvMsgOpt: 2 })
    expect(await one('alice', single)).toMatchObject({ isPinned: true, ex: 'mine', recvMsgOpt: 2 })
    expect(await one('bob', single)).toMatchObject({ isPinned: false, ex: '', recvMsgOpt: 0 })
    const told = { sendID: 'alice', to: { userID: 'alice' }, contentType: 1300, operationID: 'op of alice' }
    expect(world.told).toMatchObject([told, { ...told, tips: { userID: 'alice', conversationIDList: [single] } }])
  })

  it('that stand already are told to nobody', async () => {
    await set('alice', ofBob, { isPinned: false })
    expect(world.told).toEqual([])
  })

  it('of a group make a row of the membership, which keeps its place', async () => {
    const before = await world.conversations.all('bob')
    await set('bob', ofGroup, { isPinned: true })
    expect(await world.conversations.all('bob')).toEqual(
      before.map((row) => (row.conversationID === 'sg_g' ? { ...row, isPinned: true } : row)),
    )
    expect(await world.conversations.pinnedIDs('bob')).toEqual(['sg_g'])
    expect(await world.repositories.conversations.get({ ownerUserID: 'alice', conversationID: 'sg_g' })).toBeUndefined()
  })

  it('can be made before a chat begins', async () => {
    const target = { conversationID: 'si_alice_carol', userID: 'carol', groupID: '' }
    await set('alice', target, { isPinned: true })
    expect(await one('alice', 'si_alice_carol')).toMatchObject({ isPinned: true, userID: 'carol', conversationType: 1 })
    await world.send('carol', { userID: 'alice' })
    expect(await one('alice', 'si_alice_carol')).toMatchObject({ isPinned: true })
  })

  it.each([
    ['a chat with nobody', { conversationID: 'si_alice_zed', userID: 'zed', groupID: '' }, 1101],
    ['an id that is not theirs', { conversationID: 'si_alice_bob2', userID: 'carol', groupID: '' }, 1001],
    ['an id of nothing', { conversationID: 'nonsense', userID: '', groupID: '' }, 1001],
    ['a group that is not theirs', { conversationID: 'sg_other', userID: '', groupID: 'other' }, 1004],
    ['another group than the id says', { conversationID: 'sg_g', userID: '', groupID: 'other' }, 1001],
  ])('cannot be made for %s', async (_name, target, errCode) => {
    await expect(set('alice', target, { isPinned: true })).rejects.toMatchObject({ errCode })
  })

  it('of privacy go for both sides in one step, with a message in the chat', async () => {
    await set('alice', ofBob, { isPrivateChat: true, burnDuration: 30 })
    expect(await one('alice', single)).toMatchObject({ isPrivateChat: true, burnDuration: 30 })
    expect(await one('bob', single)).toMatchObject({ isPrivateChat: true, burnDuration: 0 })
    expect(world.told).toMatchObject([
      { to: { userID: 'alice' }, contentType: 1300 },
      {
        sendID: 'alice',
        to: { userID: 'bob' },
        contentType: 1701,
        asMessage: true,
        tips: { sendID: 'alice', recvID: 'bob', isPrivate: true, conversationID: single },
      },
    ])
    await expect(set('alice', ofGroup, { isPrivateChat: true })).rejects.toMatchObject({ errCode: 1001 })
  })

  it('of privacy are for who may write there, and nothing of them reaches the peer otherwise', async () => {
    const { repositories } = world
    const alice = world.caller('alice')
    const block = (userID: string) => world.blacklist.add(alice, 'alice', userID, '')
    const ofAlice = { conversationID: 'si_alice_carol', userID: 'alice', groupID: '' }
    await set('bob', { ...ofBob, userID: 'alice' }, { isPinned: true })
    await block('bob')
    await block('carol')
    world.told.length = 0
    const privacy = { isPrivateChat: true }
    await expect(set('bob', { ...ofBob, userID: 'alice' }, privacy)).rejects.toMatchObject({ errCode: 1302 })
    await expect(set('carol', ofAlice, privacy)).rejects.toMatchObject({ errCode: 1302 })
    await expect(set('carol', ofAlice, { isPrivateChat: false })).rejects.toMatchObject({ errCode: 1302 })
    expect(await one('alice', single)).toMatchObject({ isPrivateChat: false })
    const carols = { ownerUserID: 'alice', conversationID: 'si_alice_carol' }
    expect(await repositories.conversations.get(carols, { read: 'store' })).toBeUndefined()
    expect(world.told).toEqual([])
    await set('bob', { ...ofBob, userID: 'alice' }, { isPinned: false, isPrivateChat: false })
    await world.conversationSettings.delete(alice, 'alice', [single])
    await expect(set('bob', { ...ofBob, userID: 'alice' }, { isPrivateChat: false })).rejects.toMatchObject({
      errCode: 1302,
    })
    expect(await one('alice', single)).toBeUndefined()
    await set('alice', ofBob, { recvMsgOpt: 1 })
    await world.blacklist.remove(alice, 'alice', 'bob')
    await expect(set('bob', { ...ofBob, userID: 'alice' }, privacy)).rejects.toMatchObject({ errCode: 1001 })
  })

  it('of privacy stand on both sides until one sets them back, also where one side deleted the chat meanwhile', async () => {
    await set('alice', ofBob, { isPrivateChat: true, isPinned: true })
    await world.conversationSettings.delete(world.caller('alice'), 'alice', [single])
    await world.send('bob', { userID: 'alice' })
    for (const userID of ['alice', 'bob'])
      expect(await one(userID, single)).toMatchObject({ isPrivateChat: true, isPinned: false })
  })

  it('say nothing of what may be read', async () => {
    await set('bob', ofGroup, { isPinned: true })
    await world.repositories.conversations.patch({ ownerUserID: 'bob', conversationID: 'sg_g' }, { minSeq: 3 })
    const body = { userIDs: ['bob'], conversation: { conversationID: 'sg_g', isPinned: false, minSeq: 0, maxSeq: 9 } }
    const headers = { operationID: 'op', token: await world.token('bob') }
    expect((await world.api.call('/conversation/set_conversations', { headers, body })).json.errCode).toBe(0)
    expect(await one('bob', 'sg_g')).toMatchObject({ isPinned: false, minSeq: 3, maxSeq: 0 })
  })

  it('made by several devices at the same moment all hold', async () => {
    await Promise.all([
      set('bob', ofGroup, { isPinned: true }),
      set('bob', ofGroup, { ex: 'e' }),
      set('bob', ofGroup, { recvMsgOpt: 2 }),
      set('bob', ofGroup, { burnDuration: 9 }),
    ])
    expect(await one('bob', 'sg_g')).toMatchObject({ isPinned: true, ex: 'e', recvMsgOpt: 2, burnDuration: 9 })
  })

  it('can be made for all of a user’s conversations', async () => {
    await world.conversationSettings.setExOfAll(world.caller('bob'), 'bob', 'for all')
    expect((await world.conversations.all('bob')).map(({ ex }) => ex)).toEqual(['for all', 'for all'])
    expect((await world.conversations.all('alice')).map(({ ex }) => ex)).toEqual(['', ''])
    expect(world.told).toHaveLength(1)
  })
})

describe('a deleted conversation', () => {
  const remove = (userID: string, ...conversationIDs: string[]) =>
    world.conversationSettings.delete(world.caller(userID), userID, conversationIDs)
  const numbers = async (userID: string) =>
    (await world.messages.seqs(userID, [single])).map(({ minSeq, maxSeq }) => ({ minSeq, maxSeq }))

  it('is in no list of its owner, and comes back with the next message, without its settings', async () => {
    await set('alice', ofBob, { isPinned: true })
    const known = await world.conversations.incremental('alice', { versionID: '', version: 0 })
    await remove('alice', single)
    expect(await one('alice', single)).toBeUndefined()
    expect(await numbers('alice')).toEqual([])
    expect((await world.conversations.incremental('alice', known)).delete).toEqual([single])
    expect(await numbers('bob')).toEqual([{ minSeq: 1, maxSeq: 1 }])
    await expect(remove('alice', single)).rejects.toMatchObject({ errCode: 1004 })
    await world.send('bob', { userID: 'alice' })
    expect(await one('alice', single)).toMatchObject({ isPinned: false, userID: 'bob' })
    expect(await numbers('alice')).toEqual([{ minSeq: 1, maxSeq: 2 }])
  })

  it('keeps what was cleared away', async () => {
    await world.removals.clear(world.caller('alice'), 'alice', [single], { self: false, others: false })
    await remove('alice', single)
    await world.send('alice', { userID: 'bob' })
    expect(await numbers('alice')).toEqual([{ minSeq: 2, maxSeq: 2 }])
  })

  it('of a group gives its settings up, and stays with its member', async () => {
    await set('bob', ofGroup, { isPinned: true, recvMsgOpt: 2 })
    await world.repositories.conversations.patch({ ownerUserID: 'bob', conversationID: 'sg_g' }, { minSeq: 1 })
    await remove('bob', 'sg_g')
    expect(await one('bob', 'sg_g')).toMatchObject({ isPinned: false, recvMsgOpt: 0, minSeq: 1 })
  })

  it('of a group that was left is gone', async () => {
    await set('bob', ofGroup, { isPinned: true })
    await world.repositories.conversations.patch({ ownerUserID: 'bob', conversationID: 'sg_g' }, { maxSeq: 5 })
    await world.repositories.groupMembers.delete({ groupID: 'g', userID: 'bob' })
    expect(await one('bob', 'sg_g')).toBeDefined()
    await remove('bob', 'sg_g')
    expect(await one('bob', 'sg_g')).toBeUndefined()
  })

  it('comes back when something is set for it', async () => {
    await remove('alice', single)
    await set('alice', ofBob, { isPinned: true })
    expect(await one('alice', single)).toMatchObject({ isPinned: true })
  })
})

describe('the directory of users', () => {
  it('pages through all levels, and says how many there are', async () => {
    const ids = async (pageNumber: number, showNumber: number) => {
      const { total, users } = await world.userDirectory.page({ pageNumber, showNumber })
      expect(total).toBe(4)
      return users.map(({ userID }) => userID)
    }
    await world.repositories.users.patch({ userID: 'bob' }, { appMangerLevel: 3 })
    expect(await ids(1, 10)).toEqual(['alice', 'carol', adminUserID, 'bob'])
    expect([...(await ids(1, 3)), ...(await ids(2, 3)), ...(await ids(3, 3))]).toEqual(await ids(1, 10))
  })
})

describe('a chat that receives nothing', () => {
  it('says so to who writes, and keeps the other direction open', async () => {
    await set('bob', ofBob, { recvMsgOpt: 1 })
    await expect(world.send('alice', { userID: 'bob' })).rejects.toMatchObject({ errCode: 1001 })
    await world.send('bob', { userID: 'alice' })
    await set('bob', ofBob, { recvMsgOpt: 2 })
    await world.send('alice', { userID: 'bob' })
  })

  it('can be every chat of a user', async () => {
    await world.users.change(world.caller('bob'), 'bob', { globalRecvMsgOpt: 1 })
    await expect(world.send('alice', { userID: 'bob' })).rejects.toMatchObject({ errCode: 1001 })
    await expect(world.send('carol', { userID: 'bob' })).rejects.toMatchObject({ errCode: 1001 })
  })
})

describe('a mention', () => {
  const mention = (change: Partial<Mention>): Promise<void> =>
    world.mentions.write({ groupID: 'g', sendID: 'alice', operationID: 'op', userIDs: [], all: false, ...change })
  const atTypes = async () =>
    Promise.all(['alice', 'bob', 'carol'].map(async (userID) => (await one(userID, 'sg_g'))?.groupAtType))

  it('is made by a message of a group that names somebody else', () => {
    const body = { ...MsgData.zero(), contentType: 106, sessionType: 3, sendID: 'alice', groupID: 'g' }
    expect(mentionOf({ ...body, atUserIDList: ['bob', 'alice', 'bob', 'AtAllTag'] }, 'op')).toEqual({
      groupID: 'g',
      sendID: 'alice',
      operationID: 'op',
      userIDs: ['bob'],
      all: true,
    })
    expect(mentionOf({ ...body, atUserIDList: [] }, 'op')).toBeUndefined()
    expect(mentionOf({ ...body, contentType: 101, atUserIDList: ['bob'] }, 'op')).toBeUndefined()
    expect(mentionOf({ ...body, sessionType: 1, atUserIDList: ['bob'] }, 'op')).toBeUndefined()
  })

  it('is shown to those named, and told to those online', async () => {
    world.online.set('bob', [5])
    await mention({ userIDs: ['bob', 'carol', 'zed'] })
    expect(await atTypes()).toEqual([0, 1, 1])
    expect(world.told).toMatchObject([
      { sendID: 'bob', to: { userID: 'bob' }, contentType: 1300, tips: { conversationIDList: ['sg_g'] } },
    ])
  })

  it('of all is shown to all but the sender, and marks those named as well', async () => {
    await mention({ userIDs: ['carol'], all: true })
    expect(await atTypes()).toEqual([0, 2, 3])
  })

  it('does not hide an earlier one, and goes when its reader says so', async () => {
    await mention({ userIDs: ['bob'] })
    await mention({ all: true })
    expect(await atTypes()).toEqual([0, 3, 2])
    await set('bob', ofGroup, { groupAtType: 0 })
    expect(await atTypes()).toEqual([0, 0, 2])
  })

  it('waits while the server is too busy to tell of it, and then nobody is left out', async () => {
    const told: string[] = []
    let isBusy = true
    const send = async ({ sendID }: Notification): Promise<void> => {
      if (isBusy && told.length > 0) throw new ImError(1801, 'busy')
      told.push(sendID)
    }
    for (const userID of ['bob', 'carol']) world.online.set(userID, [5])
    const writer = new Mentions({ ...world, notifications: { send } })
    const named = { groupID: 'g', sendID: 'alice', operationID: 'op', userIDs: ['bob', 'carol'], all: false }
    await expect(writer.write(named)).rejects.toMatchObject({ retryable: true })
    isBusy = false
    await writer.write(named)
    expect(told).toEqual(['bob', 'carol'])
    await writer.write(named)
    expect(told).toHaveLength(2)
    expect(await atTypes()).toEqual([0, 1, 1])
  })

  it('reaches every member of a group of a thousand', async () => {
    const userIDs = Array.from({ length: 990 }, (_, at) => `m${at}`)
    await world.register(...userIDs)
    await world.group('big', 'alice', ...userIDs)
    await mention({ groupID: 'big', all: true })
    const rows = await world.repositories.conversations.getMany(
      userIDs.map((ownerUserID) => ({ ownerUserID, conversationID: 'sg_big' })),
    )
    expect(new Set(rows.map((row) => row?.groupAtType))).toEqual(new Set([2]))
  })
})
