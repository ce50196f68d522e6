import { messageStatus, type MsgData, notificationTips, sessionTypes } from '@parlance/openim-protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConversationOverview } from '../src/domain/conversation-overview.ts'
import { blockLength } from '../src/domain/messages/marks.ts'
import { noCause as cause } from '../src/domain/messages/push-record.ts'
import type { SyncChoice } from '../src/domain/messages/removals.ts'
import { contended } from '../src/domain/refusals.ts'
import { adminUserID, type ImWorld, imWorld } from './support/im-world.ts'

const single = 'si_alice_bob'
const group = 'sg_g'
const alone: SyncChoice = { self: false, others: false }
const everybody: SyncChoice = { self: false, others: true }
const far = Number.MAX_SAFE_INTEGER
let world: ImWorld

beforeEach(async () => {
  world = await imWorld()
  await world.register('alice', 'bob', 'carol', 'dave', 'eve')
  // In the group: alice owns it, carol and eve are administrators, bob and dave members.
  await world.group('g', 'alice', 'bob', 'dave', 'carol', 'eve')
  for (const userID of ['carol', 'eve'])
    await world.repositories.groupMembers.patch({ groupID: 'g', userID }, { roleLevel: 60 })
  world.told.length = 0
})
afterEach(() => world.close())

async function pull(userID: string, conversationID: string): Promise<readonly MsgData[]> {
  const pulled = await world.messages.pullByRanges(userID, [{ conversationID, begin: 0, end: far, num: 0 }], 0)
  return pulled.messages.get(conversationID)!.messages
}
const statuses = async (userID: string, conversationID: string) =>
  (await pull(userID, conversationID)).map(({ status }) => status)
const last = async (userID: string, conversationID: string) =>
  (await world.messages.lastMessages(userID, [conversationID])).get(conversationID)
const revoke = (userID: string, conversationID: string, seq: number, callerID = userID) =>
  world.removals.revoke(world.caller(callerID), userID, conversationID, seq)
const remove = (userID: string, conversationID: string, seqs: readonly number[], sync = alone, callerID = userID) =>
  world.removals.delete(world.caller(callerID), userID, conversationID, seqs, sync)
const clear = (userID: string, conversationIDs: readonly string[], sync = alone, callerID = userID) =>
  world.removals.clear(world.caller(callerID), userID, conversationIDs, sync)

/** Who may remove whose message of the group for everybody. */
const cells = [
  { who: 'alice', whose: 'bob', code: 0 },
  { who: 'alice', whose: 'carol', code: 0 },
  { who: 'carol', whose: 'bob', code: 0 },
  { who: 'carol', whose: 'carol', code: 0 },
  { who: 'carol', whose: 'alice', code: 1002 },
  { who: 'carol', whose: 'eve', code: 1002 },
  { who: 'bob', whose: 'bob', code: 0 },
  { who: 'bob', whose: 'dave', code: 1002 },
  { who: 'bob', whose: 'alice', code: 1002 },
  { who: adminUserID, whose: 'alice', code: 0 },
]
const codeOf = async (work: Promise<unknown>): Promise<number> => {
  try {
    await work
    return 0
  } catch (error) {
    return (error as { readonly errCode: number }).errCode
  }
}

