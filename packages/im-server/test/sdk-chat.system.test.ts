import { groupConversationID, singleConversationID } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiClient } from './support/api-client.ts'
import { CbEvents, SdkClient } from './support/sdk-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

/** Unmodified OpenIM SDKs: ada on the web, bob on the web and on Windows, cyd on the web. */
describe('unmodified SDKs', () => {
  let server: TestServer
  let ada: SdkClient
  let bobWeb: SdkClient
  let bobWindows: SdkClient
  let cyd: SdkClient
  const withBob = singleConversationID('ada', 'bob')

  beforeAll(async () => {
    server = await startServer()
    await server.admin.register('ada', 'bob', 'cyd')
    ;[ada, bobWeb, bobWindows, cyd] = await Promise.all([
      server.login('ada'),
      server.login('bob'),
      server.login('bob', 3),
      server.login('cyd'),
    ])
  })

  afterAll(() => server.stop())

  it('a message reaches every device of the receiver once, and its sender not as news', async () => {
    await ada.send('hello bob', { recvID: 'bob' })
    await Promise.all([bobWeb.message('hello bob'), bobWindows.message('hello bob')])
    await bobWeb.send('hello ada', { recvID: 'ada' })
    await Promise.all([ada.message('hello ada'), bobWindows.message('hello ada')])
    expect([bobWeb, bobWindows].map((client) => client.countOf('hello bob'))).toEqual([1, 1])
    expect([ada.countOf('hello bob'), bobWeb.countOf('hello ada')]).toEqual([0, 0])
  })

  it('a login afresh finds the history, the conversation and the unread count', async () => {
    const fresh = await server.login('bob', 7)
    expect(await fresh.history(withBob)).toEqual(['hello bob', 'hello ada'])
    const { data } = await fresh.sdk.getConversationListSplit({ offset: 0, count: 20 })
    expect(data.map(({ conversationID, userID, showName }) => ({ conversationID, userID, showName }))).toEqual([
      { conversationID: withBob, userID: 'ada', showName: 'name of ada' },
    ])
    await fresh.logout()
  })

  it('reading is told to the peer and to the own devices, and holds for a login afresh', async () => {
    await ada.send('read me', { recvID: 'bob' })
    await Promise.all([bobWeb.message('read me'), bobWindows.message('read me')])
    await until(
      'bob has something unread',
      async () => (await bobWeb.sdk.getOneConversation({ sessionType: 1, sourceID: 'ada' })).data.unreadCount > 0,
    )
    await bobWeb.sdk.markConversationMessageAsRead(withBob)
    await ada.event<{ userID: string }[]>(CbEvents.OnRecvC2CReadReceipt, (receipts) =>
      receipts.some(({ userID }) => userID === 'bob'),
    )
    const fresh = await server.login('bob', 7)
    expect((await fresh.sdk.getTotalUnreadMsgCount()).data).toBe(0)
    await fresh.logout()
  })

  it('a group created through the API reaches its members, and so do its messages', async () => {
    const groupID = await new ApiClient(server.api, await server.admin.userToken('ada', 8)).createGroup(
      'ada',
      ['bob', 'cyd'],
      'the three',
    )
    const conversationID = groupConversationID(groupID)
    await Promise.all(
      [bobWeb, bobWindows, cyd].map((client) =>
        client.event<{ groupID: string }>(CbEvents.OnJoinedGroupAdded, (group) => group.groupID === groupID),
      ),
    )
    await cyd.send('hello group', { groupID })
    await Promise.all([ada, bobWeb, bobWindows].map((client) => client.message('hello group')))
    expect(cyd.countOf('hello group')).toBe(0)
    const fresh = await server.login('cyd', 7)
    expect(await fresh.history(conversationID)).toEqual(['#1501', 'hello group'])
    expect(
      (await fresh.sdk.getJoinedGroupListPage({ offset: 0, count: 10 })).data.map((group) => group.groupName),
    ).toEqual(['the three'])
    const members = await fresh.sdk.getGroupMemberList({ groupID, offset: 0, count: 10, filter: 0 })
    expect(members.data.map(({ userID, roleLevel }) => [userID, roleLevel])).toEqual([
      ['ada', 100],
      ['bob', 20],
      ['cyd', 20],
    ])
    await fresh.logout()
  })

  it('typing is shown to the peer and kept nowhere', async () => {
    const before = (await ada.history(withBob)).length
    await bobWeb.sdk.changeInputStates({ conversationID: withBob, focus: true } as never)
    await ada.event<{ userID: string; platformIDs: number[] }>(
      CbEvents.OnConversationUserInputStatusChanged,
      ({ userID, platformIDs }) => userID === 'bob' && platformIDs.length === 1,
    )
    const fresh = await server.login('ada', 7)
    expect((await fresh.history(withBob)).length).toBe(before)
    await fresh.logout()
  })

  it('a changed profile is told to the own devices and found by others', async () => {
    await bobWeb.sdk.setSelfInfo({ nickname: 'Robert' } as never)
    await bobWindows.event<{ nickname: string }>(CbEvents.OnSelfInfoUpdated, (self) => self.nickname === 'Robert')
    const { data } = await cyd.sdk.getUsersInfo(['bob'])
    expect(data[0]!.nickname).toBe('Robert')
    const fresh = await server.login('bob', 7)
    expect((await fresh.sdk.getSelfUserInfo()).data.nickname).toBe('Robert')
    const conversations = (await cyd.sdk.getConversationListSplit({ offset: 0, count: 20 })).data
    expect(conversations.every(({ conversationID }) => conversationID !== withBob)).toBe(true)
    await fresh.logout()
  })

  it('online states are told to who subscribed, when they change', async () => {
    await ada.sdk.subscribeUsersStatus(['dan'])
    await server.admin.register('dan')
    const dan = await server.login('dan')
    await ada.event<{ userID: string; platformIDs: number[] }>(
      CbEvents.OnUserStatusChanged,
      (state) => state.userID === 'dan' && state.platformIDs.length === 1,
    )
    const fresh = await server.login('cyd', 7)
    const states = (await fresh.sdk.subscribeUsersStatus(['dan'])).data
    expect(states.map(({ userID, platformIDs }) => ({ userID, platformIDs }))).toEqual([
      { userID: 'dan', platformIDs: [5] },
    ])
    await fresh.logout()
    await dan.logout()
    await ada.event<{ userID: string; platformIDs: number[] }>(
      CbEvents.OnUserStatusChanged,
      (state) => state.userID === 'dan' && state.platformIDs.length === 0,
    )
  })

  it('a login on the same platform kicks the one before', async () => {
    await server.admin.register('eve')
    const first = await server.login('eve')
    const second = await server.login('eve')
    await first.event(CbEvents.OnKickedOffline)
    await ada.send('still there?', { recvID: 'eve' })
    await second.message('still there?')
    expect(first.countOf('still there?')).toBe(0)
  })

  it('what was sent while a user was away is there after the login', async () => {
    await server.admin.register('fay')
    for (const text of ['one', 'two', 'three']) await ada.send(text, { recvID: 'fay' })
    const fay = await server.login('fay')
    expect(await fay.history(singleConversationID('ada', 'fay'))).toEqual(['one', 'two', 'three'])
    expect((await fay.sdk.getTotalUnreadMsgCount()).data).toBe(3)
  })
})
