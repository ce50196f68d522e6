import type { Clock } from '@parlance/core'
import { ConversationOverview } from '../../domain/conversation-overview.ts'
import type { Blacklist } from '../../domain/blacklist.ts'
import type { Conversations } from '../../domain/conversations.ts'
import type { FriendRequestLists } from '../../domain/friend-request-lists.ts'
import type { FriendRequests } from '../../domain/friend-requests.ts'
import type { Friends } from '../../domain/friends.ts'
import type { Friendships } from '../../domain/friendships.ts'
import type { GroupDirectory } from '../../domain/group-directory.ts'
import type { GroupDismissal } from '../../domain/group-dismissal.ts'
import type { GroupMembership } from '../../domain/group-membership.ts'
import type { GroupRequestLists } from '../../domain/group-request-lists.ts'
import type { GroupRequests } from '../../domain/group-requests.ts'
import type { GroupRoles } from '../../domain/group-roles.ts'
import type { GroupSettings } from '../../domain/group-settings.ts'
import type { GroupCreation } from '../../domain/group-creation.ts'
import type { GroupSync } from '../../domain/group-sync.ts'
import type { Groups } from '../../domain/groups.ts'
import type { MessageReader } from '../../domain/message-reader.ts'
import type { MessageService } from '../../domain/message-service.ts'
import type { Removals } from '../../domain/messages/removals.ts'
import type { ConversationSettings } from '../../domain/conversation-settings.ts'
import type { Notifications } from '../../domain/notifications.ts'
import type { Presence } from '../../domain/presence.ts'
import type { TokenIssue } from '../../domain/token-issue.ts'
import type { Tokens } from '../../domain/tokens.ts'
import type { UserDirectory } from '../../domain/user-directory.ts'
import type { Users } from '../../domain/users.ts'
import type { HostLogin } from '../../embedding/host-login.ts'
import type { Route } from '../route.ts'
import { authRoutes } from './auth.ts'
import { blacklistRoutes } from './blacklist.ts'
import { conversationSettingRoutes } from './conversation-settings.ts'
import { conversationRoutes } from './conversation.ts'
import { friendRequestRoutes } from './friend-request.ts'
import { friendRoutes } from './friend.ts'
import { friendshipRoutes } from './friendship.ts'
import { groupChangeRoutes } from './group-changes.ts'
import { groupRequestRoutes } from './group-requests.ts'
import { groupRoutes } from './group.ts'
import { jssdkRoutes } from './jssdk.ts'
import { msgBackEndRoutes } from './msg-back-end.ts'
import { msgRemovalRoutes } from './msg-removal.ts'
import { msgRoutes } from './msg.ts'
import { type AddressesFor, sessionRoutes } from './session.ts'
import { objectRoutes, type ObjectRoutesOptions } from './object.ts'
import { userDirectoryRoutes } from './user-directory.ts'
import { userRoutes } from './user.ts'

/** What the routes of the server's own API stand on. */
export interface ImRoutesOptions extends ObjectRoutesOptions {
  readonly tokens: Tokens
  readonly tokenIssue: TokenIssue
  readonly users: Users
  readonly userDirectory: UserDirectory
  readonly friends: Friends
  readonly friendships: Friendships
  readonly friendRequests: FriendRequests
  readonly friendRequestLists: FriendRequestLists
  readonly blacklist: Blacklist
  readonly groups: Groups
  readonly groupCreation: GroupCreation
  readonly groupSync: GroupSync
  readonly groupMembership: GroupMembership
  readonly groupRequests: GroupRequests
  readonly groupRequestLists: GroupRequestLists
  readonly groupRoles: GroupRoles
  readonly groupSettings: GroupSettings
  readonly groupDismissal: GroupDismissal
  readonly groupDirectory: GroupDirectory
  readonly conversations: Conversations
  readonly messages: MessageService
  readonly reader: MessageReader
  readonly removals: Removals
  readonly conversationSettings: ConversationSettings
  readonly notifications: Notifications
  readonly presence: Presence
  readonly clock: Clock
  /** Absent when the program that embeds the server has no login of its own. */
  readonly hostLogin?: HostLogin | undefined
  readonly addressesFor: AddressesFor
}

/** Every route of the server's own API. */
export function imRoutes(options: ImRoutesOptions): readonly Route[] {
  const { hostLogin, addressesFor } = options
  return [
    ...authRoutes(options),
    ...(hostLogin === undefined ? [] : sessionRoutes({ hostLogin, addressesFor })),
    ...userRoutes(options),
    ...userDirectoryRoutes(options),
    ...friendRoutes(options),
    ...friendshipRoutes(options),
    ...friendRequestRoutes(options),
    ...blacklistRoutes(options),
    ...groupRoutes(options),
    ...groupChangeRoutes(options),
    ...groupRequestRoutes(options),
    ...conversationRoutes(options),
    ...conversationSettingRoutes(options),
    ...jssdkRoutes({ overview: new ConversationOverview(options) }),
    ...msgRoutes(options),
    ...msgRemovalRoutes(options),
    ...objectRoutes(options),
    ...msgBackEndRoutes(options),
  ]
}
