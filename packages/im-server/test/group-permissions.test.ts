import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adminUserID, draft, type ImWorld, imWorld } from './support/im-world.ts'

const actors = ['appAdmin', 'owner', 'admin', 'member', 'muted', 'outsider'] as const
type Actor = (typeof actors)[number]

/** One call of the API on a group: what it is told by, and who of the actors may make it. */
interface Operation {
  readonly path: string
  readonly body: (groupID: string) => object
  readonly may: readonly Actor[]
  /** Changes nothing. */
  readonly isRead?: boolean
}

const all = ['appAdmin', 'owner', 'admin', 'member', 'muted'] as const
const leaders = ['appAdmin', 'owner', 'admin'] as const
const owners = ['appAdmin', 'owner'] as const
const nobody = [] as const
const page = { pagination: { pageNumber: 1, showNumber: 10 } }

/** Whom something is done to; never the actor itself. */
const targets = { owner: 'owner', admin: 'second admin', member: 'second member', muted: 'second muted' } as const

const onGroup: readonly Operation[] = [
  { path: 'invite_user_to_group', body: (groupID) => ({ groupID, invitedUserIDs: ['guest'] }), may: all },
  { path: 'set_group_info', body: (groupID) => ({ groupInfoForSet: { groupID, groupName: 'new' } }), may: leaders },
  { path: 'set_group_info_ex', body: (groupID) => ({ groupID, notification: 'new' }), may: leaders },
  { path: 'mute_group', body: (groupID) => ({ groupID }), may: leaders },
  {
    path: 'group_application_response',
    body: (groupID) => ({ groupID, fromUserID: 'applicant', handledMsg: 'yes', handleResult: 1 }),
    may: leaders,
  },
  {
    path: 'group_application_response',
    body: (groupID) => ({ groupID, fromUserID: 'applicant', handledMsg: 'no', handleResult: -1 }),
    may: leaders,
  },
  { path: 'dismiss_group', body: (groupID) => ({ groupID, deleteMember: false }), may: owners },
  {
    path: 'get_specified_user_group_request_info',
    body: (groupID) => ({ groupID, userID: 'applicant' }),
    may: leaders,
    isRead: true,
  },
  {
    path: 'get_group_users_req_application_list',
    body: (groupID) => ({ groupID, userIDs: ['applicant'] }),
    may: leaders,
    isRead: true,
  },
  { path: 'get_group_abstract_info', body: (groupID) => ({ groupIDs: [groupID] }), may: all, isRead: true },
  { path: 'get_group_member_list', body: (groupID) => ({ groupID, ...page }), may: all, isRead: true },
  { path: 'get_group_members_info', body: (groupID) => ({ groupID, userIDs: ['owner'] }), may: all, isRead: true },
  { path: 'get_group_member_user_id', body: (groupID) => ({ groupID }), may: all, isRead: true },
  { path: 'get_full_group_member_user_ids', body: (groupID) => ({ groupID, idHash: 0 }), may: all, isRead: true },
  { path: 'get_incremental_group_members', body: (groupID) => ({ groupID }), may: all, isRead: true },
  { path: 'get_groups', body: (groupID) => ({ groupID, ...page }), may: ['appAdmin'], isRead: true },
]

const onMember: readonly {
  readonly path: string
  readonly body: (groupID: string, userID: string) => object
  readonly may: Readonly<Record<keyof typeof targets, readonly Actor[]>>
}[] = [
  {
    path: 'kick_group',
    body: (groupID, userID) => ({ groupID, kickedUserIDs: [userID] }),
    may: { owner: nobody, admin: owners, member: leaders, muted: leaders },
  },
  {
    path: 'mute_group_member',
    body: (groupID, userID) => ({ groupID, userID, mutedSeconds: 90 }),
    may: { owner: nobody, admin: owners, member: leaders, muted: leaders },
  },
  {
    path: 'cancel_mute_group_member',
    body: (groupID, userID) => ({ groupID, userID }),
    may: { owner: nobody, admin: owners, member: leaders, muted: leaders },
  },
  {
    path: 'set_group_member_info',
    body: (groupID, userID) => ({ members: [{ groupID, userID, nickname: 'called' }] }),
    may: { owner: ['appAdmin'], admin: owners, member: leaders, muted: leaders },
  },
  {
    path: 'set_group_member_info',
    body: (groupID, userID) => ({
      members: [{ groupID, userID, roleLevel: userID === targets.admin ? 20 : 60 }],
    }),
    may: { owner: nobody, admin: owners, member: owners, muted: owners },
  },
  {
    path: 'transfer_group',
    body: (groupID, userID) => ({ groupID, oldOwnerUserID: 'owner', newOwnerUserID: userID }),
    may: { owner: nobody, admin: owners, member: owners, muted: owners },
  },
]

