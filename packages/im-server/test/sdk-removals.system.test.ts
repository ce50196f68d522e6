import { groupConversationID, singleConversationID } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiClient } from './support/api-client.ts'
import { CbEvents, type SdkClient } from './support/sdk-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

interface Revoked {
  readonly clientMsgID: string
  readonly revokerID: string
  readonly revokerNickname: string
}

/** Unmodified OpenIM SDKs: ada on the web and on Windows, bob and cyd on the web; a group of the three. */
describe('taking messages back, with unmodified SDKs', () => {
  let server: TestServer
  let ada: SdkClient
  let adaWindows: SdkClient
  let bob: SdkClient
  let cyd: SdkClient
  let groupID: string
  const withBob = singleConversationID('ada', 'bob')

  beforeAll(async () => {
    server = await startServer()
    await server.admin.register('ada', 'bob', 'cyd')
    groupID = await server.admin.createGroup('ada', ['bob', 'cyd'])
    ;[ada, adaWindows, bob, cyd] = await Promise.all([
      server.login('ada'),
      server.login('ada', 3),
      server.login('bob'),
      server.login('cyd'),
    ])
  })

  afterAll(() => server.stop())

  const lastOf = async (client: SdkClient, sourceID: string, sessionType: 1 | 3): Promise<{ contentType?: number }> => {
    const { data } = await client.sdk.getOneConversation({ sourceID, sessionType })
    return data.latestMsg === '' ? {} : (JSON.parse(data.latestMsg) as { contentType: number })
  }
  const apiOf = async (userID: string) => new ApiClient(server.api, await server.admin.userToken(userID, 8))
  /** Waits until the SDK knows the number of its own message: only then it can take it back. */
  const numbered = (client: SdkClient, conversationID: string, text: string) =>
    until(`${client.userID} has ${text} numbered`, async () => (await client.history(conversationID)).includes(text))

  it('revoking reaches the other side and the second device, and holds for logins afresh', async () => {
    const { clientMsgID } = await ada.send('not this', { recvID: 'bob' })
    await Promise.all([bob.message('not this'), adaWindows.message('not this')])
    await ada.send('but this', { recvID: 'bob' })
    await Promise.all([bob.message('but this'), numbered(ada, withBob, 'not this')])
    await ada.sdk.revokeMessage({ conversationID: withBob, clientMsgID })
    for (const client of [ada, adaWindows, bob]) {
      const revoked = await client.event<Revoked>(
        CbEvents.OnNewRecvMessageRevoked,
        (data) => data.clientMsgID === clientMsgID,
      )
      expect(revoked).toMatchObject({ revokerID: 'ada', revokerNickname: 'name of ada' })
      expect(await client.history(withBob)).toEqual(['#2101', 'but this'])
    }
    for (const userID of ['ada', 'bob']) {
      const fresh = await server.login(userID, 7)
      expect(await fresh.history(withBob)).toEqual(['#2101', 'but this'])
      await fresh.logout()
    }
  })

  it('the owner of a group takes a member’s message back, and the last message of the list says so', async () => {
    const { clientMsgID } = await cyd.send('unwanted', { groupID })
    await Promise.all([ada, bob].map((client) => client.message('unwanted')))
    await ada.sdk.revokeMessage({ conversationID: groupConversationID(groupID), clientMsgID })
    for (const client of [bob, cyd, adaWindows]) {
      await client.event<Revoked>(CbEvents.OnNewRecvMessageRevoked, (data) => data.clientMsgID === clientMsgID)
      await until('the list shows it', async () => (await lastOf(client, groupID, 3)).contentType === 2101)
    }
    const fresh = await server.login('bob', 7)
    expect(await lastOf(fresh, groupID, 3)).toMatchObject({ contentType: 2101 })
    await fresh.logout()
  })

  it('a member may not take another’s message back, whatever its SDK believes', async () => {
    await bob.send('mine', { groupID })
    const { seq } = await cyd.message('mine')
    const api = await apiOf('cyd')
    const body = { userID: 'cyd', conversationID: groupConversationID(groupID), seq }
    expect((await api.call('/msg/revoke_msg', body)).errCode).toBe(1002)
  })

  it('deleting is for the own account, on every login afresh', async () => {
    await ada.send('keep', { recvID: 'bob' })
    await ada.send('forget', { recvID: 'bob' })
    const { clientMsgID } = await bob.message('forget')
    await bob.sdk.deleteMessage({ conversationID: withBob, clientMsgID })
    expect((await bob.history(withBob)).slice(-1)).toEqual(['keep'])
    const fresh = await server.login('bob', 7)
    expect((await fresh.history(withBob)).slice(-1)).toEqual(['keep'])
    expect(
      JSON.parse((await fresh.sdk.getOneConversation({ sourceID: 'ada', sessionType: 1 })).data.latestMsg),
    ).toMatchObject({
      textElem: { content: 'keep' },
    })
    expect((await ada.history(withBob)).slice(-1)).toEqual(['forget'])
    await fresh.logout()
  })

  it('a deletion for everybody shows on the other side’s list of conversations', async () => {
    await ada.send('first', { recvID: 'bob' })
    await ada.send('gone for all', { recvID: 'bob' })
    const { seq } = await bob.message('gone for all')
    const api = await apiOf('ada')
    const body = { userID: 'ada', conversationID: withBob, seqs: [seq], deleteSyncOpt: { IsSyncOther: true } }
    await api.must('/msg/delete_msgs', body)
    const fresh = await server.login('bob', 7)
    expect((await fresh.history(withBob)).slice(-1)).toEqual(['first'])
    await fresh.logout()
  })

  it('clearing a conversation empties it for the own account, and the next message begins it anew', async () => {
    await bob.sdk.deleteConversationAndDeleteAllMsg(withBob)
    const fresh = await server.login('bob', 7)
    expect(await fresh.history(withBob)).toEqual([])
    expect((await fresh.sdk.getOneConversation({ sourceID: 'ada', sessionType: 1 })).data).toMatchObject({
      latestMsg: '',
      unreadCount: 0,
    })
    await ada.send('anew', { recvID: 'bob' })
    await Promise.all([fresh.message('anew'), bob.message('anew')])
    expect(await fresh.history(withBob)).toEqual(['anew'])
    await fresh.logout()
    const again = await server.login('bob', 7)
    expect(await again.history(withBob)).toEqual(['anew'])
    expect((await ada.history(withBob)).length).toBeGreaterThan(3)
    await again.logout()
  })

  it('clearing everything leaves nothing to a login afresh', async () => {
    await bob.sdk.deleteAllMsgFromLocalAndSvr()
    const fresh = await server.login('bob', 7)
    expect(await fresh.history(withBob)).toEqual([])
    expect(await fresh.history(groupConversationID(groupID))).toEqual([])
    expect((await fresh.sdk.getTotalUnreadMsgCount()).data).toBe(0)
    await fresh.logout()
  })
})
