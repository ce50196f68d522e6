import { singleConversationID } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ApiClient } from './support/api-client.ts'
import { Cable } from './support/cable.ts'
import { ListMirror } from './support/list-mirror.ts'
import { CbEvents, SdkClient } from './support/sdk-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

interface FriendEntry {
  readonly friendUser: { readonly userID: string }
}
interface BlackEntry {
  readonly blackUserInfo: { readonly userID: string }
}
interface Entry {
  readonly userID: string
  readonly remark?: string
  readonly isPinned?: boolean
}
interface Request {
  readonly fromUserID: string
  readonly toUserID: string
  readonly handleResult: number
}

const whole = { offset: 0, count: 100 }
// An SDK waits five seconds before each try to come back.
const reconnectLimitMs = 120_000

/** Everything that an SDK shows of its user's relations. */
async function relationsShown({ sdk }: SdkClient) {
  const [friends, received, sent, blacks] = await Promise.all([
    sdk.getFriendListPage(whole),
    sdk.getFriendApplicationListAsRecipient(whole),
    sdk.getFriendApplicationListAsApplicant(whole),
    sdk.getBlackList(whole),
  ])
  return { friends: friends.data, received: received.data, sent: sent.data, blacks: blacks.data }
}

/** What a core would have that keeps its lists by asking for changes only. */
interface Mirrors {
  readonly friends: ListMirror<FriendEntry>
  readonly blacks: ListMirror<BlackEntry>
}