describe('a revoked message', () => {
  it.each(cells)('of $whose, by $who, in a group: $code', async ({ who, whose, code }) => {
    await world.send(whose, { groupID: 'g' })
    expect(await codeOf(revoke(who, group, 1))).toBe(code)
    expect(world.told).toHaveLength(code === 0 ? 1 : 0)
    expect((await pull('dave', group))[0]!.contentType).toBe(code === 0 ? 2101 : 101)
  })

  it.each([
    { who: 'alice', code: 0 },
    { who: 'bob', code: 1002 },
    { who: 'carol', code: 1002 },
    { who: adminUserID, code: 0 },
  ])('of alice, by $who, between alice and bob: $code', async ({ who, code }) => {
    await world.send('alice', { userID: 'bob' })
    expect(await codeOf(revoke(who, single, 1))).toBe(code)
  })

  it('is replaced wherever it is read, says who took it back, and nothing of what it said', async () => {
    await world.send('alice', { userID: 'bob' }, 'a secret')
    await revoke('alice', single, 1)
    for (const userID of ['alice', 'bob']) {
      const [message] = await pull(userID, single)
      const overview = new ConversationOverview({ ...world, reader: world.messages })
      const { conversations } = await overview.find(userID, [single])
      expect(conversations[0]!.lastMsg).toEqual(message)
      expect(await last(userID, single)).toEqual(message)
      expect(message).toMatchObject({ contentType: 2101, seq: 1, sendID: 'alice', status: messageStatus.sent })
      expect(notificationTips(message!.content)).toMatchObject({
        revokerID: 'alice',
        revokerNickname: 'name of alice',
        sourceMessageSendID: 'alice',
        clientMsgID: message!.clientMsgID,
        sessionType: sessionTypes.single,
        seq: 1,
      })
      expect(Buffer.from(message!.content).toString()).not.toContain('secret')
    }
  })

  it('is told to everybody once, stored, even when it is tried again', async () => {
    await world.send('bob', { groupID: 'g' })
    await revoke('carol', group, 1)
    expect(await codeOf(revoke('alice', group, 1))).toBe(1404)
    expect(await codeOf(revoke('carol', group, 1))).toBe(1404)
    expect(world.told).toMatchObject([
      {
        sendID: 'carol',
        to: { groupID: 'g' },
        contentType: 2101,
        stored: true,
        tips: { revokerUserID: 'carol', sesstionType: 3, seq: 1, conversationID: group, isAdminRevoke: false },
      },
      // Told again under the same sender and id, as after a kill: the stream takes it once.
      { sendID: 'carol', clientMsgID: 'revoke/group/g/1' },
      { sendID: 'carol', clientMsgID: 'revoke/group/g/1' },
    ])
  })

  it('is revoked by one of many at the same moment', async () => {
    for (let count = 0; count < 10; count++) await world.send('bob', { groupID: 'g' })
    const codes = await Promise.all(
      Array.from({ length: 10 }, (_, at) => at + 1).flatMap((seq) => [
        codeOf(revoke('alice', group, seq)),
        codeOf(revoke('carol', group, seq)),
        codeOf(revoke('bob', group, seq)),
      ]),
    )
    expect(codes.toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: 10 }, () => 0),
      ...Array.from({ length: 20 }, () => 1404),
    ])
    expect((await pull('dave', group)).map(({ contentType }) => contentType)).toEqual(
      Array.from({ length: 10 }, () => 2101),
    )
  })

  it('has to be there, and none of the notifications', async () => {
    await world.send('alice', { groupID: 'g' })
    expect(await codeOf(revoke('alice', group, 2))).toBe(1004)
    expect(await codeOf(revoke('alice', 'sg_nowhere', 1))).toBe(1002)
    expect(await codeOf(revoke('alice', 'n_g', 1))).toBe(1002)
    expect(await codeOf(revoke(adminUserID, 'sg_nowhere', 1))).toBe(1004)
    await remove('alice', group, [1], everybody)
    expect(await codeOf(revoke('alice', group, 1))).toBe(1004)
    const [first] = await world.repositories.messages.range('group/g', 1, 1)
    const body = { ...first!.row.body, clientMsgID: 'n', contentType: 1501 }
    await world.repositories.messages.append('group/g', [{ body, cause }])
    expect(await codeOf(revoke('alice', group, 2))).toBe(1001)
  })

  it('is out of reach for who left the group, its own too', async () => {
    await world.send('bob', { groupID: 'g' })
    await world.repositories.groupMembers.delete({ groupID: 'g', userID: 'bob' })
    expect(await codeOf(revoke('bob', group, 1))).toBe(1002)
    expect(await codeOf(revoke('carol', group, 1)), 'an administrator of the group may').toBe(0)
  })
})

