import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { singleConversationID } from '@parlance/openim-protocol'
import { ConversationOverview } from '../src/domain/conversation-overview.ts'
import { ConversationRows } from '../src/domain/messages/conversation-rows.ts'
import { newConversation } from '../src/domain/new-conversation.ts'
import type { Conversation } from '../src/entities/conversation.ts'
import { type ImWorld, imWorld } from './support/im-world.ts'

let world: ImWorld
beforeEach(async () => {
  world = await imWorld()
  await world.register('alice', 'bob', 'carol')
})
afterEach(() => world.close())

const unknown = { versionID: '', version: 0 }
const ids = (list: readonly { readonly conversationID: string }[]): string[] =>
  list.map(({ conversationID }) => conversationID)
const leave = (groupID: string, userID: string) => world.repositories.groupMembers.delete({ groupID, userID })

async function set(ownerUserID: string, groupID: string, change: Partial<Conversation>): Promise<void> {
  const row = {
    ownerUserID,
    conversationID: `sg_${groupID}`,
    conversationType: 3,
    userID: '',
    groupID,
    recvMsgOpt: 0,
    isPinned: false,
  }
  const rest = {
    isPrivateChat: false,
    burnDuration: 0,
    groupAtType: 0,
    attachedInfo: '',
    ex: '',
    minSeq: 0,
    maxSeq: 0,
    isDeleted: false,
    createTime: new Date(world.clock.now()),
  }
  await world.repositories.conversations.put({ ...row, ...rest, ...change })
}

describe('whose conversations there are', () => {
  it('is nobody before the first message', async () => {
    expect(await world.conversations.all('alice')).toEqual([])
  })

  it('follows from messages and memberships', async () => {
    await world.send('bob', { userID: 'alice' })
    await world.group('g', 'carol', 'alice')
    const all = await world.conversations.all('alice')
    expect(ids(all)).toEqual(['si_alice_bob', 'sg_g'])
    expect(all[1]).toEqual({
      ownerUserID: 'alice',
      conversationID: 'sg_g',
      recvMsgOpt: 0,
      conversationType: 3,
      userID: '',
      groupID: 'g',
      isPinned: false,
      attachedInfo: '',
      isPrivateChat: false,
      groupAtType: 0,
      ex: '',
      burnDuration: 0,
      minSeq: 0,
      maxSeq: 0,
      msgDestructTime: 0,
      latestMsgDestructTime: 0,
      isMsgDestruct: false,
    })
    expect(all[0]).toMatchObject({ conversationType: 1, userID: 'bob', groupID: '' })
    expect(await world.conversations.find('alice', ['sg_g', 'si_alice_bob'])).toEqual([all[1], all[0]])
  })

  it('shows what the owner set for a group, while a member', async () => {
    await world.group('g', 'carol', 'alice')
    await set('alice', 'g', { isPinned: true, recvMsgOpt: 2 })
    expect(await world.conversations.all('alice')).toMatchObject([
      { conversationID: 'sg_g', isPinned: true, recvMsgOpt: 2 },
    ])
    expect(await world.conversations.pinnedIDs('alice')).toEqual(['sg_g'])
    expect(await world.conversations.notNotifiedIDs('alice')).toEqual(['sg_g'])
    expect(await world.conversations.pinnedIDs('carol')).toEqual([])
    await leave('g', 'alice')
    expect(await world.conversations.all('alice')).toEqual([])
    expect(await world.conversations.find('alice', ['sg_g'])).toEqual([])
  })

  it('is not who asks for a conversation of others', async () => {
    await world.send('bob', { userID: 'carol' })
    await world.group('g', 'carol', 'bob')
    expect(await world.conversations.find('alice', ['si_bob_carol', 'sg_g', 'sg_', 'n_g', 'nonsense'])).toEqual([])
  })

  it('pages', async () => {
    for (const groupID of ['a', 'b', 'c']) await world.group(groupID, 'alice')
    expect(await world.conversations.page('alice', { pageNumber: 2, showNumber: 2 })).toMatchObject({
      total: 3,
      conversations: [{ groupID: 'c' }],
    })
  })
})

