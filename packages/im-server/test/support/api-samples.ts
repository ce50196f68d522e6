import { groupAddress, singleAddress } from '../../src/domain/messages/address.ts'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { publicName } from '../../src/domain/objects/objects.ts'
import { adminUserID, type ImWorld, secret } from './im-world.ts'

let fresh = 0

const settings = {
  groupName: 'name',
  notification: 'n',
  introduction: 'i',
  faceURL: 'f',
  ex: 'e',
  needVerification: 0,
  lookMemberInfo: 0,
  applyMemberFriend: 0,
}

/** A group of its own for a sample that changes it. */
async function freshGroup(world: ImWorld, ...userIDs: string[]): Promise<string> {
  const groupID = `fresh ${fresh++}`
  await world.group(groupID, ...userIDs)
  return groupID
}

/** A text as a back end sends it, whoever sends it to whom. */
const text = {
  senderNickname: 'n',
  senderFaceURL: 'f',
  senderPlatformID: 1,
  content: { content: 'hello' },
  contentType: 101,
  sessionType: 1,
  isOnlineOnly: false,
  notOfflinePush: false,
  sendTime: 0,
  offlinePushInfo: { title: 't', desc: 'd', ex: 'e', iOSPushSound: 's', iOSBadgeCount: true },
  ex: 'e',
}

