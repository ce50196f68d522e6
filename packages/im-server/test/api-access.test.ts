import { readFileSync } from 'node:fs'
import { roleLevels } from '@parlance/openim-protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AccessRule } from '../src/api/access.ts'
import { populate, samples } from './support/api-samples.ts'
import { adminUserID, type ImWorld, imWorld } from './support/im-world.ts'
import { relationsOf } from './support/relations.ts'
import { report } from './support/report.ts'

/**
 * Everybody who calls: with no token, or one that is not valid; a friend of alice, somebody who is neither friend nor member of
 * her group g, an ordinary member and an admin of g, alice herself, who owns g and whom the bodies are about, the administrator.
 */
const callers = [
  'nobody',
  'garbage',
  'forged',
  'expired',
  'kicked',
  'friend',
  'outsider',
  'member',
  'groupAdmin',
  'self',
  'admin',
] as const
type CallerKind = (typeof callers)[number]

const invalid = { nobody: 1001, garbage: 1503, forged: 1505, expired: 1501, kicked: 1506 } as const
const refused = { friend: 1002, outsider: 1002, member: 1002, groupAdmin: 1002 } as const
const welcome = { friend: 0, outsider: 0, member: 0, groupAdmin: 0, self: 0, admin: 0 } as const

/** What each of them gets, by the rule of the route. Roles within a group are in the table of group-permissions.test.ts. */
const expected: Readonly<Record<AccessRule, Readonly<Partial<Record<CallerKind, number>>>>> = {
  open: { nobody: 0, garbage: 0, forged: 0, expired: 0, kicked: 0, ...welcome },
  user: { ...invalid, ...welcome },
  member: { ...invalid, ...refused, member: 0, groupAdmin: 0, self: 0, admin: 0 },
  role: { ...invalid, friend: 1002, outsider: 1002, self: 0, admin: 0 },
  self: { ...invalid, ...refused, self: 0, admin: 0 },
  admin: { ...invalid, ...refused, self: 1002, admin: 0 },
}

/** Bodies that are about two users: the other one may call as well. */
const aboutTwo: Readonly<Record<string, Readonly<Partial<Record<CallerKind, number>>>>> = {
  '/friend/get_designated_friend_apply': { member: 0 },
}

