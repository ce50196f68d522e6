import { groupConversationID, singleConversationID } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ApiClient } from './support/api-client.ts'
import { ListMirror } from './support/list-mirror.ts'
import { CbEvents, type SdkClient } from './support/sdk-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

type Shown = { readonly conversationID: string } & Readonly<Record<string, unknown>>

/** Unmodified OpenIM SDKs: ada on the web, bob on the web and on Windows; a group of the two. */
describe('settings of conversations, with unmodified SDKs', () => {
  let server: TestServer
  let ada: SdkClient
  let bobWeb: SdkClient
  let bobWindows: SdkClient
  let groupID: string
  const withBob = singleConversationID('ada', 'bob')
  const mirrors: ListMirror<Shown>[] = []

  beforeAll(async () => {
    server = await startServer()
    await server.admin.register('ada', 'bob')
    groupID = await server.admin.createGroup('ada', ['bob'])
    ;[ada, bobWeb, bobWindows] = await Promise.all([server.login('ada'), server.login('bob'), server.login('bob', 3)])
    await ada.send('hello', { recvID: 'bob' })
    await Promise.all([bobWeb.message('hello'), bobWindows.message('hello')])
    for (const userID of ['ada', 'bob']) {
      const mirror = new ListMirror<Shown>(new ApiClient(server.api, await server.admin.userToken(userID, 8)), userID, {
        incremental: '/conversation/get_incremental_conversations',
        whole: '/conversation/get_owner_conversation',
        entriesOf: ({ conversations }) => conversations as Shown[],
        idOf: ({ conversationID }) => conversationID,
      })
      await mirror.sync()
      mirrors.push(mirror)
    }
  })

  // Whoever was away and asks only for what changed finds the same as whoever reads all.
  afterEach(async () => {
    for (const mirror of mirrors) {
      const whole = await mirror.fromZero()
      const sorted = whole.toSorted((a, b) => (a.conversationID < b.conversationID ? -1 : 1))
      expect([...(await mirror.sync()).values()]).toEqual(sorted)
      expect(mirror.fullCount).toBe(1)
    }
  })

  afterAll(() => server.stop())

  const shown = (client: SdkClient, conversationID: string, fields: Readonly<Record<string, unknown>>) =>
    client.event<readonly Shown[]>(CbEvents.OnConversationChanged, (rows) =>
      rows.some(
        (row) =>
          row.conversationID === conversationID && Object.entries(fields).every(([name, value]) => row[name] === value),
      ),
    )
  const fresh = async (userID: string, sourceID: string, sessionType: 1 | 3): Promise<Shown> => {
    const client = await server.login(userID, 7)
    const { data } = await client.sdk.getOneConversation({ sourceID, sessionType })
    await client.logout()
    return data as unknown as Shown
  }

  it('pinning shows on every own device and on a login afresh, and not at the other side', async () => {
    await bobWeb.sdk.setConversation({ conversationID: withBob, isPinned: true, ex: 'work' } as never)
    await Promise.all([bobWeb, bobWindows].map((client) => shown(client, withBob, { isPinned: true, ex: 'work' })))
    expect(await fresh('bob', 'ada', 1)).toMatchObject({ isPinned: true, ex: 'work' })
    expect(await fresh('ada', 'bob', 1)).toMatchObject({ isPinned: false, ex: '' })
  })

  it('muting a group holds, and is in the list that a login asks for', async () => {
    const conversationID = groupConversationID(groupID)
    await bobWeb.sdk.getOneConversation({ sourceID: groupID, sessionType: 3 })
    await bobWindows.sdk.getOneConversation({ sourceID: groupID, sessionType: 3 })
    await bobWeb.sdk.setConversation({ conversationID, recvMsgOpt: 2 } as never)
    await Promise.all([bobWeb, bobWindows].map((client) => shown(client, conversationID, { recvMsgOpt: 2 })))
    expect(await fresh('bob', groupID, 3)).toMatchObject({ recvMsgOpt: 2 })
    await ada.send('still comes', { groupID })
    await Promise.all([bobWeb.message('still comes'), bobWindows.message('still comes')])
  })

  it('a private chat is private for both, and burns after the time that was set', async () => {
    await bobWeb.sdk.setConversation({ conversationID: withBob, isPrivateChat: true, burnDuration: 30 } as never)
    await Promise.all([bobWeb, bobWindows, ada].map((client) => shown(client, withBob, { isPrivateChat: true })))
    await bobWeb.send('burn this', { recvID: 'ada' })
    await ada.message('burn this')
    const found = ada.events
      .filter(({ event }) => event === (CbEvents.OnRecvNewMessages as string))
      .flatMap(({ data }) => data as { textElem?: { content: string }; attachedInfoElem: object }[])
      .find(({ textElem }) => textElem?.content === 'burn this')
    expect(found!.attachedInfoElem).toMatchObject({ isPrivateChat: true, burnDuration: 30 })
    expect(await fresh('ada', 'bob', 1)).toMatchObject({ isPrivateChat: true })
    expect((await ada.history(withBob)).at(-2)).toBe('#1701')
  })

  it('a mention shows at whom it names, on every device and on a login afresh, until it is looked at', async () => {
    const conversationID = groupConversationID(groupID)
    const created = await ada.sdk.createTextAtMessage({
      text: 'look',
      atUserIDList: ['bob'],
      atUsersInfo: [{ atUserID: 'bob', groupNickname: 'bob' }],
    } as never)
    await ada.sdk.sendMessage({ recvID: '', groupID, message: created.data })
    await Promise.all([bobWeb, bobWindows].map((client) => shown(client, conversationID, { groupAtType: 1 })))
    expect(await fresh('bob', groupID, 3)).toMatchObject({ groupAtType: 1 })
    expect(await fresh('ada', groupID, 3)).toMatchObject({ groupAtType: 0 })
    await bobWeb.sdk.setConversation({ conversationID, groupAtType: 0 } as never)
    await until('the mention is gone', async () => (await fresh('bob', groupID, 3))['groupAtType'] === 0)
  })

  it('a chat that receives nothing says so to who writes', async () => {
    await bobWeb.sdk.setConversation({ conversationID: withBob, recvMsgOpt: 1 } as never)
    await expect(ada.send('unwanted', { recvID: 'bob' })).rejects.toMatchObject({ errCode: 1001 })
    await bobWeb.sdk.setConversation({ conversationID: withBob, recvMsgOpt: 0 } as never)
    await ada.send('wanted', { recvID: 'bob' })
    await bobWeb.message('wanted')
    expect(bobWeb.countOf('unwanted')).toBe(0)
  })

  it('a back end’s own notification reaches the application on every device', async () => {
    const body = { key: 'order', data: '{"paid":true}', sendUserID: 'ada', recvUserID: 'bob', reliabilityLevel: 1 }
    await server.admin.must('/msg/send_business_notification', body)
    for (const client of [bobWeb, bobWindows])
      await client.event<unknown>(CbEvents.OnRecvCustomBusinessMessage, (data) =>
        JSON.stringify(data).includes('order'),
      )
  })
})