/** A body for each route that works when alice or the administrator sends it; every field the route knows is in it. */
export const samples: Readonly<Record<string, (world: ImWorld) => Promise<object> | object>> = {
  '/auth/get_admin_token': () => ({ secret, userID: adminUserID }),
  '/auth/get_user_token': () => ({ userID: 'carol', platformID: 7 }),
  '/auth/parse_token': async (world) => ({ token: await world.token('carol', 8) }),
  '/auth/force_logout': () => ({ userID: 'carol', platformID: 7 }),
  '/auth/session': () => ({ platformID: 7 }),
  '/user/user_register': () => ({
    users: [{ userID: `new ${fresh++}`, nickname: 'n', faceURL: 'f', ex: 'e', appMangerLevel: 0, globalRecvMsgOpt: 0 }],
  }),
  '/user/get_users_info': () => ({ userIDs: ['bob', 'nobody'] }),
  '/user/update_user_info': () => ({
    userInfo: { userID: 'alice', nickname: 'n', faceURL: 'f', ex: 'e', globalRecvMsgOpt: 1 },
  }),
  '/user/update_user_info_ex': () => ({
    userInfo: { userID: 'alice', nickname: 'n', faceURL: 'f', ex: 'e', globalRecvMsgOpt: 0 },
  }),
  '/user/account_check': () => ({ checkUserIDs: ['bob', 'nobody'] }),
  '/user/get_users_status': () => ({ userID: 'alice', userIDs: ['bob'] }),
  '/friend/get_friend_list': () => ({ userID: 'alice', pagination: { pageNumber: 1, showNumber: 10 } }),
  '/friend/get_designated_friends': () => ({ ownerUserID: 'alice', friendUserIDs: ['bob'] }),
  '/friend/is_friend': () => ({ userID1: 'alice', userID2: 'carol' }),
  '/friend/get_incremental_friends': () => ({ userID: 'alice', versionID: '', version: 0 }),
  '/friend/get_full_friend_user_ids': () => ({ userID: 'alice', idHash: 0 }),
  '/friend/get_friend_id': () => ({ userID: 'alice' }),
  '/friend/delete_friend': async (world) => {
    await befriend(world)
    return { ownerUserID: 'alice', friendUserID: 'carol' }
  },
  '/friend/set_friend_remark': async (world) => {
    await befriend(world)
    return { ownerUserID: 'alice', friendUserID: 'carol', remark: 'r' }
  },
  '/friend/update_friends': async (world) => {
    await befriend(world)
    return { ownerUserID: 'alice', friendUserIDs: ['carol'], remark: 'r', isPinned: true, ex: 'e' }
  },
  '/friend/import_friend': () => ({ ownerUserID: 'alice', friendUserIDs: ['carol'] }),
  '/friend/get_specified_friends_info': () => ({ ownerUserID: 'alice', userIDList: ['carol', 'nobody'] }),
  '/friend/add_friend': () => ({ fromUserID: 'alice', toUserID: 'bob', reqMsg: 'hello', ex: 'e' }),
  '/friend/add_friend_response': async (world) => {
    await world.friendRequests.apply(world.caller('bob'), { fromUserID: 'bob', toUserID: 'alice', reqMsg: '', ex: '' })
    return { fromUserID: 'bob', toUserID: 'alice', handleResult: -1, handleMsg: 'no' }
  },
  '/friend/get_friend_apply_list': () => ({
    userID: 'alice',
    handleResults: [0],
    pagination: { pageNumber: 1, showNumber: 10 },
  }),
  '/friend/get_self_friend_apply_list': () => ({
    userID: 'alice',
    handleResults: [1],
    pagination: { pageNumber: 1, showNumber: 10 },
  }),
  '/friend/get_designated_friend_apply': () => ({ fromUserID: 'alice', toUserID: 'bob' }),
  '/friend/get_self_unhandled_apply_count': () => ({ userID: 'alice', time: 1 }),
  '/friend/add_black': async (world) => {
    await world.repositories.blacks.delete({ ownerUserID: 'alice', blackUserID: 'carol' })
    return { ownerUserID: 'alice', blackUserID: 'carol', ex: 'e' }
  },
  '/friend/remove_black': async (world) => {
    const row = { addSource: 0, operatorUserID: '', ex: '', createTime: new Date(world.clock.now()) }
    await world.repositories.blacks.put({ ownerUserID: 'alice', blackUserID: 'carol', ...row })
    return { ownerUserID: 'alice', blackUserID: 'carol' }
  },
  '/friend/get_specified_blacks': () => ({ ownerUserID: 'alice', userIDList: ['carol'] }),
  '/friend/get_incremental_blacks': () => ({ userID: 'alice', versionID: '', version: 0 }),
  '/friend/get_black_list': () => ({ userID: 'alice', pagination: { pageNumber: 1, showNumber: 10 } }),
  '/group/create_group': () => ({
    ownerUserID: 'alice',
    adminUserIDs: ['carol'],
    memberUserIDs: ['bob'],
    groupInfo: {
      groupID: '',
      groupName: 'name',
      notification: 'n',
      introduction: 'i',
      faceURL: 'f',
      ex: 'e',
      groupType: 2,
      needVerification: 0,
      lookMemberInfo: 0,
      applyMemberFriend: 0,
    },
  }),
  '/group/get_groups_info': () => ({ groupIDs: ['g', 'nowhere'] }),
  '/group/get_group_members_info': () => ({ groupID: 'g', userIDs: ['alice'] }),
  '/group/get_group_member_list': () => ({
    groupID: 'g',
    filter: 0,
    keyword: 'a',
    pagination: { pageNumber: 1, showNumber: 10 },
  }),
  '/group/get_group_member_user_id': () => ({ groupID: 'g' }),
  '/group/get_joined_group_list': () => ({ fromUserID: 'alice', pagination: { pageNumber: 1, showNumber: 10 } }),
  '/group/get_incremental_join_groups': () => ({ userID: 'alice', versionID: '', version: 0 }),
  '/group/get_full_join_group_ids': () => ({ userID: 'alice', idHash: 0 }),
  '/group/get_incremental_group_members': () => ({ groupID: 'g', versionID: '', version: 0 }),
  '/group/get_incremental_group_members_batch': () => ({
    userID: 'alice',
    reqList: [{ groupID: 'g', versionID: '', version: 0 }],
  }),
  '/group/get_full_group_member_user_ids': () => ({ groupID: 'g', idHash: 0 }),
  '/group/join_group': () => ({ groupID: 'asked', reqMessage: 'please', joinSource: 3, ex: 'e' }),
  '/group/invite_user_to_group': async (world) => ({
    groupID: await freshGroup(world, 'alice', 'bob'),
    reason: 'r',
    invitedUserIDs: ['carol'],
  }),
  '/group/kick_group': async (world) => ({
    groupID: await freshGroup(world, 'alice', 'bob'),
    reason: 'r',
    kickedUserIDs: ['bob'],
  }),
  '/group/quit_group': async (world) => ({ groupID: await freshGroup(world, 'bob', 'alice'), userID: 'alice' }),
  '/group/transfer_group': async (world) => ({
    groupID: await freshGroup(world, 'alice', 'bob'),
    oldOwnerUserID: 'alice',
    newOwnerUserID: 'bob',
  }),
  '/group/set_group_member_info': () => ({
    members: [{ groupID: 'g', userID: 'bob', nickname: 'n', faceURL: 'f', ex: 'e', roleLevel: 20 }],
  }),
  '/group/mute_group_member': async (world) => ({
    groupID: await freshGroup(world, 'alice', 'bob'),
    userID: 'bob',
    mutedSeconds: 60,
  }),
  '/group/cancel_mute_group_member': () => ({ groupID: 'g', userID: 'bob' }),
  '/group/set_group_info': () => ({ groupInfoForSet: { groupID: 'g', ...settings } }),
  '/group/set_group_info_ex': () => ({ groupID: 'g', ...settings }),
  '/group/mute_group': async (world) => ({ groupID: await freshGroup(world, 'alice') }),
  '/group/cancel_mute_group': () => ({ groupID: 'g' }),
  '/group/dismiss_group': async (world) => ({ groupID: await freshGroup(world, 'alice', 'bob'), deleteMember: false }),
  '/group/get_groups': () => ({ groupID: '', groupName: 'a', pagination: { pageNumber: 1, showNumber: 10 } }),
  '/group/get_group_abstract_info': () => ({ groupIDs: ['g'] }),
  '/group/group_application_response': async (world) => {
    const groupID = await freshGroup(world, 'alice')
    const ask = { reqMsg: 'please', joinSource: 3, ex: '' }
    await world.groupMembership.join(world.caller('carol'), groupID, ask)
    return { groupID, fromUserID: 'carol', handledMsg: 'welcome', handleResult: 1 }
  },
  '/group/get_recv_group_applicationList': () => ({
    fromUserID: 'alice',
    pagination: { pageNumber: 1, showNumber: 10 },
    groupIDs: ['g'],
    handleResults: [0],
  }),
  '/group/get_user_req_group_applicationList': () => ({
    userID: 'alice',
    pagination: { pageNumber: 1, showNumber: 10 },
    groupIDs: ['g'],
    handleResults: [0],
  }),
  '/group/get_group_users_req_application_list': () => ({ groupID: 'g', userIDs: ['bob'] }),
  '/group/get_specified_user_group_request_info': () => ({ groupID: 'g', userID: 'bob' }),
  '/group/get_group_application_unhandled_count': () => ({ userID: 'alice', time: 0 }),
  '/conversation/get_incremental_conversations': () => ({ userID: 'alice', versionID: '', version: 0 }),
  '/conversation/get_full_conversation_ids': () => ({ userID: 'alice', idHash: 0 }),
  '/conversation/get_all_conversations': () => ({ ownerUserID: 'alice' }),
  '/conversation/get_owner_conversation': () => ({ userID: 'alice', pagination: { pageNumber: 1, showNumber: 10 } }),
  '/conversation/get_conversation': () => ({ ownerUserID: 'alice', conversationID: 'sg_g' }),
  '/conversation/get_conversations': () => ({ ownerUserID: 'alice', conversationIDs: ['sg_g'] }),
  '/conversation/get_not_notify_conversation_ids': () => ({ userID: 'alice' }),
  '/conversation/get_pinned_conversation_ids': () => ({ userID: 'alice' }),
  '/jssdk/get_active_conversations': () => ({ ownerUserID: 'alice', count: 20 }),
  '/jssdk/get_conversations': () => ({ ownerUserID: 'alice', conversationIDs: ['sg_g'] }),
  '/msg/send_msg': () => ({
    sendID: 'alice',
    recvID: 'bob',
    groupID: '',
    ...text,
  }),
  '/msg/newest_seq': () => ({ userID: 'alice' }),
  '/msg/pull_msg_by_seq': () => ({
    userID: 'alice',
    seqRanges: [{ conversationID: 'si_alice_bob', begin: 1, end: 10, num: 10 }],
    order: 0,
  }),
  '/msg/get_conversations_has_read_and_max_seq': () => ({
    userID: 'alice',
    conversationIDs: ['sg_g'],
    returnPinned: true,
  }),
  '/msg/mark_conversation_as_read': () => ({
    userID: 'alice',
    conversationID: 'si_alice_bob',
    hasReadSeq: 1,
    seqs: [1],
  }),
  '/msg/mark_msgs_as_read': () => ({ userID: 'alice', conversationID: 'si_alice_bob', seqs: [1] }),
  '/msg/set_conversation_has_read_seq': () => ({
    userID: 'alice',
    conversationID: 'si_alice_bob',
    hasReadSeq: 1,
    noNotification: false,
  }),
  '/msg/revoke_msg': async (world) => ({
    userID: 'alice',
    conversationID: 'sg_g',
    seq: await sentBy(world, 'alice', { groupID: 'g' }),
  }),
  '/msg/delete_msgs': async (world) => ({
    userID: 'alice',
    conversationID: 'si_alice_bob',
    seqs: [await sentBy(world, 'alice', { userID: 'bob' })],
    deleteSyncOpt: { IsSyncSelf: true, IsSyncOther: true },
  }),
  '/msg/clear_conversation_msg': () => ({
    userID: 'alice',
    conversationIDs: ['sg_g'],
    deleteSyncOpt: { IsSyncSelf: true, IsSyncOther: false },
  }),
  '/msg/user_clear_all_msg': () => ({ userID: 'alice', deleteSyncOpt: { IsSyncSelf: true, IsSyncOther: false } }),
  '/msg/delete_msg_phsical_by_seq': () => ({ conversationID: 'si_alice_bob', seqs: [1] }),
  '/msg/delete_msg_physical': () => ({ conversationIDs: ['si_alice_bob'], timestamp: 1 }),
  '/msg/batch_send_msg': () => ({
    recvIDs: ['bob', 'carol'],
    isSendAll: false,
    sendID: 'alice',
    ...text,
  }),
  '/msg/send_business_notification': () => ({
    key: 'k',
    data: 'd',
    sendUserID: 'alice',
    recvUserID: 'bob',
    recvGroupID: '',
    sendMsg: false,
    reliabilityLevel: 2,
  }),
  '/user/set_global_msg_recv_opt': () => ({ userID: 'alice', globalRecvMsgOpt: 0 }),
  '/conversation/set_conversations': () => ({
    userIDs: ['alice'],
    conversation: {
      conversationID: 'si_alice_bob',
      conversationType: 1,
      userID: 'bob',
      groupID: '',
      recvMsgOpt: 2,
      isPinned: true,
      isPrivateChat: false,
      attachedInfo: 'a',
      ex: 'e',
      burnDuration: 30,
      groupAtType: 0,
    },
  }),
  '/conversation/update_conversations_by_user': () => ({ userID: 'alice', ex: 'e' }),
  '/conversation/delete_conversations': async (world) => {
    await world.send('bob', { userID: 'alice' })
    return { ownerUserID: 'alice', conversationIDs: ['si_alice_bob'] }
  },
  '/user/get_users': () => ({ userID: '', pagination: { pageNumber: 1, showNumber: 10 } }),
  '/user/get_all_users_uid': () => ({ pagination: { pageNumber: 1, showNumber: 10 } }),
  '/user/get_users_online_status': () => ({ userIDs: ['alice'] }),
  '/msg/get_server_time': () => ({}),
  '/object/part_limit': () => ({}),
  '/object/part_size': () => ({ size: 10 }),
  '/object/initiate_multipart_upload': () => ({
    ...upload,
    hash: '0'.repeat(32),
    size: 10,
    partSize: 1_000,
    maxParts: -1,
  }),
  '/object/auth_sign': async (world) => ({ uploadID: await begunUpload(world), partNumbers: [1] }),
  '/object/complete_multipart_upload': async (world) => ({
    ...upload,
    uploadID: await begunUpload(world),
    parts: [md5('0123456789')],
  }),
  '/object/access_url': async (world) => {
    const object = await world.uploads.complete(world.caller('alice'), await begunUpload(world), [md5('0123456789')])
    return { name: publicName(object), query: {} }
  },
  '/object/initiate_form_data': () => ({
    name: 'alice/file.txt',
    size: 10,
    contentType: 'text/plain',
    group: 'g',
    millisecond: 1,
    absolute: true,
  }),
  '/object/complete_form_data': async (world) => ({ id: await begunUpload(world) }),
}