let world: ImWorld
const tokens: Record<string, string> = {}
let groupCount = 0

beforeAll(async () => {
  world = await imWorld()
  await world.register(...actors.slice(1), ...Object.values(targets).slice(1), 'applicant', 'guest')
  for (const actor of actors) tokens[actor] = await world.token(actor === 'appAdmin' ? adminUserID : actor)
})
afterAll(() => world.close())

/** A group with somebody in every role, and an application that waits. */
async function freshGroup(): Promise<string> {
  const groupID = `g${groupCount++}`
  await world.groupCreation.create(
    world.caller('owner'),
    { ...draft, groupID },
    {
      ownerUserID: 'owner',
      adminUserIDs: ['admin', targets.admin],
      memberUserIDs: ['member', 'muted', targets.member, targets.muted],
    },
  )
  for (const userID of ['muted', targets.muted])
    await world.groupRoles.mute(world.caller('owner'), groupID, userID, 3_600)
  await world.groupMembership.join(world.caller('applicant'), groupID, { reqMsg: 'please', joinSource: 3, ex: '' })
  await world.clock.advance(1)
  return groupID
}

/** All that is known of a group. */
async function stateOf(groupID: string): Promise<unknown> {
  const by = { groupID }
  const { groups, groupMembers, groupRequests } = world.repositories
  return Promise.all([groups.get(by), groupMembers.ofGroup(by), groupRequests.ofGroup(by)])
}

const call = async (path: string, actor: Actor, body: object) =>
  (await world.api.call(`/group/${path}`, { headers: { operationID: 'op', token: tokens[actor]! }, body })).json as {
    readonly errCode: number
    readonly errDlt: string
  }

async function tryOut(path: string, actor: Actor, body: object, groupID: string, isAllowed: boolean, isRead = false) {
  const [before, toldBefore] = [await stateOf(groupID), world.told.length]
  const answer = await call(path, actor, body)
  if (isAllowed) {
    expect(answer).toMatchObject({ errCode: 0 })
    if (!isRead && path !== 'cancel_mute_group_member') expect(await stateOf(groupID)).not.toEqual(before)
  } else {
    expect([1001, 1002]).toContain(answer.errCode)
    expect(await stateOf(groupID)).toEqual(before)
    expect(world.told.length).toBe(toldBefore)
  }
}

describe('who may do what in a group', () => {
  const cells = onGroup.flatMap((operation) =>
    actors.map((actor) => ({ ...operation, actor, isAllowed: operation.may.includes(actor) })),
  )

  it.each(cells)('$path by $actor: $isAllowed', async ({ path, body, actor, isAllowed, isRead }) => {
    const groupID = await freshGroup()
    await tryOut(path, actor, body(groupID), groupID, isAllowed, isRead)
  })

  const targeted = onMember.flatMap(({ path, body, may }, at) =>
    Object.entries(targets).flatMap(([target, userID]) =>
      actors
        .filter((actor) => actor !== userID)
        .map((actor) => ({
          path,
          body,
          at,
          actor,
          target,
          userID,
          isAllowed: may[target as keyof typeof targets].includes(actor),
        })),
    ),
  )

  it.each(targeted)(
    '$path ($at) by $actor to $target: $isAllowed',
    async ({ path, body, actor, userID, isAllowed }) => {
      const groupID = await freshGroup()
      await tryOut(path, actor, body(groupID, userID), groupID, isAllowed)
    },
  )

  it.each([
    ['quit_group', { appAdmin: 1203, owner: 1002, admin: 0, member: 0, muted: 0, outsider: 1203 }],
    ['join_group', { appAdmin: 0, owner: 1001, admin: 1001, member: 1001, muted: 1001, outsider: 0 }],
  ] as const)('%s answers each with what it is', async (path, expected) => {
    for (const actor of actors) {
      const groupID = await freshGroup()
      const userID = actor === 'appAdmin' ? adminUserID : actor
      const answer = await call(path, actor, { groupID, userID })
      expect([actor, answer.errCode]).toEqual([actor, expected[actor]])
    }
  })

  it('everybody changes the own name, nobody the own role', async () => {
    for (const userID of ['owner', 'admin', 'member', 'muted'] as const) {
      const groupID = await freshGroup()
      const named = await call('set_group_member_info', userID, { members: [{ groupID, userID, nickname: 'me' }] })
      expect(named.errCode, userID).toBe(0)
      const roleLevel = userID === 'admin' ? 20 : 60
      const promoted = await call('set_group_member_info', userID, { members: [{ groupID, userID, roleLevel }] })
      expect(promoted.errCode, userID).toBe(1002)
      expect((await world.groups.members(groupID, [userID]))[0]).toMatchObject({ nickname: 'me' })
    }
  })

  it('nobody kicks, mutes or unmutes itself', async () => {
    for (const userID of ['owner', 'admin', 'member', 'muted'] as const) {
      const groupID = await freshGroup()
      expect((await call('kick_group', userID, { groupID, kickedUserIDs: [userID] })).errCode).toBe(1001)
      expect((await call('mute_group_member', userID, { groupID, userID, mutedSeconds: 9 })).errCode).toBe(1002)
      expect((await call('cancel_mute_group_member', userID, { groupID, userID })).errCode).toBe(1002)
    }
  })

  it('who applied and who was invited is the caller’s word, never the body’s', async () => {
    const groupID = await freshGroup()
    await call('join_group', 'outsider', { groupID, inviterUserID: 'guest', reqMessage: 'for another' })
    const requests = await world.repositories.groupRequests.ofGroup({ groupID })
    expect(requests.map(({ userID }) => userID).toSorted()).toEqual(['applicant', 'outsider'])
  })

  const reads = [
    ['get_recv_group_applicationList', 'fromUserID'],
    ['get_user_req_group_applicationList', 'userID'],
    ['get_group_application_unhandled_count', 'userID'],
  ] as const
  it.each(reads)('%s is for the user itself and the administrator', async (path, field) => {
    for (const actor of actors) {
      const { errCode } = await call(path, actor, { [field]: 'owner', ...page })
      expect([actor, errCode]).toEqual([actor, actor === 'appAdmin' || actor === 'owner' ? 0 : 1002])
    }
  })
})