describe('relations on unmodified SDKs: ada and bob on the web and on Windows', () => {
  let server: TestServer
  let ada: SdkClient
  let adaTwo: SdkClient
  let bob: SdkClient
  let bobTwo: SdkClient
  const mirrors = new Map<string, Mirrors>()

  beforeAll(async () => {
    server = await startServer()
    await server.admin.register('ada', 'bob', 'cyd')
    ;[ada, adaTwo, bob, bobTwo] = await Promise.all([
      server.login('ada'),
      server.login('ada', 3),
      server.login('bob'),
      server.login('bob', 3),
    ])
    for (const userID of ['ada', 'bob', 'cyd']) {
      const api = new ApiClient(server.api, await server.admin.userToken(userID, 8))
      mirrors.set(userID, {
        friends: new ListMirror<FriendEntry>(api, userID, {
          incremental: '/friend/get_incremental_friends',
          whole: '/friend/get_friend_list',
          entriesOf: (answer) => answer['friendsInfo'] as FriendEntry[],
          idOf: ({ friendUser }) => friendUser.userID,
        }),
        blacks: new ListMirror<BlackEntry>(api, userID, {
          incremental: '/friend/get_incremental_blacks',
          whole: '/friend/get_black_list',
          entriesOf: (answer) => answer['blacks'] as BlackEntry[],
          idOf: ({ blackUserInfo }) => blackUserInfo.userID,
        }),
      })
    }
    await same()
  })

  // After each operation: both devices, a login afresh, and whoever asked only for changes show the same.
  afterEach(() => same())
  afterAll(() => server.stop())

  async function same(): Promise<void> {
    for (const [userID, live] of [
      ['ada', [ada, adaTwo]],
      ['bob', [bob, bobTwo]],
    ] as const) {
      const fresh = await server.login(userID, 7)
      const shown = await relationsShown(fresh)
      await fresh.logout()
      for (const client of live) expect(await relationsShown(client)).toEqual(shown)
      const { friends, blacks } = mirrors.get(userID)!
      const byID = (list: readonly Entry[]) => list.map((entry) => entry.userID).toSorted()
      const [keptFriends, keptBlacks] = [await friends.sync(), await blacks.sync()]
      expect([...keptFriends.values()]).toEqual(
        (await friends.fromZero()).toSorted((a, b) => (a.friendUser.userID < b.friendUser.userID ? -1 : 1)),
      )
      expect([...keptBlacks.keys()]).toEqual(byID(shown.blacks))
      expect([...keptFriends.keys()]).toEqual(byID(shown.friends))
      expect([friends.fullCount, blacks.fullCount]).toEqual([1, 1])
    }
  }

  /** From now on: what is waited for has not been told before. */
  const from = (client: SdkClient) => {
    const first = client.events.length
    return <T>(event: string, matches: (data: T) => boolean): Promise<unknown> =>
      until(`${client.userID} is told ${event}`, () =>
        client.events.slice(first).some((raised) => raised.event === event && matches(raised.data as T)),
      )
  }

  const isRequest =
    (fromUserID: string, toUserID: string, handleResult: number) =>
    (data: Request): boolean =>
      data.fromUserID === fromUserID && data.toUserID === toUserID && data.handleResult === handleResult

  const is =
    (userID: string, more: Partial<Entry> = {}) =>
    (data: Entry): boolean =>
      data.userID === userID && Object.entries(more).every(([name, value]) => data[name as keyof Entry] === value)

  it('asking is told to the asked user and to the own devices', async () => {
    const told = [adaTwo, bob, bobTwo].map(from)
    await ada.sdk.addFriend({ toUserID: 'bob', reqMsg: 'hello' })
    await Promise.all(told.map((tells) => tells(CbEvents.OnFriendApplicationAdded, isRequest('ada', 'bob', 0))))
    expect((await relationsShown(bob)).received).toMatchObject([{ fromUserID: 'ada', reqMsg: 'hello' }])
    expect((await relationsShown(ada)).sent).toMatchObject([{ toUserID: 'bob', reqMsg: 'hello' }])
  })

  it('refusing is told to who asked and to the own devices', async () => {
    const told = [ada, adaTwo, bobTwo].map(from)
    await bob.sdk.refuseFriendApplication({ toUserID: 'ada', handleMsg: 'no' })
    await Promise.all(told.map((tells) => tells(CbEvents.OnFriendApplicationRejected, isRequest('ada', 'bob', -1))))
    expect((await relationsShown(ada)).sent).toMatchObject([{ handleResult: -1, handleMsg: 'no' }])
  })

  it('accepting makes both friends on all their devices, and begins their chat', async () => {
    await ada.sdk.addFriend({ toUserID: 'bob', reqMsg: 'please' })
    const accepted = [ada, adaTwo, bobTwo].map(from)
    const [adaTold, adaTwoTold, bobTwoTold] = accepted
    await bob.sdk.acceptFriendApplication({ toUserID: 'ada', handleMsg: 'well' })
    await Promise.all([
      ...accepted.map((tells) => tells(CbEvents.OnFriendApplicationAccepted, isRequest('ada', 'bob', 1))),
      adaTold!(CbEvents.OnFriendAdded, is('bob')),
      adaTwoTold!(CbEvents.OnFriendAdded, is('bob')),
      bobTwoTold!(CbEvents.OnFriendAdded, is('ada')),
      bob.event(CbEvents.OnFriendAdded, is('ada')),
    ])
    expect((await ada.sdk.checkFriend(['bob', 'cyd'])).data).toEqual([
      { userID: 'bob', result: 1 },
      { userID: 'cyd', result: 0 },
    ])
    const chat = singleConversationID('ada', 'bob')
    for (const client of [ada, adaTwo, bobTwo])
      await until(`${client.userID} shows the chat`, async () => (await client.history(chat)).join() === '#1201')
    const fresh = await server.login('ada', 7)
    expect(await fresh.history(chat)).toEqual(['#1201'])
    await fresh.logout()
  })

  it('a remark, a pin and free text are shown on the owner’s devices', async () => {
    const told = from(adaTwo)
    const before = bob.events.length
    await ada.sdk.updateFriends({ friendUserIDs: ['bob'], remark: 'Bobby', isPinned: true, ex: 'free' })
    await told(CbEvents.OnFriendInfoChanged, is('bob', { remark: 'Bobby', isPinned: true }))
    await ada.event(CbEvents.OnFriendInfoChanged, is('bob', { remark: 'Bobby' }))
    expect((await ada.sdk.getSpecifiedFriendsInfo(['bob', 'cyd'])).data).toMatchObject([
      { userID: 'bob', remark: 'Bobby', ex: 'free' },
    ])
    const again = from(adaTwo)
    await mustAs('ada', '/friend/set_friend_remark', { ownerUserID: 'ada', friendUserID: 'bob', remark: 'Robert' })
    await again(CbEvents.OnFriendInfoChanged, is('bob', { remark: 'Robert' }))
    expect(bob.events.slice(before).filter(({ event }) => event === (CbEvents.OnFriendInfoChanged as string))).toEqual(
      [],
    )
  })

  it('blocking is shown on the owner’s devices, and keeps the other’s messages and requests away', async () => {
    const told = from(adaTwo)
    await ada.sdk.addBlack({ toUserID: 'bob', ex: '' })
    await Promise.all([told(CbEvents.OnBlackAdded, is('bob')), ada.event(CbEvents.OnBlackAdded, is('bob'))])
    await expect(bob.send('let me in', { recvID: 'ada' })).rejects.toMatchObject({ errCode: 1302 })
    await expect(ada.sdk.addBlack({ toUserID: 'bob', ex: '' })).rejects.toMatchObject({ errMsg: 'DuplicateKeyError' })
    // What ada sends still arrives.
    await ada.send('out it goes', { recvID: 'bob' })
    await bobTwo.message('out it goes')
    const fresh = await server.login('ada', 7)
    expect(await fresh.history(singleConversationID('ada', 'bob'))).not.toContain('let me in')
    await fresh.logout()
  })

  it('unblocking lets the other write again', async () => {
    const told = from(adaTwo)
    await ada.sdk.removeBlack('bob')
    await told(CbEvents.OnBlackDeleted, is('bob'))
    await bob.send('here I am', { recvID: 'ada' })
    await Promise.all([ada.message('here I am'), adaTwo.message('here I am')])
    await expect(ada.sdk.removeBlack('bob')).rejects.toMatchObject({ errMsg: 'RecordNotFoundError' })
    for (const client of [bob, bobTwo])
      expect(client.events.filter(({ event }) => event.startsWith('OnBlack'))).toEqual([])
  })

  it('deleting takes a friend out of one list only', async () => {
    const told = from(adaTwo)
    const before = bob.events.length
    await ada.sdk.deleteFriend('bob')
    await told(CbEvents.OnFriendDeleted, is('bob'))
    await ada.event(CbEvents.OnFriendDeleted, is('bob'))
    expect((await relationsShown(ada)).friends).toEqual([])
    expect((await relationsShown(bob)).friends).toMatchObject([{ userID: 'ada' }])
    expect(bob.events.slice(before).filter(({ event }) => event === (CbEvents.OnFriendDeleted as string))).toEqual([])
  })

  it('friends that an administrator imports appear on all devices', async () => {
    const [adaTold, adaTwoTold] = [ada, adaTwo].map(from)
    const cyd = await server.login('cyd')
    const cydTold = from(cyd)
    await server.admin.must('/friend/import_friend', { ownerUserID: 'cyd', friendUserIDs: ['ada', 'bob'] })
    await Promise.all([
      adaTold!(CbEvents.OnFriendAdded, is('cyd')),
      adaTwoTold!(CbEvents.OnFriendAdded, is('cyd')),
      cydTold(CbEvents.OnFriendAdded, is('ada')),
      cydTold(CbEvents.OnFriendAdded, is('bob')),
    ])
    await until('bob has both', async () => (await relationsShown(bobTwo)).friends.length === 2)
    await cyd.logout()
  })

  it('an SDK that was cut off is told what it missed when it comes back', async () => {
    const cable = await Cable.to(server.ws)
    const token = await server.admin.userToken('bob', 9)
    const away = await SdkClient.login({ userID: 'bob', token, platformID: 9, apiAddr: server.api, wsAddr: cable.ws })
    try {
      cable.cut()
      const told = away.events.length
      await bob.sdk.deleteFriend('cyd')
      await bob.sdk.updateFriends({ friendUserIDs: ['ada'], remark: 'A.' })
      await server.admin.register('dan')
      await server.admin.must('/friend/import_friend', { ownerUserID: 'dan', friendUserIDs: ['bob'] })
      cable.mend()
      const has = (event: string, userID: string): boolean =>
        away.events.slice(told).some((raised) => raised.event === event && (raised.data as Entry).userID === userID)
      await until(
        'bob is told what was missed',
        () =>
          has(CbEvents.OnFriendDeleted, 'cyd') &&
          has(CbEvents.OnFriendInfoChanged, 'ada') &&
          has(CbEvents.OnFriendAdded, 'dan'),
        reconnectLimitMs,
      )
      expect(await relationsShown(away)).toEqual(await relationsShown(bob))
    } finally {
      await away.logout()
      cable.close()
    }
  })

  async function mustAs(userID: string, path: string, body: object): Promise<void> {
    await new ApiClient(server.api, await server.admin.userToken(userID, 2)).must(path, body)
  }
})
