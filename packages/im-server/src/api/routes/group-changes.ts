import { joinSources, roleLevels } from '@parlance/openim-protocol'
import { z } from 'zod'
import type { GroupDirectory } from '../../domain/group-directory.ts'
import type { GroupDismissal } from '../../domain/group-dismissal.ts'
import type { GroupMembership } from '../../domain/group-membership.ts'
import type { GroupRoles } from '../../domain/group-roles.ts'
import type { GroupChange, GroupSettings } from '../../domain/group-settings.ts'
import type { Groups } from '../../domain/groups.ts'
import { adminOnly, anyUser, byGroupRole, memberOrAdmin, selfOrAdmin } from '../access.ts'
import { changedText, flag, id, ids, int, optionalInt, pagination, text } from '../fields.ts'
import { route, type Route } from '../route.ts'

/** What the routes that change groups stand on. */
export interface GroupChangeRoutesOptions {
  readonly groups: Groups
  readonly groupMembership: GroupMembership
  readonly groupRoles: GroupRoles
  readonly groupSettings: GroupSettings
  readonly groupDismissal: GroupDismissal
  readonly groupDirectory: GroupDirectory
}

const ofGroup = z.object({ groupID: id })
const ofMember = z.object({ groupID: id, userID: id })
const maxMutedSeconds = 10 * 365 * 86_400
const maxChangedMembers = 50

const changedInt = (max: number) => int(0, max).nullish()

const settings = {
  groupName: changedText(256),
  notification: changedText(4096),
  introduction: changedText(4096),
  faceURL: changedText(1024),
  ex: changedText(4096),
  needVerification: changedInt(2),
  lookMemberInfo: changedInt(1),
  applyMemberFriend: changedInt(1),
}

const memberChange = z.object(
  {
    groupID: id,
    userID: id,
    nickname: changedText(256),
    faceURL: changedText(1024),
    ex: changedText(4096),
    roleLevel: z
      .literal([roleLevels.ordinary, roleLevels.admin], 'must be 20 (ordinary) or 60 (admin); transfer makes an owner')
      .nullish(),
  },
  'must be an object',
)

/** Changing groups and who is in them; and groups in a few numbers. */
export function groupChangeRoutes(options: GroupChangeRoutesOptions): readonly Route[] {
  const { groups, groupMembership, groupRoles, groupSettings, groupDismissal, groupDirectory } = options
  return [
    route(
      '/group/join_group',
      z.object({ groupID: id, reqMessage: text(1024), joinSource: optionalInt(0, joinSources.qrCode), ex: text(4096) }),
      {
        // Who joins is the caller, whatever the body's inviterUserID says.
        access: anyUser,
        async handle(caller, { groupID, reqMessage, joinSource, ex }) {
          await groupMembership.join(caller, groupID, { reqMsg: reqMessage, joinSource, ex })
          return undefined
        },
      },
    ),
    route('/group/invite_user_to_group', z.object({ groupID: id, reason: text(1024), invitedUserIDs: ids }), {
      access: byGroupRole,
      async handle(caller, { groupID, invitedUserIDs, reason }) {
        await groupMembership.invite(caller, groupID, invitedUserIDs, reason)
        return undefined
      },
    }),
    route('/group/kick_group', z.object({ groupID: id, reason: text(1024), kickedUserIDs: ids }), {
      access: byGroupRole,
      async handle(caller, { groupID, kickedUserIDs, reason }) {
        await groupMembership.kick(caller, groupID, kickedUserIDs, reason)
        return undefined
      },
    }),
    route('/group/quit_group', ofMember, {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(caller, { groupID, userID }) {
        await groupMembership.quit(caller, groupID, userID)
        return undefined
      },
    }),
    route('/group/transfer_group', z.object({ groupID: id, oldOwnerUserID: id, newOwnerUserID: id }), {
      access: byGroupRole,
      async handle(caller, { groupID, oldOwnerUserID, newOwnerUserID }) {
        await groupRoles.transfer(caller, groupID, oldOwnerUserID, newOwnerUserID)
        return undefined
      },
    }),
    route(
      '/group/set_group_member_info',
      z.object({
        members: z
          .array(memberChange, 'must be a list')
          .min(1, 'must name at least one')
          .max(maxChangedMembers, `must name at most ${maxChangedMembers}`),
      }),
      {
        access: byGroupRole,
        async handle(caller, { members }) {
          await groupRoles.change(
            caller,
            members.map(({ groupID, userID, ...change }) => ({ groupID, userID, ...present(change) })),
          )
          return undefined
        },
      },
    ),
    route('/group/mute_group_member', z.object({ groupID: id, userID: id, mutedSeconds: int(1, maxMutedSeconds) }), {
      access: byGroupRole,
      async handle(caller, { groupID, userID, mutedSeconds }) {
        await groupRoles.mute(caller, groupID, userID, mutedSeconds)
        return undefined
      },
    }),
    route('/group/cancel_mute_group_member', ofMember, {
      access: byGroupRole,
      async handle(caller, { groupID, userID }) {
        await groupRoles.unmute(caller, groupID, userID)
        return undefined
      },
    }),
    route('/group/set_group_info', z.object({ groupInfoForSet: z.object({ groupID: id, ...settings }) }), {
      access: byGroupRole,
      async handle(caller, { groupInfoForSet: { groupID, ...change } }) {
        await groupSettings.change(caller, groupID, withoutEmpty(present(change)))
        return undefined
      },
    }),
    route('/group/set_group_info_ex', z.object({ groupID: id, ...settings }), {
      access: byGroupRole,
      async handle(caller, { groupID, ...change }) {
        await groupSettings.change(caller, groupID, present(change))
        return undefined
      },
    }),
    route('/group/mute_group', ofGroup, {
      access: byGroupRole,
      async handle(caller, { groupID }) {
        await groupSettings.setMuted(caller, groupID, true)
        return undefined
      },
    }),
    route('/group/cancel_mute_group', ofGroup, {
      access: byGroupRole,
      async handle(caller, { groupID }) {
        await groupSettings.setMuted(caller, groupID, false)
        return undefined
      },
    }),
    route('/group/dismiss_group', z.object({ groupID: id, deleteMember: flag }), {
      access: byGroupRole,
      async handle(caller, { groupID }) {
        await groupDismissal.dismiss(caller, groupID)
        return undefined
      },
    }),
    route('/group/get_groups', z.object({ groupID: text(64), groupName: text(256), pagination }), {
      access: adminOnly,
      handle: (_caller, body) => groupDirectory.page(body, body.pagination),
    }),
    route('/group/get_group_abstract_info', z.object({ groupIDs: ids }), {
      access: memberOrAdmin(groups.isMember, ({ groupIDs }: { readonly groupIDs: readonly string[] }) => groupIDs),
      handle: async (_caller, { groupIDs }) => ({ groupAbstractInfos: await groupDirectory.abstracts(groupIDs) }),
    }),
  ]
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], null | undefined> }

/** The fields that are there. */
const present = <T extends object>(change: T): Present<T> =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== null && value !== undefined)) as Present<T>

/** This older route cannot tell an empty text from an absent one: neither changes anything. */
const withoutEmpty = (change: GroupChange): GroupChange =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== '')) as GroupChange
