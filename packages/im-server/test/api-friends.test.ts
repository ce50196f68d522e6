import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RawClient, type RefusedRequest } from './support/raw-client.ts'
import { adminUserID, type ImWorld, imWorld } from './support/im-world.ts'
import { startServer } from './support/test-server.ts'

type Fields = Readonly<Record<string, unknown>>

let world: ImWorld
const tokens = new Map<string, string>()
beforeAll(async () => {
  world = await imWorld()
  await world.register('alice', 'bob', 'carol', 'dave')
  for (const userID of ['alice', 'bob', 'carol', 'dave', adminUserID]) tokens.set(userID, await world.token(userID))
})
afterAll(() => world.close())

const call = async (userID: string, path: string, body: object, operationID = 'op') =>
  (await world.api.call(path, { headers: { operationID, token: tokens.get(userID)! }, body })).json
const ask = async (userID: string, path: string, body: object): Promise<Fields> => {
  const answer = await call(userID, path, body)
  expect(answer, path).toMatchObject({ errCode: 0 })
  return (answer.data ?? {}) as Fields
}
const pagination = { pageNumber: 1, showNumber: 10 }

describe('who may act on a friend request', () => {
  const paths = ['/friend/add_friend', '/friend/add_friend_response', '/friend/get_designated_friend_apply'] as const
  const pair = { fromUserID: 'alice', toUserID: 'bob' }
  const bodies: Readonly<Record<(typeof paths)[number], object>> = {
    '/friend/add_friend': { ...pair, reqMsg: '', ex: '' },
    '/friend/add_friend_response': { ...pair, handleResult: -1, handleMsg: '' },
    '/friend/get_designated_friend_apply': pair,
  }
  const cells = [
    ['/friend/add_friend', 'alice', 0],
    ['/friend/add_friend', 'bob', 1002],
    ['/friend/add_friend', 'carol', 1002],
    ['/friend/add_friend', adminUserID, 0],
    ['/friend/add_friend_response', 'alice', 1002],
    ['/friend/add_friend_response', 'bob', 0],
    ['/friend/add_friend_response', 'carol', 1002],
    ['/friend/add_friend_response', adminUserID, 0],
    ['/friend/get_designated_friend_apply', 'alice', 0],
    ['/friend/get_designated_friend_apply', 'bob', 0],
    ['/friend/get_designated_friend_apply', 'carol', 1002],
    ['/friend/get_designated_friend_apply', adminUserID, 0],
  ] as const

  it.each(cells)('%s answers %s with %i', async (path, who, errCode) => {
    await world.friendRequests.apply(world.caller('alice'), { ...pair, reqMsg: '', ex: '' })
    expect(await call(who, path, bodies[path])).toMatchObject({ errCode })
  })
})

describe('the owner of a list', () => {
  const owned: readonly (readonly [string, object])[] = [
    ['/friend/delete_friend', { friendUserID: 'dave' }],
    ['/friend/set_friend_remark', { friendUserID: 'dave', remark: 'd' }],
    ['/friend/update_friends', { friendUserIDs: ['dave'], remark: 'd' }],
    ['/friend/get_specified_friends_info', { userIDList: ['dave'] }],
    ['/friend/add_black', { blackUserID: 'dave' }],
    ['/friend/remove_black', { blackUserID: 'dave' }],
    ['/friend/get_specified_blacks', { userIDList: ['dave'] }],
  ]

  it.each(owned)('%s is the owner’s alone, not the named friend’s', async (path, body) => {
    await world.friendships.import(world.caller(adminUserID), 'carol', ['dave'])
    expect(await call('dave', path, { ownerUserID: 'carol', ...body })).toMatchObject({ errCode: 1002 })
  })

  it('imports nothing: that is the administrator’s', async () => {
    const body = { ownerUserID: 'alice', friendUserIDs: ['carol'] }
    expect(await call('alice', '/friend/import_friend', body)).toMatchObject({ errCode: 1002 })
  })
})