describe('two chats with one conversation id', () => {
  const id = (a: string, b: string): string => singleConversationID(a, b)

  it('both get their rows when two pairs begin to chat at the same moment', async () => {
    await world.register('a', 'a_b', 'b_c', 'c')
    expect(id('a_b', 'c')).toBe(id('a', 'b_c'))
    await Promise.all([world.send('a_b', { userID: 'c' }), world.send('a', { userID: 'b_c' })])
    for (const [owner, peer] of [
      ['a', 'b_c'],
      ['b_c', 'a'],
      ['a_b', 'c'],
      ['c', 'a_b'],
    ] as const)
      expect(await world.conversations.all(owner)).toMatchObject([{ userID: peer }])
  })

  it('of one owner: the second is refused, whoever begins it, and the first stays as it is', async () => {
    await world.register('_a_', '_a', 'a_')
    expect(id('_a_', '_a')).toBe(id('_a_', 'a_'))
    await world.send('_a_', { userID: '_a' })
    for (const [from, to] of [
      ['_a_', 'a_'],
      ['a_', '_a_'],
    ] as const)
      await expect(world.send(from, { userID: to })).rejects.toMatchObject({ errCode: 1001 })
    expect(await world.conversations.all('_a_')).toMatchObject([{ userID: '_a' }])
    expect(await world.conversations.all('a_')).toEqual([])
    await world.send('_a', { userID: '_a_' })
  })
})

describe('the rows of a single chat', () => {
  it('that somebody else made and changed meanwhile stay as they are', async () => {
    const conversationID = 'si_alice_bob'
    const { conversations } = world.repositories
    // As another node that is not heard of yet: what is read is older than what is stored.
    const stale = {
      conversations: new Proxy(conversations, {
        get: (target, name) =>
          name === 'getMany'
            ? async (...[keys, options]: Parameters<typeof conversations.getMany>) => {
                const rows = await target.getMany(keys, options)
                if ((await target.get({ ownerUserID: 'alice', conversationID })) === undefined) {
                  await world.send('bob', { userID: 'alice' })
                  await target.patch({ ownerUserID: 'alice', conversationID }, { isPinned: true })
                }
                return rows
              }
            : (Reflect.get(target, name) as unknown),
      }),
    }
    await new ConversationRows({ ...world.repositories, ...stale }, world.clock).ensureSingle('alice', 'bob')
    expect(await world.conversations.find('alice', [conversationID])).toMatchObject([{ isPinned: true }])
  })
})

describe('what a client has of its conversations', () => {
  it('goes on with chats begun, groups joined, settings changed and groups left', async () => {
    const first = await world.conversations.incremental('alice', unknown)
    expect(first).toMatchObject({ full: true, version: 1, versionID: expect.stringMatching(/^[0-9a-f]{24}$/) })

    await world.send('bob', { userID: 'alice' })
    await world.group('g', 'carol', 'alice')
    const second = await world.conversations.incremental('alice', first)
    expect(second).toMatchObject({ full: false, update: [], delete: [] })
    expect(ids(second.insert).toSorted()).toEqual(['sg_g', 'si_alice_bob'])

    await set('alice', 'g', { isPinned: true })
    const third = await world.conversations.incremental('alice', second)
    expect(third).toMatchObject({
      full: false,
      insert: [],
      update: [{ conversationID: 'sg_g', isPinned: true }],
      delete: [],
    })

    await leave('g', 'alice')
    const fourth = await world.conversations.incremental('alice', third)
    expect(fourth).toMatchObject({ full: false, insert: [], update: [], delete: ['sg_g'] })
    expect(await world.conversations.incremental('alice', fourth)).toMatchObject({
      full: false,
      insert: [],
      update: [],
      delete: [],
      version: fourth.version,
    })
  })

  it('does not change with what others do', async () => {
    const first = await world.conversations.incremental('alice', unknown)
    await world.send('bob', { userID: 'carol' })
    await world.group('g', 'carol', 'bob')
    expect(await world.conversations.incremental('alice', first)).toMatchObject({ full: false, version: first.version })
  })

  it('ends as the list is, whatever the steps', async () => {
    let known = await world.conversations.incremental('alice', unknown)
    const held = new Map<string, unknown>()
    const steps = [
      () => world.group('g', 'carol', 'alice'),
      () => set('alice', 'g', { ex: 'one' }),
      () => world.send('bob', { userID: 'alice' }),
      () => leave('g', 'alice'),
      () => world.group('h', 'alice'),
      () => set('alice', 'h', { ex: 'two' }),
      () => leave('h', 'alice'),
      () => world.send('alice', { userID: 'carol' }),
    ]
    for (const [at, step] of steps.entries()) {
      await step()
      if (at % 3 === 1) continue
      known = await world.conversations.incremental('alice', known)
      expect(known.full).toBe(false)
      for (const id of known.delete) held.delete(id)
      for (const info of [...known.insert, ...known.update]) held.set(info.conversationID, info)
      const all = await world.conversations.all('alice')
      expect(held).toEqual(new Map(all.map((info) => [info.conversationID, info])))
    }
  })

  it('is equal when the hash of the ids is', async () => {
    expect(await world.conversations.idList('alice', 0)).toMatchObject({ equal: true, ids: [] })
    await world.group('g', 'alice')
    expect(await world.conversations.idList('alice', 0)).toMatchObject({ equal: false, ids: ['sg_g'] })
  })
})