describe('a deleted message', () => {
  beforeEach(async () => {
    for (let count = 0; count < 3; count++) await world.send('alice', { userID: 'bob' }, `text ${count}`)
  })

  it('is gone for its user alone, and keeps its number', async () => {
    await remove('bob', single, [2, 3, 9])
    expect(await statuses('bob', single)).toEqual([2, 4, 4])
    expect(await statuses('alice', single)).toEqual([2, 2, 2])
    expect(await pull('bob', single)).toMatchObject([{ seq: 1 }, { seq: 2, sendID: 'alice' }, { seq: 3 }])
    expect(JSON.stringify((await pull('bob', single)).map(({ content }) => [...content]))).not.toContain('text 1')
    expect(await last('bob', single)).toMatchObject({ seq: 1 })
    expect(await last('alice', single)).toMatchObject({ seq: 3 })
    expect(world.told).toEqual([])
  })

  it('is told to the own devices when asked for', async () => {
    await remove('bob', single, [2], { self: true, others: false })
    expect(world.told).toMatchObject([
      {
        sendID: 'bob',
        to: { userID: 'bob' },
        contentType: 2102,
        stored: true,
        tips: { userID: 'bob', conversationID: single, seqs: [2] },
      },
    ])
  })

  it('for everybody is gone for everybody, and told to everybody', async () => {
    await remove('alice', single, [3], everybody)
    expect(await statuses('bob', single)).toEqual([2, 2, 4])
    expect(await statuses('alice', single)).toEqual([2, 2, 4])
    expect(await last('bob', single)).toMatchObject({ seq: 2 })
    expect(world.told).toMatchObject([{ sendID: 'alice', to: { userID: 'bob' }, contentType: 2102, stored: true }])
  })

  it.each(cells)('of $whose, by $who for everybody, in a group: $code', async ({ who, whose, code }) => {
    await world.send(who === adminUserID ? 'bob' : who, { groupID: 'g' })
    await world.send(whose, { groupID: 'g' })
    expect(await codeOf(remove(who, group, [1, 2], everybody))).toBe(code)
    expect(await statuses('dave', group), 'all or none').toEqual(code === 0 ? [4, 4] : [2, 2])
  })

  it('is nobody else’s to delete (reference §0.12)', async () => {
    for (const sync of [alone, everybody]) {
      expect(await codeOf(remove('carol', single, [1], sync))).toBe(1002)
      expect(await codeOf(remove('bob', single, [1], everybody)), 'bob got it').toBe(1002)
    }
    expect(await statuses('bob', single)).toEqual([2, 2, 2])
  })

  it('stays deleted through a restart, and many go over the borders of blocks', async () => {
    for (let count = 0; count < 2 * blockLength; count++) await world.send('alice', { userID: 'bob' })
    const all = Array.from({ length: 3 + 2 * blockLength }, (_, at) => at + 1)
    await Promise.all([remove('bob', single, all.slice(1, 90)), remove('bob', single, all.slice(80))])
    world = await world.reopen()
    expect(await statuses('bob', single)).toEqual([2, ...all.slice(1).map(() => 4)])
    expect(await last('bob', single)).toMatchObject({ seq: 1 })
    await remove('bob', single, [1])
    expect(await last('bob', single)).toBeUndefined()
  })

  it('by number is the administrator’s, without a word', async () => {
    await world.removals.erase(single, [1, 7])
    expect(await statuses('bob', single)).toEqual([4, 2, 2])
    expect(world.told).toEqual([])
  })

  it('by time is given up for good', async () => {
    const [, second] = await pull('bob', single)
    await world.removals.eraseBefore([single], second!.sendTime)
    expect((await pull('bob', single)).map(({ seq }) => seq)).toEqual([2, 3])
    await world.removals.eraseBefore([single], world.clock.now() + 1)
    expect(await pull('bob', single)).toEqual([])
    await world.send('alice', { userID: 'bob' })
    expect((await pull('bob', single)).map(({ seq }) => seq)).toEqual([4])
  })
})

describe('a cleared conversation', () => {
  beforeEach(async () => {
    await world.send('alice', { userID: 'bob' })
    await world.send('bob', { groupID: 'g' })
    await world.send('carol', { groupID: 'g' })
  })

  it('is empty for its user, has nothing unread, and goes on', async () => {
    await clear('dave', [group], { self: true, others: false })
    expect(await pull('dave', group)).toEqual([])
    expect(await world.messages.seqs('dave', [group])).toMatchObject([{ maxSeq: 2, hasReadSeq: 2 }])
    expect(await pull('bob', group)).toHaveLength(2)
    expect(world.told).toMatchObject([
      { to: { userID: 'dave' }, contentType: 1703, tips: { userID: 'dave', conversationIDs: [group] } },
    ])
    await world.send('bob', { groupID: 'g' })
    expect((await pull('dave', group)).map(({ seq }) => seq)).toEqual([3])
  })

  it('can be all of them', async () => {
    await world.removals.clearAll(world.caller('bob'), 'bob', alone)
    expect(await pull('bob', group)).toEqual([])
    expect(await pull('bob', single)).toEqual([])
    expect(await pull('alice', single)).toHaveLength(1)
    expect(world.told).toEqual([])
  })

  it('for everybody is for the owner of a group and the administrator', async () => {
    expect(await codeOf(clear('carol', [group], everybody))).toBe(1002)
    expect(await codeOf(clear('alice', [single, group], everybody)), 'the chat with bob is not hers alone').toBe(1002)
    expect(await pull('bob', group)).toHaveLength(2)
    await clear('alice', [group], everybody)
    expect(await pull('bob', group)).toEqual([])
    expect(world.told).toMatchObject([{ sendID: 'alice', to: { groupID: 'g' }, contentType: 1703 }])
    await clear(adminUserID, [single], everybody)
    expect(await pull('bob', single)).toEqual([])
    expect(world.told.at(-1)).toMatchObject({ sendID: 'alice', to: { userID: 'bob' } })
  })

  it('for everybody is told again when telling failed: the messages are given up only then', async () => {
    vi.spyOn(world.told, 'push').mockImplementationOnce(() => {
      throw contended()
    })
    expect(await codeOf(clear('alice', [group], everybody))).toBe(1801)
    expect(world.told).toEqual([])
    await clear('alice', [group], everybody)
    expect(world.told).toMatchObject([{ to: { groupID: 'g' }, contentType: 1703 }])
    expect(await pull('bob', group)).toEqual([])
  })

  it('is nobody else’s to clear', async () => {
    expect(await codeOf(clear('dave', [group, single]))).toBe(1002)
    expect(await pull('dave', group)).toHaveLength(2)
  })
})
