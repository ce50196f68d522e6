import type { Clock } from '@parlance/core'
import { GroupDirectory } from '../domain/group-directory.ts'
import { GroupDismissal } from '../domain/group-dismissal.ts'
import { GroupMembership } from '../domain/group-membership.ts'
import { GroupRequestLists } from '../domain/group-request-lists.ts'
import { GroupRequests } from '../domain/group-requests.ts'
import { GroupRoles } from '../domain/group-roles.ts'
import { GroupSettings } from '../domain/group-settings.ts'
import { GroupState } from '../domain/group-state.ts'
import { GroupTips } from '../domain/group-tips.ts'
import type { Groups } from '../domain/groups.ts'
import { MembershipWrites } from '../domain/membership-writes.ts'
import type { Notifications } from '../domain/notifications.ts'
import type { ImRepositories } from '../domain/repositories.ts'
import type { Users } from '../domain/users.ts'

/** What the rules of groups stand on. */
export interface GroupPartsOptions {
  readonly repositories: ImRepositories
  readonly users: Users
  readonly groups: Groups
  readonly notifications: Notifications
  readonly clock: Clock
}

/** Everything that changes groups, put together. */
export interface GroupParts {
  readonly groupMembership: GroupMembership
  readonly groupRequests: GroupRequests
  readonly groupRequestLists: GroupRequestLists
  readonly groupRoles: GroupRoles
  readonly groupSettings: GroupSettings
  readonly groupDismissal: GroupDismissal
  readonly groupDirectory: GroupDirectory
}

/** Puts the rules of groups together. */
export function makeGroupParts(options: GroupPartsOptions): GroupParts {
  const { repositories, clock } = options
  const state = new GroupState(repositories)
  const writes = new MembershipWrites(repositories, clock)
  const tips = new GroupTips(options)
  const shared = { ...options, state, writes, tips }
  const groupRequests = new GroupRequests(shared)
  return {
    groupMembership: new GroupMembership({ ...shared, requests: groupRequests }),
    groupRequests,
    groupRequestLists: new GroupRequestLists(shared),
    groupRoles: new GroupRoles(shared),
    groupSettings: new GroupSettings(shared),
    groupDismissal: new GroupDismissal(shared),
    groupDirectory: new GroupDirectory(shared),
  }
}