/** Who may call which path; the one table that says so, apart from the code. */
const rules: Readonly<Record<AccessRule, readonly string[]>> = {
  open: ['/auth/get_admin_token', '/auth/parse_token', '/auth/session'],
  admin: [
    '/auth/get_user_token',
    '/auth/force_logout',
    '/user/user_register',
    '/user/account_check',
    '/friend/import_friend',
    '/group/get_groups',
    '/msg/send_msg',
    '/msg/delete_msg_phsical_by_seq',
    '/msg/delete_msg_physical',
    '/msg/batch_send_msg',
    '/user/get_users',
    '/user/get_all_users_uid',
    '/user/get_users_online_status',
    '/msg/send_business_notification',
  ],
  user: [
    '/user/get_users_info',
    '/group/get_groups_info',
    '/group/join_group',
    '/msg/get_server_time',
    '/object/part_limit',
    '/object/part_size',
    '/object/access_url',
  ],
  member: [
    '/group/get_group_members_info',
    '/group/get_group_member_list',
    '/group/get_group_member_user_id',
    '/group/get_incremental_group_members',
    '/group/get_full_group_member_user_ids',
    '/group/get_group_abstract_info',
  ],
  role: [
    '/group/invite_user_to_group',
    '/group/kick_group',
    '/group/transfer_group',
    '/group/set_group_member_info',
    '/group/mute_group_member',
    '/group/cancel_mute_group_member',
    '/group/set_group_info',
    '/group/set_group_info_ex',
    '/group/mute_group',
    '/group/cancel_mute_group',
    '/group/dismiss_group',
    '/group/group_application_response',
    '/group/get_group_users_req_application_list',
    '/group/get_specified_user_group_request_info',
  ],
  self: [
    '/user/update_user_info',
    '/user/update_user_info_ex',
    '/user/get_users_status',
    '/friend/get_friend_list',
    '/friend/get_designated_friends',
    '/friend/is_friend',
    '/friend/get_incremental_friends',
    '/friend/get_full_friend_user_ids',
    '/friend/get_friend_id',
    '/friend/delete_friend',
    '/friend/set_friend_remark',
    '/friend/update_friends',
    '/friend/get_specified_friends_info',
    '/friend/add_friend',
    '/friend/add_friend_response',
    '/friend/get_friend_apply_list',
    '/friend/get_self_friend_apply_list',
    '/friend/get_designated_friend_apply',
    '/friend/get_self_unhandled_apply_count',
    '/friend/add_black',
    '/friend/remove_black',
    '/friend/get_black_list',
    '/friend/get_specified_blacks',
    '/friend/get_incremental_blacks',
    '/group/create_group',
    '/group/quit_group',
    '/group/get_recv_group_applicationList',
    '/group/get_user_req_group_applicationList',
    '/group/get_group_application_unhandled_count',
    '/group/get_joined_group_list',
    '/group/get_incremental_join_groups',
    '/group/get_full_join_group_ids',
    '/group/get_incremental_group_members_batch',
    '/conversation/get_incremental_conversations',
    '/conversation/get_full_conversation_ids',
    '/conversation/get_all_conversations',
    '/conversation/get_owner_conversation',
    '/conversation/get_conversation',
    '/conversation/get_conversations',
    '/conversation/get_not_notify_conversation_ids',
    '/conversation/get_pinned_conversation_ids',
    '/jssdk/get_active_conversations',
    '/jssdk/get_conversations',
    '/msg/newest_seq',
    '/object/initiate_multipart_upload',
    '/object/auth_sign',
    '/object/complete_multipart_upload',
    '/object/initiate_form_data',
    '/object/complete_form_data',
    '/msg/pull_msg_by_seq',
    '/msg/get_conversations_has_read_and_max_seq',
    '/msg/mark_conversation_as_read',
    '/msg/mark_msgs_as_read',
    '/msg/set_conversation_has_read_seq',
    '/msg/revoke_msg',
    '/msg/delete_msgs',
    '/msg/clear_conversation_msg',
    '/msg/user_clear_all_msg',
    '/user/set_global_msg_recv_opt',
    '/conversation/set_conversations',
    '/conversation/delete_conversations',
    '/conversation/update_conversations_by_user',
  ],
}

let world: ImWorld
const tokens: Record<string, string> = {}

beforeAll(async () => {
  world = await imWorld()
  await populate(world)
  await world.register('dave', 'fred', 'gina')
  await relationsOf(world).befriend('alice', 'fred')
  await world.group('of gina', 'gina')
  const [row] = await world.repositories.groupMembers.ofGroup({ groupID: 'of gina' })
  await world.repositories.groupMembers.insert({ ...row!, groupID: 'g', roleLevel: roleLevels.admin })
  tokens['expired'] = await world.token('alice', 3)
  await world.clock.advance(90 * 86_400_000)
  tokens['kicked'] = await world.token('alice', 4)
  await world.tokens.forceLogout('alice', 4)
  tokens['self'] = await world.token('alice')
  tokens['outsider'] = await world.token('dave')
  tokens['friend'] = await world.token('fred')
  tokens['member'] = await world.token('bob')
  tokens['groupAdmin'] = await world.token('gina')
  tokens['admin'] = await world.token(adminUserID)
  tokens['garbage'] = 'garbage'
  tokens['forged'] = tokens['admin'].slice(0, -8) + 'AAAAAAAA'
})
afterAll(() => world.close())

const cells = Object.entries(rules).flatMap(([rule, paths]) =>
  paths.flatMap((path) =>
    Object.entries({ ...expected[rule as AccessRule], ...aboutTwo[path] }).map(([who, errCode]) => ({
      path,
      who,
      errCode,
    })),
  ),
)

