import { groupConversationID } from '@parlance/openim-protocol'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ApiClient } from './support/api-client.ts'
import { GroupMirror } from './support/group-mirror.ts'
import { CbEvents, SdkClient } from './support/sdk-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

interface GroupShown {
  readonly groupID: string
  readonly groupName: string
  readonly ownerUserID: string
  readonly memberCount: number
  readonly status: number
  readonly notification: string
}
interface MemberShown {
  readonly groupID: string
  readonly userID: string
  readonly roleLevel: number
  readonly nickname: string
  readonly muteEndTime: number
}
interface Application {
  readonly groupID: string
  readonly userID: string
  readonly handleResult: number
  readonly handledMsg: string
  readonly reqMsg: string
}

const whole = { offset: 0, count: 100 }

/** What an SDK shows of its user's groups: the lists, and what it holds of each group by events alone. */
async function groupsShown({ sdk }: SdkClient) {
  const { data: joined } = await sdk.getJoinedGroupListPage(whole)
  const groupIDs = joined.map(({ groupID }) => groupID).toSorted()
  const groups = await Promise.all(
    groupIDs.map(async (groupID) => {
      const { data: members } = await sdk.getGroupMemberList({ groupID, filter: 0, ...whole })
      const shown = members as unknown as MemberShown[]
      return [
        groupID,
        shown.map(({ userID, roleLevel, nickname, muteEndTime }) => [userID, roleLevel, nickname, muteEndTime]),
      ]
    }),
  )
  const { data: conversations } = await sdk.getConversationListSplit(whole)
  const { data: received } = await sdk.getGroupApplicationListAsRecipient(whole as never)
  const { data: sent } = await sdk.getGroupApplicationListAsApplicant(whole as never)
  return {
    joined: joined.toSorted((a, b) => (a.groupID < b.groupID ? -1 : 1)),
    groups,
    conversationIDs: conversations.map(({ conversationID, showName }) => `${conversationID} ${showName}`).toSorted(),
    received,
    sent,
  }
}