const upload = { cause: 'c', name: 'alice/file.txt', contentType: 'text/plain' }
const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

/** An upload of alice with all its bytes. */
async function begunUpload(world: ImWorld): Promise<string> {
  const { uploads } = world
  const { uploadID } = await uploads.initiateForm(world.caller('alice'), { ...upload, size: 10 })
  await uploads.receive(uploadID, 1, 10, Readable.from([Buffer.from('0123456789')]))
  return uploadID
}

const befriend = (world: ImWorld): Promise<void> =>
  world.friendships.import(world.caller(adminUserID), 'alice', ['carol'])
/** The number of a message that was just sent. */
async function sentBy(
  world: ImWorld,
  sendID: string,
  to: { readonly userID: string } | { readonly groupID: string },
): Promise<number> {
  await world.send(sendID, to)
  const stream = 'groupID' in to ? groupAddress(to.groupID).stream : singleAddress(sendID, to.userID).stream
  const [head] = await world.repositories.messages.heads([stream])
  return head!.head
}

/** Makes what the samples speak of: alice, bob and carol, group g of alice and bob, group `asked` of carol, and a chat of the two. */
export async function populate(world: ImWorld): Promise<void> {
  await world.register('alice', 'bob', 'carol')
  await world.group('g', 'alice', 'bob')
  await world.group('asked', 'carol')
  await world.send('bob', { userID: 'alice' })
  await world.send('bob', { groupID: 'g' })
}