describe('the table of access', () => {
  it('is what the documentation shows', () => {
    const said = readFileSync(new URL('../../../docs/access.md', import.meta.url), 'utf8')
    const columns = callers.filter((kind) => kind === 'nobody' || !(kind in invalid))
    const rows = Object.values(rules)
      .flat()
      .map((path) => {
        const codes = new Map(cells.filter((cell) => cell.path === path).map(({ who, errCode }) => [who, errCode]))
        const answers = columns.map((kind) => (codes.get(kind) === 0 ? 'yes' : (codes.get(kind) ?? 'by role')))
        return `| \`${path}\` | ${answers.join(' | ')} |`
      })
    report(`access: ${cells.length} cells of ${rows.length} routes`)
    expect(rows.filter((row) => !said.includes(row)).join('\n')).toBe('')
    expect(said.split('\n').filter((line) => line.startsWith('| `/') && !rows.includes(line))).toEqual([])
  })

  it('has every route, under the rule that the route says of itself', () => {
    const said = Object.fromEntries(world.routes.map(({ path, rule }) => [path, rule]))
    const table = Object.fromEntries(
      Object.entries(rules).flatMap(([rule, paths]) => paths.map((path) => [path, rule])),
    )
    expect(table).toEqual(said)
    expect(Object.keys(samples).toSorted()).toEqual(Object.keys(said).toSorted())
  })

  it.each(cells)('$path answers $who with $errCode', async ({ path, who, errCode }) => {
    const body = await samples[path]!(world)
    const token = tokens[who]
    const answer = await world.api.call(path, {
      headers: { operationID: 'op', ...(token === undefined ? {} : { token }) },
      body,
    })
    expect(answer.json, answer.text).toMatchObject({ errCode })
  })
})

describe('what belongs to others', () => {
  const ask = async (path: string, body: object, userID = 'dave') =>
    (await world.api.call(path, { headers: { operationID: 'op', token: await world.token(userID) }, body })).json

  it('is not in a list of one’s own', async () => {
    const conversationIDs = ['si_alice_bob', 'sg_g', 'n_g', 'n_alice_bob']
    const versions = conversationIDs.map((conversationID) => ({ conversationID, begin: 1, end: 10, num: 0 }))
    expect((await ask('/conversation/get_conversations', { ownerUserID: 'dave', conversationIDs })).data).toEqual({
      conversations: [],
    })
    expect((await ask('/jssdk/get_conversations', { ownerUserID: 'dave', conversationIDs })).data).toEqual({
      unreadCount: 0,
      conversations: [],
    })
    expect(
      (await ask('/msg/get_conversations_has_read_and_max_seq', { userID: 'dave', conversationIDs })).data,
    ).toMatchObject({ seqs: {} })
    expect((await ask('/conversation/get_conversation', { ownerUserID: 'dave', conversationID: 'sg_g' })).errCode).toBe(
      1004,
    )
    expect(
      (await ask('/group/get_incremental_group_members_batch', { userID: 'dave', reqList: [{ groupID: 'g' }] })).data,
    ).toEqual({ respList: {} })
    const pulled = (await ask('/msg/pull_msg_by_seq', { userID: 'dave', seqRanges: versions })).data
    expect(JSON.stringify(pulled)).not.toContain('serverMsgID')
  })

  it('cannot be marked as read', async () => {
    for (const conversationID of ['si_alice_bob', 'sg_g', 'n_g', 'nonsense']) {
      const body = { userID: 'dave', conversationID, hasReadSeq: 1, seqs: [1] }
      for (const path of [
        '/msg/mark_conversation_as_read',
        '/msg/mark_msgs_as_read',
        '/msg/set_conversation_has_read_seq',
      ])
        expect((await ask(path, body)).errCode, `${path} ${conversationID}`).toBe(1002)
    }
  })

  it('is told to either of the two whose friendship is asked for, and to nobody else', async () => {
    expect((await ask('/friend/is_friend', { userID1: 'alice', userID2: 'dave' })).errCode).toBe(0)
    expect((await ask('/friend/is_friend', { userID1: 'alice', userID2: 'bob' })).errCode).toBe(1002)
  })

  it('a user cannot raise its own level', async () => {
    const userInfo = { userID: 'dave', nickname: 'd', appMangerLevel: 2 }
    expect((await ask('/user/update_user_info_ex', { userInfo })).errCode).toBe(0)
    expect((await ask('/user/update_user_info', { userInfo })).errCode).toBe(0)
    expect(await world.users.infos(['dave'])).toMatchObject([{ nickname: 'd', appMangerLevel: 0 }])
  })
})