describe('what the SDKs read by name', () => {
  it('lists of requests: one with a capital letter, one without', async () => {
    await ask('carol', '/friend/add_friend', { fromUserID: 'carol', toUserID: 'alice', reqMsg: 'hello', ex: '' })
    const one = { fromUserID: 'carol', toUserID: 'alice', reqMsg: 'hello', handleResult: 0 }
    expect(await ask('alice', '/friend/get_friend_apply_list', { userID: 'alice', pagination })).toMatchObject({
      FriendRequests: [one],
      total: 1,
    })
    expect(await ask('carol', '/friend/get_self_friend_apply_list', { userID: 'carol', pagination })).toMatchObject({
      friendRequests: [one],
      total: 1,
    })
    const pair = { fromUserID: 'carol', toUserID: 'alice' }
    expect(await ask('alice', '/friend/get_designated_friend_apply', pair)).toMatchObject({ friendRequests: [one] })
    expect(await ask('alice', '/friend/get_self_unhandled_apply_count', { userID: 'alice', time: 0 })).toEqual({
      count: 1,
    })
  })

  it('friends, blacks and a look at several users', async () => {
    const answer = { fromUserID: 'carol', toUserID: 'alice', handleResult: 1, handleMsg: '' }
    await ask('alice', '/friend/add_friend_response', answer)
    await ask('alice', '/friend/add_black', { ownerUserID: 'alice', blackUserID: 'dave', ex: 'e' })
    expect(await ask('alice', '/friend/get_friend_id', { userID: 'alice' })).toEqual({ friendIDs: ['carol'] })
    const black = { ownerUserID: 'alice', blackUserInfo: { userID: 'dave', nickname: 'name of dave' }, ex: 'e' }
    expect(await ask('alice', '/friend/get_black_list', { userID: 'alice', pagination })).toMatchObject({
      blacks: [black],
      total: 1,
    })
    const named = { ownerUserID: 'alice', userIDList: ['bob', 'dave'] }
    expect(await ask('alice', '/friend/get_specified_blacks', named)).toMatchObject({ blacks: [black], total: 1 })
    const looked = { ownerUserID: 'alice', userIDList: ['bob', 'carol', 'dave', 'nobody'] }
    expect(await ask('alice', '/friend/get_specified_friends_info', looked)).toMatchObject({
      infos: [
        { userInfo: { userID: 'bob' }, friendInfo: null, blackInfo: null },
        { userInfo: { userID: 'carol' }, friendInfo: { friendUser: { userID: 'carol' } }, blackInfo: null },
        { userInfo: { userID: 'dave' }, friendInfo: null, blackInfo: black },
      ],
    })
  })

  it('a pin and free text set to their empty values are values', async () => {
    const body = { ownerUserID: 'alice', friendUserIDs: ['carol'] }
    await ask('alice', '/friend/update_friends', { ...body, isPinned: true, ex: 'e', remark: 'r' })
    await ask('alice', '/friend/update_friends', { ...body, isPinned: false, ex: '', remark: null })
    expect(await world.friends.find('alice', ['carol'])).toMatchObject([{ isPinned: false, ex: '', remark: 'r' }])
  })

  it('what a request causes carries its operation', async () => {
    world.told.length = 0
    const body = { ownerUserID: 'alice', friendUserID: 'carol', remark: 'C.' }
    expect(await call('alice', '/friend/set_friend_remark', body, 'operation 9')).toMatchObject({ errCode: 0 })
    expect(world.told).toMatchObject([{ contentType: 1206, operationID: 'operation 9' }])
  })
})

describe('the setting friendVerify', () => {
  it('lets only friends write', async () => {
    const server = await startServer({ friendVerify: true })
    try {
      await server.admin.register('ada', 'bob')
      const ada = await RawClient.connect({
        ws: server.ws,
        userID: 'ada',
        token: await server.admin.userToken('ada', 5),
      })
      const refused = await ada.send(ada.text('hello', { recvID: 'bob' })).catch((error: unknown) => error)
      expect((refused as RefusedRequest).errCode).toBe(1303)
      await server.admin.must('/friend/import_friend', { ownerUserID: 'bob', friendUserIDs: ['ada'] })
      await ada.send(ada.text('hello again', { recvID: 'bob' }))
      ada.close()
    } finally {
      await server.stop()
    }
  })
})
