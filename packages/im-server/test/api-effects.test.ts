import { beforeAll, describe, expect, it } from 'vitest'
import { samples } from './support/api-samples.ts'
import { adminUserID } from './support/im-world.ts'
import { ask, type Fields, tokenOf, tokens, world } from './support/populated-api.ts'

describe('an administrator’s message', () => {
  const send = (change: object) =>
    world.api.call('/msg/send_msg', {
      headers: { operationID: 'op', token: tokens.get(adminUserID) ?? '' },
      body: { ...(samples['/msg/send_msg']!(world) as object), ...change },
    })
  beforeAll(() => tokenOf(adminUserID))

  it('is sent in the name of anybody, and found by its receiver', async () => {
    const { json } = await send({ sendID: 'carol', recvID: 'bob', content: { content: 'from above', more: [1] } })
    expect(json).toMatchObject({
      errCode: 0,
      data: {
        serverMsgID: expect.any(String),
        clientMsgID: expect.stringMatching(/^[0-9a-f]{32}$/),
        sendTime: expect.any(Number),
      },
    })
    const seqRanges = [{ conversationID: 'si_bob_carol', begin: 1, end: 9, num: 0 }]
    const { msgs } = (await ask('/msg/pull_msg_by_seq', { userID: 'bob', seqRanges }, 'bob')) as {
      msgs: Record<string, { Msgs: Fields[] }>
    }
    const [message] = msgs['si_bob_carol']!.Msgs
    expect(message).toMatchObject({
      sendID: 'carol',
      recvID: 'bob',
      contentType: 101,
      senderNickname: 'n',
      offlinePushInfo: { title: 't' },
    })
    expect(JSON.parse(Buffer.from(message!['content'] as string, 'base64').toString())).toEqual({
      content: 'from above',
      more: [1],
    })
  })

  it('goes to a group too', async () => {
    expect((await send({ sessionType: 3, groupID: 'g', recvID: '' })).json.errCode).toBe(0)
    expect(
      (
        await send({
          sessionType: 3,
          groupID: 'g',
          recvID: '',
          contentType: 106,
          content: { text: '@bob', atUserList: ['bob'] },
        })
      ).json.errCode,
    ).toBe(0)
  })

  it.each([
    ['contentType', { contentType: 1400 }],
    ['contentType', { contentType: 1501 }],
    ['content.content', { content: {} }],
    ['content.data', { contentType: 110, content: { content: 'x' } }],
    ['content.atUserList', { contentType: 106, content: { text: 'x' } }],
    ['content.atUserList.0', { contentType: 106, content: { text: 'x', atUserList: [5] } }],
    ['recvID', { recvID: '' }],
    ['groupID', { sessionType: 3 }],
    ['sessionType', { sessionType: 2 }],
    ['sessionType', { sessionType: 4 }],
  ])('is refused when %s does not fit', async (field, change) => {
    const { json } = await send(change)
    expect(json).toMatchObject({ errCode: 1001, errDlt: expect.stringMatching(new RegExp(`^${field}: `)) })
  })
})

describe('what a request causes', () => {
  it('carries the operation of the request', async () => {
    world.told.length = 0
    await ask('/user/update_user_info_ex', { userInfo: { userID: 'alice', nickname: 'A' } }, 'alice', 'operation 7')
    await ask(
      '/group/create_group',
      { ownerUserID: 'alice', groupInfo: { groupType: 2, groupName: 'new' } },
      'alice',
      'operation 8',
    )
    expect(world.told).toMatchObject([
      { contentType: 1303, operationID: 'operation 7' },
      {
        contentType: 1501,
        operationID: 'operation 8',
        tips: { group: { groupName: 'new', ownerUserID: 'alice', memberCount: 1 } },
      },
    ])
  })

  it('is nothing when an older client names a profile’s empty fields', async () => {
    await ask(
      '/user/update_user_info',
      { userInfo: { userID: 'bob', nickname: '', faceURL: 'f2', ex: '', globalRecvMsgOpt: 0 } },
      'bob',
    )
    expect(await world.users.infos(['bob'])).toMatchObject([{ nickname: 'name of bob', faceURL: 'f2' }])
    await ask('/user/update_user_info_ex', { userInfo: { userID: 'bob', nickname: '', faceURL: null } }, 'bob')
    expect(await world.users.infos(['bob'])).toMatchObject([{ nickname: '', faceURL: 'f2' }])
  })

  it('is a mark that others do not see', async () => {
    await world.send('bob', { userID: 'alice' })
    const seqs = async (userID: string) =>
      (
        (await ask(
          '/msg/get_conversations_has_read_and_max_seq',
          { userID, conversationIDs: ['si_alice_bob'] },
          userID,
        )) as { seqs: Record<string, Fields> }
      ).seqs['si_alice_bob']
    const { maxSeq } = (await seqs('alice'))!
    await ask('/msg/mark_conversation_as_read', {
      userID: 'alice',
      conversationID: 'si_alice_bob',
      hasReadSeq: maxSeq,
      seqs: [],
    })
    expect(await seqs('alice')).toMatchObject({ hasReadSeq: maxSeq })
    await ask('/msg/set_conversation_has_read_seq', {
      userID: 'alice',
      conversationID: 'si_alice_bob',
      hasReadSeq: 1,
      noNotification: true,
    })
    expect(await seqs('alice')).toMatchObject({ hasReadSeq: maxSeq })
  })

  it('is kicked tokens of the platform that is forced out', async () => {
    const token = await world.token('bob', 2)
    await ask('/auth/force_logout', { userID: 'bob', platformID: 2 }, adminUserID)
    expect((await world.api.call('/msg/get_server_time', { headers: { operationID: 'op', token } })).json.errCode).toBe(
      1506,
    )
  })
})
