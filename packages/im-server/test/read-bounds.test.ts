import { groupConversationID } from '@parlance/openim-protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { groupNotificationAddress } from '../src/domain/messages/address.ts'
import { noCause as cause } from '../src/domain/messages/push-record.ts'
import { newConversation } from '../src/domain/new-conversation.ts'
import { ConversationOverview } from '../src/domain/conversation-overview.ts'
import { type ImWorld, imWorld } from './support/im-world.ts'

const conversationID = groupConversationID('g')
const far = Number.MAX_SAFE_INTEGER
let world: ImWorld

beforeEach(async () => {
  world = await imWorld()
  await world.register('alice', 'bob')
  await world.group('g', 'alice', 'bob')
  for (let count = 0; count < 5; count++) await world.send('alice', { groupID: 'g' })
})
afterEach(() => world.close())

const subject = { ownerUserID: 'bob', conversationID, userID: '', groupID: 'g' }

/** Bounds what bob may read of the group. */
const bound = (minSeq: number, maxSeq: number) =>
  world.repositories.conversations.put(
    Object.assign(newConversation({ ...subject, createTime: new Date(world.clock.now()) }), { minSeq, maxSeq }),
  )
const leave = () => world.repositories.groupMembers.delete({ groupID: 'g', userID: 'bob' })
const overview = () => new ConversationOverview({ ...world, reader: world.messages })

async function seqsByRange(order: 0 | 1, begin = 0, end = far, num = 0): Promise<readonly number[]> {
  const pulled = await world.messages.pullByRanges('bob', [{ conversationID, begin, end, num }], order)
  return pulled.messages.get(conversationID)!.messages.map(({ seq }) => seq)
}

describe('what one user may read of a conversation', () => {
  it('is all of it without bounds, and for a member whatever the last membership left', async () => {
    expect(await seqsByRange(0)).toEqual([1, 2, 3, 4, 5])
    await bound(0, 4)
    expect(await seqsByRange(0)).toEqual([1, 2, 3, 4, 5])
  })

  it('lies between its bounds, whichever way it is pulled', async () => {
    await bound(2, 4)
    await leave()
    expect(await seqsByRange(0)).toEqual([2, 3, 4])
    expect(await seqsByRange(1)).toEqual([4, 3, 2])
    expect(await seqsByRange(1, 0, far, 2)).toEqual([4, 3])
    expect(await seqsByRange(0, 1, 1)).toEqual([])
    expect(await seqsByRange(0, 5, 9)).toEqual([])
    const newest = await world.messages.lastMessages('bob', [conversationID])
    expect(newest.get(conversationID)).toMatchObject({ seq: 4 })
  })

  it('is told with every answer about numbers', async () => {
    await bound(2, 4)
    await leave()
    const [seqs] = await world.messages.seqs('bob', [conversationID])
    expect(seqs).toMatchObject({ minSeq: 2, maxSeq: 4, hasReadSeq: 1 })
    expect(await world.messages.seqs('bob', [])).toEqual([seqs])
    const newest = await world.messages.newestSeqs('bob')
    expect(newest.maxSeqs.get(conversationID)).toBe(4)
    expect(newest.minSeqs.get(conversationID)).toBe(2)
    const { unreadCount, conversations } = await overview().active('bob', 10)
    expect(unreadCount).toBe(3)
    expect(conversations).toMatchObject([
      { conversation: { minSeq: 2, maxSeq: 4 }, maxSeq: 4, readSeq: 1, lastMsg: { seq: 4 } },
    ])
  })

  it('bounds how far it counts as read', async () => {
    await bound(0, 4)
    await leave()
    await world.messages.markConversationAsRead(world.caller('bob'), 'bob', conversationID, 5, [4, 5])
    expect(await world.messages.seqs('bob', [conversationID])).toMatchObject([{ maxSeq: 4, hasReadSeq: 4 }])
    expect(world.told.at(-1)).toMatchObject({ tips: { hasReadSeq: 4, seqs: [4] } })
  })

  it('may begin behind the last message: nothing to read, nothing unread, until the next one', async () => {
    await bound(6, 0)
    expect(await seqsByRange(0)).toEqual([])
    expect(await world.messages.seqs('bob', [conversationID])).toMatchObject([
      { maxSeq: 5, hasReadSeq: 5, maxSeqTime: 0 },
    ])
    expect(await world.messages.lastMessages('bob', [conversationID])).toEqual(new Map())
    await world.send('alice', { groupID: 'g' })
    expect(await seqsByRange(0)).toEqual([6])
    expect(await world.messages.seqs('bob', [conversationID])).toMatchObject([{ maxSeq: 6, hasReadSeq: 5 }])
  })
})