describe('groups on unmodified SDKs: ada and bob on the web and on Windows, cyd on the web', () => {
  let server: TestServer
  let ada: SdkClient
  let adaTwo: SdkClient
  let bob: SdkClient
  let bobTwo: SdkClient
  let cyd: SdkClient
  const mirrors = new Map<string, GroupMirror>()

  beforeAll(async () => {
    server = await startServer()
    await server.admin.register('ada', 'bob', 'cyd')
    ;[ada, adaTwo, bob, bobTwo, cyd] = await Promise.all([
      server.login('ada'),
      server.login('ada', 3),
      server.login('bob'),
      server.login('bob', 3),
      server.login('cyd'),
    ])
    for (const userID of ['ada', 'bob', 'cyd'])
      mirrors.set(userID, new GroupMirror(new ApiClient(server.api, await server.admin.userToken(userID, 8)), userID))
    await same()
  })
  // After each operation: all devices, a login afresh, and whoever asked only for changes show the same.
  afterEach(() => same())
  afterAll(() => server.stop())

  async function same(): Promise<void> {
    for (const [userID, live] of [
      ['ada', [ada, adaTwo]],
      ['bob', [bob, bobTwo]],
      ['cyd', [cyd]],
    ] as const) {
      const fresh = await server.login(userID, 7)
      const shown = await groupsShown(fresh)
      await fresh.logout()
      for (const client of live) expect(await groupsShown(client)).toEqual(shown)
      const mirror = mirrors.get(userID)!
      expect(await mirror.sync()).toEqual(await mirror.fromZero())
    }
  }

  const hears = <T>(client: SdkClient, event: string, matches: (data: T) => boolean): Promise<T> =>
    client.event<T>(event, matches)
  const of =
    (groupID: string) =>
    (data: { readonly groupID: string }): boolean =>
      data.groupID === groupID
  const member =
    (groupID: string, userID: string, more: Partial<MemberShown> = {}) =>
    (data: MemberShown): boolean =>
      data.groupID === groupID &&
      data.userID === userID &&
      Object.entries(more).every(([key, value]) => data[key as keyof MemberShown] === value)
  const create = async (needVerification: number, ...memberUserIDs: string[]): Promise<string> => {
    const groupInfo = { groupName: 'a group', groupType: 2, needVerification }
    const created = await ada.sdk.createGroup({ memberUserIDs, groupInfo } as never)
    const { groupID } = created.data
    const clients = [ada, adaTwo, ...(memberUserIDs.includes('bob') ? [bob, bobTwo] : [])]
    if (memberUserIDs.includes('cyd')) clients.push(cyd)
    await Promise.all(clients.map((client) => hears(client, CbEvents.OnJoinedGroupAdded, of(groupID))))
    return groupID
  }

  it('inviting brings the group to the invited, and the member to the others', async () => {
    const groupID = await create(0, 'bob')
    await bob.sdk.inviteUserToGroup({ groupID, reason: 'come', userIDList: ['cyd'] })
    await hears(cyd, CbEvents.OnJoinedGroupAdded, of(groupID))
    for (const client of [ada, adaTwo, bob, bobTwo])
      await hears(client, CbEvents.OnGroupMemberAdded, member(groupID, 'cyd'))
    await hears<GroupShown>(
      adaTwo,
      CbEvents.OnGroupInfoChanged,
      (group) => of(groupID)(group) && group.memberCount === 3,
    )
    await cyd.send('thank you', { groupID })
    await Promise.all([ada, bobTwo].map((client) => client.message('thank you')))
    const fresh = await server.login('cyd', 7)
    expect(await fresh.history(groupConversationID(groupID))).toEqual(['#1501', '#1509', 'thank you'])
    await fresh.logout()
  })

  it('an application comes to the owner’s devices, and its acceptance makes a member', async () => {
    const groupID = await create(0)
    const asked = (data: Application): boolean => data.groupID === groupID && data.userID === 'bob'
    await bob.sdk.joinGroup({ groupID, reqMsg: 'let me in', joinSource: 3 } as never)
    for (const client of [ada, adaTwo, bob, bobTwo]) {
      const application = await hears(client, CbEvents.OnGroupApplicationAdded, asked)
      expect(application).toMatchObject({ reqMsg: 'let me in', handleResult: 0 })
    }
    await same()
    await ada.sdk.acceptGroupApplication({ groupID, fromUserID: 'bob', handleMsg: 'welcome' })
    for (const client of [bob, bobTwo]) {
      const accepted = await hears(client, CbEvents.OnGroupApplicationAccepted, asked)
      expect(accepted).toMatchObject({ handleResult: 1, handledMsg: 'welcome' })
      await hears(client, CbEvents.OnJoinedGroupAdded, of(groupID))
    }
    for (const client of [ada, adaTwo]) await hears(client, CbEvents.OnGroupMemberAdded, member(groupID, 'bob'))
    await expect(ada.sdk.refuseGroupApplication({ groupID, fromUserID: 'bob', handleMsg: 'no' })).rejects.toMatchObject(
      { errCode: expect.any(Number) },
    )
  })

  it('an application that is refused says so on every device of the applicant', async () => {
    const groupID = await create(1)
    await bob.sdk.joinGroup({ groupID, reqMsg: 'let me in', joinSource: 3 } as never)
    await hears<Application>(ada, CbEvents.OnGroupApplicationAdded, of(groupID))
    await ada.sdk.refuseGroupApplication({ groupID, fromUserID: 'bob', handleMsg: 'not now' })
    for (const client of [bob, bobTwo])
      expect(await hears<Application>(client, CbEvents.OnGroupApplicationRejected, of(groupID))).toMatchObject({
        handleResult: -1,
        handledMsg: 'not now',
      })
  })

  it('an open group is joined at once', async () => {
    const groupID = await create(2)
    await bob.sdk.joinGroup({ groupID, reqMsg: '', joinSource: 3 } as never)
    for (const client of [bob, bobTwo]) await hears(client, CbEvents.OnJoinedGroupAdded, of(groupID))
    for (const client of [ada, adaTwo]) await hears(client, CbEvents.OnGroupMemberAdded, member(groupID, 'bob'))
  })

  it('who is kicked loses the group on all devices, keeps what was said, and continues after coming back', async () => {
    const groupID = await create(0, 'bob', 'cyd')
    const conversationID = groupConversationID(groupID)
    await cyd.send('before the kick', { groupID })
    await bob.message('before the kick')
    await ada.sdk.kickGroupMember({ groupID, reason: 'go', userIDList: ['bob'] })
    for (const client of [bob, bobTwo]) await hears(client, CbEvents.OnJoinedGroupDeleted, of(groupID))
    for (const client of [ada, adaTwo, cyd]) await hears(client, CbEvents.OnGroupMemberDeleted, member(groupID, 'bob'))
    await cyd.send('without bob', { groupID })
    await ada.message('without bob')
    await expect(bob.send('let me speak', { groupID })).rejects.toMatchObject({ errCode: expect.any(Number) })
    const fresh = await server.login('bob', 7)
    expect(await fresh.history(conversationID)).toEqual(['#1501', 'before the kick'])
    await fresh.logout()
    expect([bob.countOf('without bob'), bobTwo.countOf('without bob')]).toEqual([0, 0])
    await same()
    await ada.sdk.inviteUserToGroup({ groupID, reason: 'come back', userIDList: ['bob'] })
    await hears<MemberShown>(cyd, CbEvents.OnGroupMemberAdded, member(groupID, 'bob'))
    await cyd.send('bob again', { groupID })
    await Promise.all([bob, bobTwo].map((client) => client.message('bob again')))
    const back = await server.login('bob', 7)
    expect(await back.history(conversationID)).toEqual([
      '#1501',
      'before the kick',
      '#1508',
      'without bob',
      '#1509',
      'bob again',
    ])
    await back.logout()
  })

  it('who quits leaves on all devices, and the others see it', async () => {
    const groupID = await create(0, 'bob', 'cyd')
    await bob.sdk.quitGroup(groupID)
    for (const client of [bob, bobTwo]) await hears(client, CbEvents.OnJoinedGroupDeleted, of(groupID))
    for (const client of [ada, adaTwo, cyd]) await hears(client, CbEvents.OnGroupMemberDeleted, member(groupID, 'bob'))
    await expect(ada.sdk.quitGroup(groupID)).rejects.toMatchObject({ errCode: expect.any(Number) })
  })

  it('a group that is handed over has its new owner everywhere', async () => {
    const groupID = await create(0, 'bob', 'cyd')
    await ada.sdk.transferGroupOwner({ groupID, newOwnerUserID: 'bob' })
    for (const client of [ada, adaTwo, bob, bobTwo, cyd]) {
      await hears(client, CbEvents.OnGroupMemberInfoChanged, member(groupID, 'bob', { roleLevel: 100 }))
      await hears(client, CbEvents.OnGroupMemberInfoChanged, member(groupID, 'ada', { roleLevel: 20 }))
      await hears<GroupShown>(
        client,
        CbEvents.OnGroupInfoChanged,
        (group) => of(groupID)(group) && group.ownerUserID === 'bob',
      )
    }
  })

  it('names, roles and mutes of members reach everybody, and a muted member cannot write', async () => {
    const groupID = await create(0, 'bob', 'cyd')
    await bob.sdk.setGroupMemberInfo({ groupID, userID: 'bob', nickname: 'Captain' } as never)
    await ada.sdk.setGroupMemberInfo({ groupID, userID: 'bob', roleLevel: 60 } as never)
    await ada.sdk.changeGroupMemberMute({ groupID, userID: 'cyd', mutedSeconds: 600 })
    for (const client of [ada, adaTwo, bob, bobTwo, cyd]) {
      await hears(client, CbEvents.OnGroupMemberInfoChanged, member(groupID, 'bob', { nickname: 'Captain' }))
      await hears(client, CbEvents.OnGroupMemberInfoChanged, member(groupID, 'bob', { roleLevel: 60 }))
      await hears<MemberShown>(
        client,
        CbEvents.OnGroupMemberInfoChanged,
        (data) => member(groupID, 'cyd')(data) && data.muteEndTime > Date.now(),
      )
    }
    await expect(cyd.send('quiet', { groupID })).rejects.toMatchObject({ errCode: 1402 })
    await same()
    await bob.sdk.changeGroupMemberMute({ groupID, userID: 'cyd', mutedSeconds: 0 })
    await hears(cyd, CbEvents.OnGroupMemberInfoChanged, member(groupID, 'cyd', { muteEndTime: 0 }))
    await cyd.send('I may again', { groupID })
  })

  it('a muted group hears only its owner and admins', async () => {
    const groupID = await create(0, 'bob', 'cyd')
    await ada.sdk.changeGroupMute({ groupID, isMute: true })
    const isIn = (status: number) => (group: GroupShown) => of(groupID)(group) && group.status === status
    for (const client of [adaTwo, bob, bobTwo, cyd]) await hears(client, CbEvents.OnGroupInfoChanged, isIn(3))
    await expect(cyd.send('quiet', { groupID })).rejects.toMatchObject({ errCode: 1403 })
    await ada.send('the owner speaks', { groupID })
    await cyd.message('the owner speaks')
    await ada.sdk.changeGroupMute({ groupID, isMute: false })
    for (const client of [adaTwo, bob, bobTwo, cyd]) await hears(client, CbEvents.OnGroupInfoChanged, isIn(0))
    await cyd.send('we may again', { groupID })
  })

  it('a new name and a new notice reach everybody', async () => {
    const groupID = await create(0, 'bob', 'cyd')
    await ada.sdk.setGroupInfo({
      groupID,
      groupName: 'Chess',
      notification: 'bring your board',
      introduction: 'we play',
    } as never)
    for (const client of [ada, adaTwo, bob, bobTwo, cyd])
      await hears<GroupShown>(
        client,
        CbEvents.OnGroupInfoChanged,
        (group) => of(groupID)(group) && group.groupName === 'Chess' && group.notification === 'bring your board',
      )
    await expect(bob.sdk.setGroupInfo({ groupID, groupName: 'Go' } as never)).rejects.toMatchObject({
      errCode: expect.any(Number),
    })
  })

  it('a dismissed group is gone from every list, and what was said can still be read', async () => {
    const groupID = await create(0, 'bob', 'cyd')
    const conversationID = groupConversationID(groupID)
    await cyd.send('the last word', { groupID })
    await bob.message('the last word')
    await ada.sdk.dismissGroup(groupID)
    for (const client of [ada, adaTwo, bob, bobTwo, cyd]) {
      await hears(client, CbEvents.OnGroupDismissed, of(groupID))
      await hears(client, CbEvents.OnJoinedGroupDeleted, of(groupID))
    }
    await expect(bob.send('anybody there?', { groupID })).rejects.toMatchObject({ errCode: expect.any(Number) })
    const fresh = await server.login('bob', 7)
    expect(await fresh.history(conversationID)).toEqual(['#1501', 'the last word', '#1511'])
    await fresh.logout()
  })
})
