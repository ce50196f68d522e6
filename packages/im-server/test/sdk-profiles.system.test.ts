import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiClient } from './support/api-client.ts'
import { CbEvents, SdkClient } from './support/sdk-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

interface Version {
  readonly version: number
  readonly versionID: string
}

/** ada is bob's friend and in two groups with bob and cyd; bob uses two devices. */
describe('a name or face that changed, with unmodified SDKs', () => {
  let server: TestServer
  let ada: SdkClient
  let adaWindows: SdkClient
  let bobWeb: SdkClient
  let bobWindows: SdkClient
  let cyd: SdkClient
  let groupIDs: string[]
  const api: Record<string, ApiClient> = {}
  const ask = async <T>(userID: string, path: string, body: object): Promise<T> =>
    (await api[userID]!.must<T & object>(path, body)).data as T

  beforeAll(async () => {
    server = await startServer()
    await server.admin.register('ada', 'bob', 'cyd')
    ;[ada, adaWindows, bobWeb, bobWindows, cyd] = await Promise.all([
      server.login('ada'),
      server.login('ada', 3),
      server.login('bob'),
      server.login('bob', 3),
      server.login('cyd'),
    ])
    for (const userID of ['ada', 'bob', 'cyd'])
      api[userID] = new ApiClient(server.api, await server.admin.userToken(userID, 8))
    await bobWeb.sdk.addFriend({ toUserID: 'ada', reqMsg: 'hello' })
    await ada.event(CbEvents.OnFriendApplicationAdded)
    await ada.sdk.acceptFriendApplication({ toUserID: 'bob', handleMsg: 'yes' })
    await Promise.all(
      [bobWeb, bobWindows].map((client) =>
        client.event<{ userID: string }>(CbEvents.OnFriendAdded, ({ userID }) => userID === 'ada'),
      ),
    )
    groupIDs = [await api['ada']!.createGroup('ada', ['bob', 'cyd']), await api['ada']!.createGroup('ada', ['cyd'])]
    await Promise.all(
      groupIDs.map((id) =>
        cyd.event<{ groupID: string }>(CbEvents.OnJoinedGroupAdded, ({ groupID }) => groupID === id),
      ),
    )
  })

  afterAll(() => server.stop())

  it('reaches friends on all devices, members, later logins, and whoever asks what changed', async () => {
    const friendsBefore = await ask<Version>('bob', '/friend/get_incremental_friends', {
      userID: 'bob',
      versionID: '',
      version: 0,
    })
    const membersBefore = await Promise.all(
      groupIDs.map((groupID) =>
        ask<Version>('cyd', '/group/get_incremental_group_members', { groupID, versionID: '', version: 0 }),
      ),
    )
    await ada.sdk.setSelfInfo({ nickname: 'Ada L.', faceURL: 'https://example.org/ada.png' } as never)
    const isAda = ({ userID, nickname, faceURL }: { userID: string; nickname: string; faceURL: string }): boolean =>
      userID === 'ada' && nickname === 'Ada L.' && faceURL === 'https://example.org/ada.png'
    await Promise.all([
      ...[bobWeb, bobWindows].map((client) => client.event(CbEvents.OnFriendInfoChanged, isAda)),
      ...[bobWeb, bobWindows, adaWindows].map((client) =>
        client.event<never>(CbEvents.OnGroupMemberInfoChanged, isAda),
      ),
      ...groupIDs.map((id) =>
        cyd.event<{ groupID: string } & Parameters<typeof isAda>[0]>(
          CbEvents.OnGroupMemberInfoChanged,
          (member) => isAda(member) && member.groupID === id,
        ),
      ),
      adaWindows.event(CbEvents.OnSelfInfoUpdated, isAda),
    ])
    expect(cyd.events.filter(({ event }) => event === (CbEvents.OnFriendInfoChanged as string))).toEqual([])

    const changed = await ask<Version & { full: boolean; update: { friendUser: { nickname: string } }[] }>(
      'bob',
      '/friend/get_incremental_friends',
      { userID: 'bob', versionID: friendsBefore.versionID, version: friendsBefore.version },
    )
    expect(changed.full).toBe(false)
    expect(changed.update.map(({ friendUser }) => friendUser.nickname)).toEqual(['Ada L.'])
    for (const [at, groupID] of groupIDs.entries()) {
      const { versionID, version } = membersBefore[at]!
      const delta = await ask<{ full: boolean; update: { userID: string; nickname: string }[] }>(
        'cyd',
        '/group/get_incremental_group_members',
        { groupID, versionID, version },
      )
      expect(delta.full).toBe(false)
      expect(delta.update.map(({ userID, nickname }) => [userID, nickname])).toEqual([['ada', 'Ada L.']])
    }

    const fresh = await server.login('bob', 7)
    const { data: friends } = await fresh.sdk.getFriendListPage({ offset: 0, count: 10 })
    expect(friends.map(({ nickname }) => nickname)).toEqual(['Ada L.'])
    const members = await fresh.sdk.getGroupMemberList({ groupID: groupIDs[0]!, offset: 0, count: 10, filter: 0 })
    expect(members.data.find(({ userID }) => userID === 'ada')?.nickname).toBe('Ada L.')
    await fresh.logout()
  })

  it('is not told to a group where the member goes by a name and face of its own', async () => {
    const [own, plain] = groupIDs
    await server.im.repositories.groupMembers.patch(
      { groupID: own!, userID: 'ada' },
      { nickname: 'the boss', faceURL: 'https://example.org/boss.png' },
    )
    await ada.sdk.setSelfInfo({ nickname: 'Augusta' } as never)
    await cyd.event<{ groupID: string; nickname: string }>(
      CbEvents.OnGroupMemberInfoChanged,
      ({ groupID, nickname }) => groupID === plain && nickname === 'Augusta',
    )
    const told = cyd.events.filter(({ event }) => event === (CbEvents.OnGroupMemberInfoChanged as string))
    expect(told.filter(({ data }) => (data as { groupID: string }).groupID === own)).toHaveLength(1)
  })

  it("a group's new name is in what changed for each member, and found by a login afresh", async () => {
    const [groupID] = groupIDs
    const before = await ask<Version>('bob', '/group/get_incremental_join_groups', {
      userID: 'bob',
      versionID: '',
      version: 0,
    })
    await server.im.repositories.groups.patch({ groupID: groupID! }, { groupName: 'The three' })
    await server.im.repositories.whenSpread()
    const delta = await ask<{ full: boolean; update: { groupID: string; groupName: string }[] }>(
      'bob',
      '/group/get_incremental_join_groups',
      { userID: 'bob', versionID: before.versionID, version: before.version },
    )
    expect(delta.full).toBe(false)
    expect(delta.update.map((group) => [group.groupID, group.groupName])).toEqual([[groupID, 'The three']])
    const fresh = await server.login('bob', 7)
    const { data } = await fresh.sdk.getJoinedGroupListPage({ offset: 0, count: 10 })
    expect(data.map(({ groupName }) => groupName)).toEqual(['The three'])
    await fresh.logout()
  })
})
