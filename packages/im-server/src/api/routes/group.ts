import { z } from 'zod'
import type { GroupCreation } from '../../domain/group-creation.ts'
import type { GroupSync, IncrementalMembers } from '../../domain/group-sync.ts'
import type { Groups } from '../../domain/groups.ts'
import { anyUser, memberOrAdmin, selfOrAdmin } from '../access.ts'
import {
  id,
  idHash,
  ids,
  knownVersion,
  maxIDsPerRequest,
  optionalID,
  optionalIDs,
  optionalInt,
  pagination,
  text,
} from '../fields.ts'
import { route, type Route } from '../route.ts'

/** What the routes of groups stand on. */
export interface GroupRoutesOptions {
  readonly groups: Groups
  readonly groupCreation: GroupCreation
  readonly groupSync: GroupSync
}

const draft = z.object(
  {
    groupID: optionalID,
    groupName: text(256),
    notification: text(4096),
    introduction: text(4096),
    faceURL: text(1024),
    ex: text(4096),
    groupType: optionalInt(0, 2),
    needVerification: optionalInt(0, 2),
    lookMemberInfo: optionalInt(0, 1),
    applyMemberFriend: optionalInt(0, 1),
  },
  'must be an object',
)

/** Creating groups, reading them and their members, and what changed in them. */
export function groupRoutes({ groups, groupCreation, groupSync }: GroupRoutesOptions): readonly Route[] {
  const membersOnly = memberOrAdmin(groups.isMember, ({ groupID }: { groupID: string }) => groupID)
  return [
    route(
      '/group/create_group',
      z.object({ ownerUserID: id, adminUserIDs: optionalIDs, memberUserIDs: optionalIDs, groupInfo: draft }),
      {
        access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
        handle: async (caller, { groupInfo, ...first }) => ({
          groupInfo: await groupCreation.create(caller, groupInfo, first),
        }),
      },
    ),
    route('/group/get_groups_info', z.object({ groupIDs: ids }), {
      access: anyUser,
      handle: async (_caller, { groupIDs }) => ({ groupInfos: await groups.infos(groupIDs) }),
    }),
    route('/group/get_group_members_info', z.object({ groupID: id, userIDs: ids }), {
      // The JS SDK asks before it shows any history, also that of a group which its user left: nobody is told of then.
      access: memberOrAdmin(
        async (groupID, userID) => (await groups.isMember(groupID, userID)) || groups.hasLeft(groupID, userID),
        ({ groupID }) => groupID,
      ),
      handle: async ({ userID, isAdmin }, { groupID, userIDs }) => ({
        members: !isAdmin && (await groups.hasLeft(groupID, userID)) ? [] : await groups.members(groupID, userIDs),
      }),
    }),
    route(
      '/group/get_group_member_list',
      z.object({
        groupID: id,
        filter: z
          .literal([0, 1, 2, 3, 4, 5], 'must be a whole number from 0 to 5')
          .nullish()
          .transform((value) => value ?? 0),
        keyword: text(256),
        pagination,
      }),
      {
        access: membersOnly,
        handle: (_caller, body) => groups.memberPage(body.groupID, body, body.pagination),
      },
    ),
    route('/group/get_group_member_user_id', z.object({ groupID: id }), {
      access: membersOnly,
      handle: async (_caller, { groupID }) => ({ userIDs: await groups.memberIDs(groupID) }),
    }),
    route('/group/get_joined_group_list', z.object({ fromUserID: id, pagination }), {
      access: selfOrAdmin(({ fromUserID }) => fromUserID),
      handle: (_caller, body) => groups.joinedPage(body.fromUserID, body.pagination),
    }),
    route('/group/get_incremental_join_groups', z.object({ userID: id, ...knownVersion }), {
      access: selfOrAdmin(({ userID }) => userID),
      handle: async (_caller, { userID, ...known }) => ({ ...(await groupSync.joined(userID, known)), sortVersion: 0 }),
    }),
    route('/group/get_full_join_group_ids', z.object({ userID: id, idHash }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(_caller, body) {
        const { ids: groupIDs, ...list } = await groupSync.joinedIDs(body.userID, body.idHash)
        return { ...list, groupIDs }
      },
    }),
    route('/group/get_incremental_group_members', z.object({ groupID: id, ...knownVersion }), {
      access: membersOnly,
      handle: async (_caller, known) => memberDelta(await groupSync.members(known)),
    }),
    route(
      '/group/get_incremental_group_members_batch',
      z.object({
        userID: id,
        reqList: z
          .array(z.object({ groupID: id, ...knownVersion }, 'must be an object'), 'must be a list')
          .max(maxIDsPerRequest, `must name at most ${maxIDsPerRequest}`)
          .nullish()
          .transform((value) => value ?? []),
      }),
      {
        access: selfOrAdmin(({ userID }) => userID),
        async handle(_caller, { userID, reqList }) {
          const answers = await groupSync.membersOfMany(userID, reqList)
          return {
            respList: Object.fromEntries([...answers].map(([groupID, answer]) => [groupID, memberDelta(answer)])),
          }
        },
      },
    ),
    route('/group/get_full_group_member_user_ids', z.object({ groupID: id, idHash }), {
      access: membersOnly,
      async handle(_caller, body) {
        const { ids: userIDs, ...list } = await groupSync.memberIDs(body.groupID, body.idHash)
        return { ...list, userIDs }
      },
    }),
  ]
}

/** An empty list is `null` here, as in the reference: the JS SDK looks into the first element of any list that is there. */
function memberDelta(answer: IncrementalMembers): object {
  const orNull = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list)
  const { insert, update } = answer
  return { ...answer, delete: orNull(answer.delete), insert: orNull(insert), update: orNull(update), sortVersion: 0 }
}
