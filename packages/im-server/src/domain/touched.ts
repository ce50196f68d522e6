import { touchedRows } from '@parlance/cached-repository'
import type { Friend } from '../entities/friend.ts'
import type { GroupMember } from '../entities/group-member.ts'
import type { User } from '../entities/user.ts'

/** Whose lists of friends show a user's new name or face. */
export const touchedFriends = touchedRows<Pick<User, 'userID'>, Pick<Friend, 'ownerUserID' | 'friendUserID'>>(
  'friend.profile',
)

/** Which groups' lists of members show a user's new name or face. */
export const touchedMembers = touchedRows<Pick<User, 'userID'>, Pick<GroupMember, 'groupID' | 'userID'>>(
  'group-member.profile',
)

/** What stands for the group's own card among the changes of its members: the official core counts both by one version. */
export const groupItself = ''
