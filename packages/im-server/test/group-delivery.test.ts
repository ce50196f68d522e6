import { opCodes, platformIDs, PushMessages } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiClient } from './support/api-client.ts'
import { RawClient } from './support/raw-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

let server: TestServer
const clients = new Map<string, RawClient>()

beforeAll(async () => {
  server = await startServer()
  await server.admin.register('ada', 'bob', 'cyd')
  for (const userID of ['ada', 'bob', 'cyd']) {
    const token = await server.admin.userToken(userID, 5)
    clients.set(userID, await RawClient.connect({ ws: server.ws, userID, token }))
  }
  const { data } = await new ApiClient(server.api).must<{ token: string }>('/auth/get_admin_token', {
    secret: server.im.adminSecret,
    userID: 'imAdmin',
  })
  clients.set(
    'admin',
    await RawClient.connect({ ws: server.ws, userID: 'imAdmin', token: data.token, platformID: platformIDs.admin }),
  )
})
afterAll(async () => {
  for (const client of clients.values()) client.close()
  await server.stop()
})

/** How often each was pushed a kind of notification of a group, and its copy in the chat. */
function pushed(
  contentType: number,
  groupID: string,
): Record<string, readonly [notifications: number, messages: number]> {
  const countOf = (client: RawClient, kind: 'msgs' | 'notificationMsgs'): number =>
    client.pushed
      .filter(({ op }) => op === opCodes.pushMsg)
      .flatMap(({ data }) => Object.values(PushMessages.decode(data)[kind]))
      .flatMap(({ Msgs }) => Msgs)
      .filter((message) => message.contentType === contentType && message.groupID === groupID).length
  return Object.fromEntries(
    [...clients].map(([name, client]) => [name, [countOf(client, 'notificationMsgs'), countOf(client, 'msgs')]]),
  )
}

describe('who is pushed what happens in a group', () => {
  it('who was kicked hears it, but not the chat; the others both; the administrator, who is no member, nothing', async () => {
    const groupID = await server.admin.createGroup('ada', ['bob', 'cyd'])
    await server.admin.must('/group/kick_group', { groupID, kickedUserIDs: ['bob'] })
    const told = { ada: [1, 1], bob: [1, 0], cyd: [1, 1], admin: [0, 0] }
    await until('all are told', () => JSON.stringify(pushed(1508, groupID)) === JSON.stringify(told))
    await clients.get('cyd')!.send(clients.get('cyd')!.text('among us', { groupID }))
    await until('the next message came', () => pushed(101, groupID)['ada']![1] === 1)
    expect(pushed(1508, groupID)).toEqual(told)
    expect(pushed(101, groupID)).toMatchObject({ ada: [0, 1], bob: [0, 0] })
  })

  it('a dismissal is told to each member once, after it was removed', async () => {
    const groupID = await server.admin.createGroup('ada', ['bob', 'cyd'])
    await server.admin.must('/group/dismiss_group', { groupID })
    const told = { ada: [1, 1], bob: [1, 1], cyd: [1, 1], admin: [0, 0] }
    await until('all are told', () => JSON.stringify(pushed(1511, groupID)) === JSON.stringify(told))
    expect(await server.im.repositories.groupMembers.countOfGroup({ groupID })).toBe(0)
  })

  it('a group of 1 900 that is dismissed right before a restart is empty after it', async () => {
    const members = Array.from({ length: 1_899 }, (_, at) => `m${at}`)
    for (const some of [members.slice(0, 900), members.slice(900, 1_800), members.slice(1_800)])
      await server.admin.register(...some)
    const groupID = await server.admin.createGroup('ada', members.slice(0, 900))
    await server.admin.must('/group/invite_user_to_group', { groupID, invitedUserIDs: members.slice(900, 1_800) })
    await server.admin.must('/group/invite_user_to_group', { groupID, invitedUserIDs: members.slice(1_800) })
    await server.admin.must('/group/dismiss_group', { groupID })
    for (const client of clients.values()) client.close()
    server = await server.restart()
    const { groupMembers, conversations } = server.im.repositories
    expect(await groupMembers.countOfGroup({ groupID }, { read: 'store' })).toBe(0)
    const left = await conversations.getMany(
      ['ada', 'm0', 'm1898'].map((ownerUserID) => ({ ownerUserID, conversationID: `sg_${groupID}` })),
    )
    const lastSeqs = left.map((row) => row?.maxSeq ?? 0)
    expect(new Set(lastSeqs).size).toBe(1)
    expect(lastSeqs[0]).toBeGreaterThan(1)
    const again = await server.admin.call('/group/dismiss_group', { groupID })
    expect(again.errCode).toBe(1204)
  })
})