describe('who left a group', () => {
  it('is told nothing of its members, and is not refused: SDKs ask before they show what was said', async () => {
    const groupID = await freshGroup()
    await world.send('member', { groupID })
    const info = async (userID: Actor) =>
      call('get_group_members_info', userID, { groupID, userIDs: ['owner', 'member'] })
    await world.groupMembership.quit(world.caller('member'), groupID, 'member')
    expect(await info('member')).toMatchObject({ errCode: 0, data: { members: [] } })
    expect(await info('admin')).toMatchObject({ errCode: 0, data: { members: [{ userID: 'owner' }] } })
    expect(await info('outsider')).toMatchObject({ errCode: 1002 })
    expect(await call('get_group_member_list', 'member', { groupID, ...page })).toMatchObject({ errCode: 1002 })
  })
})

describe('who may write in a group', () => {
  const send = async (userID: string, groupID: string): Promise<number> =>
    world.send(userID, { groupID }).then(
      () => 0,
      (error: { readonly errCode: number }) => error.errCode,
    )
  const everybody = async (groupID: string): Promise<Record<string, number>> => {
    const codes: Record<string, number> = {}
    for (const actor of actors.slice(1)) codes[actor] = await send(actor, groupID)
    return codes
  }

  it('members who are not muted', async () => {
    expect(await everybody(await freshGroup())).toEqual({ owner: 0, admin: 0, member: 0, muted: 1402, outsider: 1203 })
  })

  it('a muted member again once its time is over, and once it is let', async () => {
    const groupID = await freshGroup()
    await world.groupRoles.unmute(world.caller('admin'), groupID, 'muted')
    expect(await send('muted', groupID)).toBe(0)
    await world.groupRoles.mute(world.caller('admin'), groupID, 'muted', 60)
    await world.clock.advance(59_000)
    expect(await send('muted', groupID)).toBe(1402)
    await world.clock.advance(1_001)
    expect(await send('muted', groupID)).toBe(0)
  })

  it('owner and admins where the group is muted', async () => {
    const groupID = await freshGroup()
    await world.groupSettings.setMuted(world.caller('owner'), groupID, true)
    expect(await everybody(groupID)).toEqual({ owner: 0, admin: 0, member: 1403, muted: 1402, outsider: 1203 })
    await world.groupSettings.setMuted(world.caller('owner'), groupID, false)
    expect(await send('member', groupID)).toBe(0)
  })

  it('nobody where the group was dismissed, from the answer on', async () => {
    const groupID = await freshGroup()
    await world.groupDismissal.dismiss(world.caller('owner'), groupID)
    expect(await everybody(groupID)).toEqual({ owner: 1204, admin: 1204, member: 1204, muted: 1204, outsider: 1204 })
  })
})
