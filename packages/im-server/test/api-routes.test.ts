import {
  GetActiveConversationsReq,
  GetActiveConversationsResp,
  GetConversationsReq,
  GetConversationsResp,
} from '@parlance/openim-protocol'
import { describe, expect, it } from 'vitest'
import { samples } from './support/api-samples.ts'
import { adminUserID } from './support/im-world.ts'
import { ask, type Fields, tokenOf, world } from './support/populated-api.ts'

const versionID = expect.stringMatching(/^[0-9a-f]{24}$/) as string

describe('the shape of answers', () => {
  it.each([
    ['/friend/get_incremental_friends', []],
    ['/group/get_incremental_join_groups', []],
    ['/conversation/get_incremental_conversations', []],
    // The JS SDK looks into the first element of any list that is there.
    ['/group/get_incremental_group_members', null],
  ])('of %s: a version from the first answer on', async (path, none) => {
    const sample = await samples[path]!(world)
    const lists = { insert: none, update: none, delete: none }
    const first = await ask(path, sample)
    expect(first).toMatchObject({ full: true, versionID, ...lists })
    expect(first['version']).toBeGreaterThanOrEqual(1)
    const known = { versionID: first['versionID'], version: first['version'] }
    expect(await ask(path, { ...sample, ...known })).toMatchObject({ full: false, ...known, ...lists })
  })

  it('of ids that are synchronized', async () => {
    expect(await ask('/friend/get_full_friend_user_ids', { userID: 'alice', idHash: 0 })).toEqual({
      version: 1,
      versionID,
      equal: true,
      userIDs: [],
    })
    expect(await ask('/group/get_full_join_group_ids', { userID: 'alice', idHash: 0 })).toMatchObject({
      equal: false,
      groupIDs: ['g'],
    })
    expect(await ask('/group/get_full_group_member_user_ids', { groupID: 'g', idHash: 0 })).toMatchObject({
      equal: false,
      userIDs: ['alice', 'bob'],
    })
    expect(await ask('/conversation/get_full_conversation_ids', { userID: 'alice', idHash: 0 })).toMatchObject({
      equal: false,
      conversationIDs: ['si_alice_bob', 'sg_g'],
    })
  })

  it('takes a 64-bit hash as Go writes it', async () => {
    const token = await tokenOf('alice')
    const body = '{"userID":"alice","idHash":18446744073709551615}'
    expect(
      (await world.api.call('/group/get_full_join_group_ids', { headers: { operationID: 'op', token }, body })).json
        .errCode,
    ).toBe(0)
  })

  it('of a batch of members: an object by group', async () => {
    const data = await ask('/group/get_incremental_group_members_batch', {
      userID: 'alice',
      reqList: [{ groupID: 'g' }, { groupID: 'nowhere' }],
    })
    expect(data).toEqual({
      respList: {
        g: {
          version: expect.any(Number),
          versionID,
          full: true,
          insert: null,
          update: null,
          delete: null,
          sortVersion: 0,
          group: expect.objectContaining({ groupID: 'g', memberCount: 2 }),
        },
      },
    })
    expect(
      await ask('/group/get_incremental_group_members_batch', { userID: 'carol', reqList: null }, 'carol'),
    ).toEqual({ respList: {} })
  })

  it('of users', async () => {
    expect(await ask('/user/get_users_info', { userIDs: ['bob', 'nobody'] })).toEqual({
      usersInfo: [
        {
          userID: 'bob',
          nickname: 'name of bob',
          faceURL: 'face of bob',
          ex: '',
          createTime: expect.any(Number),
          appMangerLevel: 0,
          globalRecvMsgOpt: 0,
        },
      ],
    })
    expect(await ask('/user/account_check', { checkUserIDs: ['bob', 'nobody'] }, adminUserID)).toEqual({
      results: [
        { userID: 'bob', accountStatus: 1 },
        { userID: 'nobody', accountStatus: 0 },
      ],
    })
    world.online.set('bob', [1, 5])
    expect(await ask('/user/get_users_status', { userID: 'alice', userIDs: ['bob', 'carol'] })).toEqual({
      statusList: [
        { userID: 'bob', status: 1, platformIDs: [1, 5] },
        { userID: 'carol', status: 0, platformIDs: [] },
      ],
    })
  })

  it('of groups and members', async () => {
    const group = {
      groupID: 'g',
      ownerUserID: 'alice',
      memberCount: 2,
      status: 0,
      groupType: 2,
      notificationUpdateTime: 0,
      ex: '',
    }
    expect(await ask('/group/get_groups_info', { groupIDs: ['g'] })).toMatchObject({ groupInfos: [group] })
    expect(
      await ask('/group/get_joined_group_list', { fromUserID: 'alice', pagination: { pageNumber: 1, showNumber: 9 } }),
    ).toMatchObject({ total: 1, groups: [group] })
    const member = {
      groupID: 'g',
      userID: 'bob',
      roleLevel: 20,
      joinTime: expect.any(Number),
      nickname: 'name of bob',
      faceURL: 'face of bob',
      appMangerLevel: 0,
      joinSource: 2,
      operatorUserID: 'alice',
      ex: '',
      muteEndTime: 0,
      inviterUserID: 'alice',
    }
    expect(await ask('/group/get_group_members_info', { groupID: 'g', userIDs: ['bob', 'carol'] })).toEqual({
      members: [member],
    })
    expect(
      await ask('/group/get_group_member_list', {
        groupID: 'g',
        filter: 3,
        keyword: '',
        pagination: { pageNumber: 1, showNumber: 9 },
      }),
    ).toEqual({ total: 1, members: [member] })
    expect(await ask('/group/get_group_member_user_id', { groupID: 'g' })).toEqual({ userIDs: ['alice', 'bob'] })
  })

  it('of friends and those blocked: nobody yet', async () => {
    const pagination = { pageNumber: 1, showNumber: 200 }
    expect(await ask('/friend/get_friend_list', { userID: 'alice', pagination })).toEqual({ friendsInfo: [], total: 0 })
    expect(await ask('/friend/get_black_list', { userID: 'alice', pagination })).toEqual({ blacks: [], total: 0 })
    expect(await ask('/friend/is_friend', { userID1: 'alice', userID2: 'bob' })).toEqual({
      inUser1Friends: false,
      inUser2Friends: false,
    })
  })

  it('of friends that are there, each with its profile', async () => {
    const row = {
      ownerUserID: 'carol',
      friendUserID: 'bob',
      remark: 'B',
      createTime: new Date(5),
      addSource: 2,
      operatorUserID: 'carol',
      ex: 'x',
      isPinned: true,
    }
    const first = await ask('/friend/get_incremental_friends', { userID: 'carol' }, 'carol')
    await world.repositories.friends.put(row)
    await world.repositories.friends.put({ ...row, friendUserID: 'gone' })
    const friend = {
      ownerUserID: 'carol',
      remark: 'B',
      createTime: 5,
      friendUser: expect.objectContaining({ userID: 'bob', nickname: 'name of bob' }),
      addSource: 2,
      operatorUserID: 'carol',
      ex: 'x',
      isPinned: true,
    }
    expect(
      await ask('/friend/get_friend_list', { userID: 'carol', pagination: { pageNumber: 1, showNumber: 9 } }, 'carol'),
    ).toEqual({ friendsInfo: [friend], total: 2 })
    expect(
      await ask('/friend/get_designated_friends', { ownerUserID: 'carol', friendUserIDs: ['alice', 'bob'] }, 'carol'),
    ).toEqual({ friendsInfo: [friend] })
    expect(await ask('/friend/get_incremental_friends', { userID: 'carol', ...first }, 'carol')).toMatchObject({
      full: false,
      insert: [friend],
      sortVersion: 0,
    })
    expect(await ask('/friend/is_friend', { userID1: 'bob', userID2: 'carol' }, 'carol')).toEqual({
      inUser1Friends: false,
      inUser2Friends: true,
    })
  })

  it('of seqs: objects by conversation', async () => {
    const seqs = { maxSeq: 1, hasReadSeq: 0, maxSeqTime: expect.any(Number) }
    expect(
      await ask('/msg/get_conversations_has_read_and_max_seq', {
        userID: 'alice',
        conversationIDs: [],
        returnPinned: true,
      }),
    ).toEqual({
      seqs: { si_alice_bob: seqs, sg_g: seqs },
      pinnedConversationIDs: [],
    })
    expect(await ask('/msg/newest_seq', { userID: 'alice' })).toMatchObject({ maxSeqs: { si_alice_bob: 1, sg_g: 1 } })
  })

  it('of messages: the content in base64', async () => {
    const seqRanges = [{ conversationID: 'si_alice_bob', begin: 1, end: 1, num: 1 }]
    const { msgs } = (await ask('/msg/pull_msg_by_seq', { userID: 'alice', seqRanges, order: 0 })) as {
      msgs: Record<string, { Msgs: Fields[]; isEnd: boolean }>
    }
    const { Msgs, isEnd } = msgs['si_alice_bob']!
    expect(isEnd).toBe(true)
    expect(Msgs).toMatchObject([{ sendID: 'bob', recvID: 'alice', seq: 1, contentType: 101, sessionType: 1 }])
    expect(JSON.parse(Buffer.from(Msgs[0]!['content'] as string, 'base64').toString())).toEqual({ content: 'hello' })
  })

  it('of the time', async () => {
    expect(await ask('/msg/get_server_time', {})).toEqual({ serverTime: world.clock.now() })
  })

  it('of a token that is read back', async () => {
    const token = await world.token('carol', 9)
    const parsed = await ask('/auth/parse_token', { token })
    expect(parsed).toEqual({
      userID: 'carol',
      platformID: 9,
      expireTimeSeconds: Math.floor(world.clock.now() / 1000) + 90 * 86_400,
    })
  })
})