describe('a membership that ended', () => {
  it('leaves nothing without a bound', async () => {
    await bound(0, 0)
    await leave()
    expect(await seqsByRange(0)).toEqual([])
    expect(await world.messages.seqs('bob', [])).toEqual([])
    expect(await world.conversations.all('bob')).toEqual([])
  })

  it('leaves what was said up to the bound, in every list, and nothing newer', async () => {
    await bound(0, 5)
    await leave()
    await world.send('alice', { groupID: 'g' })
    expect(await seqsByRange(0)).toEqual([1, 2, 3, 4, 5])
    expect(await world.messages.seqs('bob', [])).toMatchObject([{ conversationID, maxSeq: 5 }])
    expect(await world.conversations.all('bob')).toMatchObject([{ conversationID, maxSeq: 5 }])
    expect(await world.conversations.find('bob', [conversationID])).toMatchObject([{ maxSeq: 5 }])
    expect((await overview().find('bob', [conversationID])).conversations).toMatchObject([
      { maxSeq: 5, lastMsg: { seq: 5 } },
    ])
  })

  it('is an update of the list of conversations, when something is left', async () => {
    const known = await world.conversations.incremental('bob', { versionID: '', version: 0 })
    await bound(0, 5)
    await leave()
    const delta = await world.conversations.incremental('bob', known)
    expect(delta).toMatchObject({ full: false, delete: [] })
    expect([...delta.insert, ...delta.update]).toMatchObject([{ conversationID, maxSeq: 5 }])
  })

  it('ends the notifications of the group', async () => {
    const { stream, conversationID: notifications } = groupNotificationAddress('g')
    const [first] = await world.repositories.messages.range('group/g', 1, 1)
    const body = { ...first!.row.body, clientMsgID: 'n', options: { isNotNotification: false } }
    await world.repositories.messages.append(stream, [{ body, cause }])
    const pull = async () => {
      const asked = [{ conversationID: notifications, begin: 1, end: far, num: 0 }]
      const { messages } = (await world.messages.pullByRanges('bob', asked, 0)).notifications.get(notifications)!
      return messages.length
    }
    expect(await pull()).toBe(1)
    await bound(0, 5)
    await leave()
    expect(await pull()).toBe(0)
    expect((await world.messages.newestSeqs('bob')).maxSeqs.has(notifications)).toBe(false)
  })
})

it('who has more conversations than one read takes still signs in, opens the list and clears it', async () => {
  const count = 10_001
  const createTime = new Date(world.clock.now())
  const rows = Array.from({ length: count }, (_, at) =>
    newConversation({ ...subject, conversationID: `si_bob_peer${at}`, userID: `peer${at}`, groupID: '', createTime }),
  )
  for (let from = 0; from < count; from += 1_000)
    await world.repositories.conversations.insertMany(rows.slice(from, from + 1_000))
  await world.register('peer10000')
  await world.send('peer10000', { userID: 'bob' })
  expect((await world.messages.newestSeqs('bob')).maxSeqs.get('si_bob_peer10000')).toBe(1)
  const seqs = await world.messages.seqs('bob', [])
  expect(seqs).toHaveLength(count + 1)
  expect(seqs.find(({ conversationID: id }) => id === 'si_bob_peer10000')).toMatchObject({ maxSeq: 1, hasReadSeq: 0 })
  world.told.length = 0
  await world.removals.clearAll(world.caller('bob'), 'bob', { self: true, others: false })
  expect((await world.messages.seqs('bob', ['si_bob_peer10000']))[0]).toMatchObject({ minSeq: 2, hasReadSeq: 1 })
  const told = world.told.map(({ tips }) => (tips as { readonly conversationIDs: readonly string[] }).conversationIDs)
  expect(new Set(told.flat()).size).toBe(count + 1)
  expect(Math.max(...told.map(({ length }) => length)), 'what is told has to fit into a message').toBe(500)
})
