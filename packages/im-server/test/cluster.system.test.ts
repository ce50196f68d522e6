import {
  contentTypes,
  groupConversationID,
  type MsgData,
  notificationTypes,
  opCodes,
  platformIDs,
  PushMessages,
  singleConversationID,
  SubUserOnlineStatus,
  SubUserOnlineStatusTips,
} from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiClient } from './support/api-client.ts'
import { RawClient } from './support/raw-client.ts'
import { dropNamespace, startCluster, type TestCluster, testServices } from './support/test-cluster.ts'

const services = testServices()

/** A user on each of two gateways, and one user with devices on both. */
describe.skipIf(services === undefined)('two gateways', () => {
  let cluster: TestCluster
  let apis: ApiClient[]
  const clients: RawClient[] = []
  let users = 0

  beforeAll(async () => {
    cluster = await startCluster(services!)
    apis = await Promise.all(
      cluster.processes.slice(0, 2).map(({ im, addresses }) => ApiClient.admin(addresses.api, im.adminSecret)),
    )
  })
  afterAll(async () => {
    for (const client of clients) client.close()
    await cluster.stop()
    await dropNamespace(services!, cluster.namespace)
  })

  /** New users, each registered through one API and known at the other. */
  async function register(...names: string[]): Promise<string[]> {
    const userIDs = names.map((name) => `${name}${++users}`)
    await apis[users % 2]!.register(...userIDs)
    return userIDs
  }

  async function connect(gateway: 0 | 1, userID: string, platformID: number = platformIDs.web): Promise<RawClient> {
    const token = await apis[1 - gateway]!.userToken(userID, platformID)
    const { ws } = cluster.processes[gateway]!.addresses
    const client = await RawClient.connect({ ws, userID, token, platformID })
    clients.push(client)
    return client
  }

  const textsOf = (client: RawClient): string[] =>
    client.messages
      .filter(({ contentType }) => contentType === contentTypes.text)
      .map(({ content }) => (JSON.parse(Buffer.from(content).toString()) as { content: string }).content)

  const notificationsOf = (client: RawClient): number[] =>
    client.pushed
      .filter(({ op }) => op === opCodes.pushMsg)
      .flatMap(({ data }) => Object.values(PushMessages.decode(data).notificationMsgs))
      .flatMap(({ Msgs }) => Msgs.map(({ contentType }) => contentType))

  it('messages cross over, in order and once, and have the same numbers for everybody', async () => {
    const [ada, bob] = (await register('ada', 'bob')) as [string, string]
    const [atOne, atTwo] = [await connect(0, ada), await connect(1, bob)]
    const sent = Array.from({ length: 30 }, (_, index) => `text ${index}`)
    for (const text of sent) await atOne.send(atOne.text(text, { recvID: bob }))
    await until('all are pushed', () => textsOf(atTwo).length >= sent.length)
    await atTwo.send(atTwo.text('answer', { recvID: ada }))
    await until('the answer is pushed', () => textsOf(atOne).includes('answer'))
    expect(textsOf(atTwo).slice(0, sent.length)).toEqual(sent)
    const conversationID = singleConversationID(ada, bob)
    const [ofAda, ofBob] = await Promise.all([atOne.pullAll(conversationID), atTwo.pullAll(conversationID)])
    expect(ofAda.map(({ seq }) => seq)).toEqual(Array.from({ length: 31 }, (_, index) => index + 1))
    expect(ofBob).toEqual(ofAda)
  })

  it('a group of both hears what either says, and a repeated message is there once', async () => {
    const [ada, bob] = (await register('ada', 'bob')) as [string, string]
    const groupID = await apis[0]!.createGroup(ada, [bob])
    const [atOne, atTwo] = [await connect(0, ada), await connect(1, bob)]
    const message = atTwo.text('twice', { groupID })
    await Promise.all([atTwo.send(message), atTwo.send(message)])
    await atOne.send(atOne.text('once', { groupID }))
    await until('both are heard', () =>
      ['twice', 'once'].every((text) => textsOf(atOne).concat(textsOf(atTwo)).includes(text)),
    )
    let stored: readonly MsgData[] = []
    await until('all is stored', async () => {
      stored = await atOne.pullAll(groupConversationID(groupID))
      return stored.filter(({ contentType }) => contentType === contentTypes.text).length >= 2
    })
    expect(stored.filter(({ clientMsgID }) => clientMsgID === message.clientMsgID)).toHaveLength(1)
  })

  it('the devices of one user hear each other: its own messages and its notifications', async () => {
    const [ada, bob] = (await register('ada', 'bob')) as [string, string]
    const [phone, desk] = [await connect(0, ada, platformIDs.iOS), await connect(1, ada)]
    await phone.send(phone.text('from the phone', { recvID: bob }))
    await until('the desk knows', () => textsOf(desk).includes('from the phone'))
    const own = new ApiClient(cluster.processes[0]!.addresses.api, await apis[0]!.userToken(ada, platformIDs.android))
    await own.must('/user/update_user_info', { userInfo: { userID: ada, nickname: 'Ada the second' } })
    await until('the other device is told', () => notificationsOf(desk).includes(notificationTypes.userInfoUpdated))
    const reader = new ApiClient(cluster.processes[1]!.addresses.api, await apis[1]!.userToken(bob, platformIDs.web))
    await until('the new name is read through the other API', async () => {
      const { data } = await reader.must<{ usersInfo: { nickname: string }[] }>('/user/get_users_info', {
        userIDs: [ada],
      })
      return data.usersInfo[0]!.nickname === 'Ada the second'
    })
  })

  it('a device is kicked by another of its kind on the other gateway, with the frame that says so', async () => {
    const [ada] = (await register('ada')) as [string]
    const first = await connect(0, ada)
    await connect(1, ada)
    await until('the first is gone', () => first.closed !== undefined)
    expect(first.pushed.map(({ op }) => op)).toContain(opCodes.kickOnlineMsg)
  })

  it('a token that one API withdraws ends its session on the other gateway, and opens none again', async () => {
    const [ada] = (await register('ada')) as [string]
    const token = await apis[0]!.userToken(ada, platformIDs.web)
    const { ws } = cluster.processes[0]!.addresses
    const session = await RawClient.connect({ ws, userID: ada, token })
    await apis[1]!.must('/auth/force_logout', { userID: ada, platformID: platformIDs.web })
    await until('the session is gone', () => session.closed !== undefined)
    await expect(RawClient.connect({ ws, userID: ada, token })).rejects.toThrow('refused')
  })

  it('presence crosses over: who watches on one gateway sees who comes and goes on the other', async () => {
    const [ada, bob] = (await register('ada', 'bob')) as [string, string]
    const watcher = await connect(0, ada)
    const subscribe = SubUserOnlineStatus.encode({ subscribeUserID: [bob], unsubscribeUserID: [] })
    await watcher.ask(opCodes.subUserOnlineStatus, subscribe)
    const states = (): string[] =>
      watcher.pushed
        .filter(({ op }) => op === opCodes.subUserOnlineStatus)
        .flatMap(({ data }) => SubUserOnlineStatusTips.decode(data).subscribers)
        .map(({ onlinePlatformIDs }) => onlinePlatformIDs.join())
    const watched = await connect(1, bob, platformIDs.iOS)
    await until('bob is seen', () => states().at(-1) === String(platformIDs.iOS))
    watched.close()
    await until('bob is seen to go', () => states().at(-1) === '')
    const { data } = await apis[0]!.must<{ status: number }[]>('/user/get_users_online_status', { userIDs: [ada] })
    expect(data[0]!.status).toBe(1)
  })
})