describe('the two routes with two forms', () => {
  const protobuf = async (path: string, body: Uint8Array): Promise<Buffer> => {
    const headers = { operationID: 'op', token: await tokenOf('alice'), 'content-type': 'application/x-protobuf' }
    const { json } = await world.api.call(path, { headers, body })
    expect(json.errCode).toBe(0)
    return Buffer.from(json.data as string, 'base64')
  }

  it('answer protobuf with the same as JSON', async () => {
    const active = GetActiveConversationsResp.decode(
      await protobuf(
        '/jssdk/get_active_conversations',
        GetActiveConversationsReq.encode({ ownerUserID: 'alice', count: 20 }),
      ),
    )
    expect(active).toMatchObject({
      unreadCount: 2,
      conversations: [
        {
          conversation: { conversationID: 'sg_g' },
          group: { groupID: 'g', memberCount: 2 },
          maxSeq: 1,
          readSeq: 0,
          lastMsg: { groupID: 'g', seq: 1 },
        },
        {
          conversation: { conversationID: 'si_alice_bob', userID: 'bob' },
          user: { nickname: 'name of bob' },
          lastMsg: { sendID: 'bob', seq: 1 },
        },
      ],
    })
    const json = await ask('/jssdk/get_active_conversations', { ownerUserID: 'alice', count: 20 })
    const asJson = (conversation: (typeof active.conversations)[number]) => ({
      ...conversation,
      lastMsg: { ...conversation.lastMsg, content: Buffer.from(conversation.lastMsg!.content).toString('base64') },
    })
    expect(json).toEqual(
      JSON.parse(JSON.stringify({ unreadCount: 2, conversations: active.conversations.map(asJson) })),
    )
  })

  it('find what is asked for', async () => {
    const found = await protobuf(
      '/jssdk/get_conversations',
      GetConversationsReq.encode({ ownerUserID: 'alice', conversationIDs: ['si_alice_bob'] }),
    )
    expect(GetConversationsResp.decode(found)).toMatchObject({
      unreadCount: 1,
      conversations: [{ conversation: { conversationID: 'si_alice_bob' } }],
    })
  })

  it('check what protobuf says as they check JSON', async () => {
    const headers = { operationID: 'op', token: await tokenOf('alice'), 'content-type': 'application/x-protobuf' }
    const call = (body: Uint8Array) => world.api.call('/jssdk/get_active_conversations', { headers, body })
    expect((await call(GetActiveConversationsReq.encode({ ownerUserID: 'bob', count: 20 }))).json.errCode).toBe(1002)
    expect((await call(GetActiveConversationsReq.encode({ ownerUserID: '', count: 20 }))).json.errCode).toBe(1001)
  })

  it('show 100 when asked for nonsense', async () => {
    for (const count of [0, 501, 2 ** 31 - 1])
      expect(await ask('/jssdk/get_active_conversations', { ownerUserID: 'alice', count })).toMatchObject({
        unreadCount: 2,
      })
  })
})