describe('the overview', () => {
  let overview: ConversationOverview
  beforeEach(() => {
    overview = new ConversationOverview({ ...world, reader: world.messages })
  })

  it('is empty for somebody new', async () => {
    expect(await overview.active('alice', 20)).toEqual({ unreadCount: 0, conversations: [] })
    expect(await overview.find('alice', [])).toEqual({ unreadCount: 0, conversations: [] })
  })

  it('shows the latest first, pinned before all, with last message, people and what is unread', async () => {
    await world.group('g', 'carol', 'alice')
    await world.group('empty', 'carol', 'alice')
    await world.send('carol', { groupID: 'g' }, 'in the group')
    await world.send('bob', { userID: 'alice' }, 'one')
    await world.send('bob', { userID: 'alice' }, 'two')
    await world.send('alice', { userID: 'carol' }, 'mine')
    await world.repositories.friends.put({
      ownerUserID: 'alice',
      friendUserID: 'bob',
      remark: 'Bobby',
      createTime: new Date(1),
      addSource: 2,
      operatorUserID: 'alice',
      ex: '',
      isPinned: false,
    })
    const { unreadCount, conversations } = await overview.active('alice', 20)
    expect(conversations.map(({ conversation }) => conversation?.conversationID)).toEqual([
      'si_alice_carol',
      'si_alice_bob',
      'sg_g',
    ])
    expect(unreadCount).toBe(3)
    const [own, single, group] = conversations
    expect(own).toMatchObject({ maxSeq: 1, readSeq: 1, user: { userID: 'carol' }, friend: undefined, group: undefined })
    expect(single).toMatchObject({
      maxSeq: 2,
      readSeq: 0,
      user: { nickname: 'name of bob' },
      friend: { remark: 'Bobby' },
      lastMsg: { seq: 2, sendID: 'bob' },
    })
    expect(JSON.parse(Buffer.from(single!.lastMsg!.content).toString())).toEqual({ content: 'two' })
    expect(group).toMatchObject({
      maxSeq: 1,
      group: { groupID: 'g', memberCount: 2 },
      user: undefined,
      lastMsg: { groupID: 'g' },
    })

    await set('alice', 'g', { isPinned: true })
    const top = await overview.active('alice', 1)
    expect(top).toMatchObject({ unreadCount: 3, conversations: [{ conversation: { conversationID: 'sg_g' } }] })
  })

  it('finds single conversations, also empty ones, and none of others', async () => {
    await world.group('g', 'carol', 'alice')
    await world.send('bob', { userID: 'carol' })
    const { conversations } = await overview.find('alice', ['sg_g', 'si_bob_carol'])
    expect(conversations).toMatchObject([
      { conversation: { conversationID: 'sg_g' }, group: { groupID: 'g' }, lastMsg: undefined, maxSeq: 0, readSeq: 0 },
    ])
  })

  it('serves a user with more conversations than may be named at once', async () => {
    const createTime = new Date(world.clock.now())
    const peers = Array.from({ length: 3_001 }, (_, at) => `peer${at}`)
    await world.repositories.conversations.putMany(
      peers.map((userID) =>
        newConversation({
          ownerUserID: 'alice',
          conversationID: singleConversationID('alice', userID),
          userID,
          groupID: '',
          createTime,
        }),
      ),
    )
    await world.send('bob', { userID: 'alice' })
    expect(await overview.active('alice', 20)).toMatchObject({ unreadCount: 1, conversations: [{ maxSeq: 1 }] })
    const { json } = await world.api.call('/msg/get_conversations_has_read_and_max_seq', {
      headers: { operationID: 'op', token: await world.token('alice') },
      body: { userID: 'alice' },
    })
    expect(json.errCode).toBe(0)
    expect(Object.keys((json.data as { seqs: object }).seqs)).toHaveLength(3_002)
  })

  it('counts as unread only what is asked for', async () => {
    await world.send('bob', { userID: 'alice' })
    await world.send('carol', { userID: 'alice' })
    expect(await overview.find('alice', ['si_alice_bob'])).toMatchObject({ unreadCount: 1 })
    expect(await overview.find('alice', ['si_bob_carol'])).toEqual({ unreadCount: 0, conversations: [] })
  })
})
