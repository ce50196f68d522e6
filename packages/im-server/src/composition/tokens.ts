import type { Clock, Logger } from '@parlance/core'
import type { Repositories } from '@parlance/cached-repository'
import type { SqliteEngine } from '@parlance/engines/sqlite'
import type { Gateway, GatewayLimits, SessionControl } from '@parlance/gateway'
import type { Bus } from '@parlance/notification-bus'
import type { FrameReply, FrameRequest } from '@parlance/openim-protocol'
import type { HttpApi } from '../api/http-api.ts'
import type { Config } from '../config.ts'
import type { Blacklist } from '../domain/blacklist.ts'
import type { ConversationSettings } from '../domain/conversation-settings.ts'
import type { ConversationWrites } from '../domain/conversation-writes.ts'
import type { Conversations } from '../domain/conversations.ts'
import type { FriendRequestLists } from '../domain/friend-request-lists.ts'
import type { FriendRequests } from '../domain/friend-requests.ts'
import type { Friends } from '../domain/friends.ts'
import type { Friendships } from '../domain/friendships.ts'
import type { GroupCreation } from '../domain/group-creation.ts'
import type { GroupSync } from '../domain/group-sync.ts'
import type { TokenIssue } from '../domain/token-issue.ts'
import type { Groups } from '../domain/groups.ts'
import type { Addresses } from '../domain/messages/addresses.ts'
import type { ConversationRows } from '../domain/messages/conversation-rows.ts'
import type { ImMessageService } from '../domain/messages/im-message-service.ts'
import type { Marks } from '../domain/messages/marks.ts'
import type { MessageGate } from '../domain/messages/message-gate.ts'
import type { Mentions } from '../domain/messages/mentions.ts'
import type { Outbox } from '../domain/messages/outbox.ts'
import type { PeerRules } from '../domain/messages/peer-rules.ts'
import type { Puller } from '../domain/messages/puller.ts'
import type { Delivery } from '../domain/messages/delivery.ts'
import type { Admission } from '../domain/messages/push-backlog.ts'
import type { ToldHeads } from '../domain/messages/told-heads.ts'
import type { Pusher } from '../domain/messages/pusher.ts'
import type { ReadState } from '../domain/messages/read-state.ts'
import type { Removals } from '../domain/messages/removals.ts'
import type { SyncingSessions } from '../domain/messages/syncing-sessions.ts'
import type { UnansweredRequests } from '../domain/messages/unanswered-requests.ts'
import type { MessageSender } from '../domain/messages/sender.ts'
import type { ProfileNews } from '../domain/profile-news.ts'
import type { Objects } from '../domain/objects/objects.ts'
import type { ObjectStorage } from '../domain/objects/object-storage.ts'
import type { SignedPaths } from '../domain/objects/signed-paths.ts'
import type { Transfer } from '../domain/messages/transfer.ts'
import type { Uploads } from '../domain/objects/uploads.ts'
import type { Presence } from '../domain/presence.ts'
import type { Notifications } from '../domain/notifications.ts'
import type { RelationNotices } from '../domain/relation-notices.ts'
import type { Participation } from '../domain/participation.ts'
import type { ImRepositories } from '../domain/repositories.ts'
import type { Tokens } from '../domain/tokens.ts'
import type { UserDirectory } from '../domain/user-directory.ts'
import type { Users } from '../domain/users.ts'
import type { HostActions } from '../embedding/host-actions.ts'
import type { HostLogin } from '../embedding/host-login.ts'
import type { HostUsers } from '../embedding/host-users.ts'
import type { Authenticate } from '../embedding/identity.ts'
import type { AddressesFor } from '../api/routes/session.ts'
import type { InstalledExtensions } from '../extension/install.ts'
import type { PrometheusMetrics } from '../metrics.ts'
import type { Secrets } from '../secrets.ts'
import type { Backing, Cluster } from './backing.ts'
import type { GroupParts } from './groups.ts'
import { token } from './token.ts'

/** The gateway with OpenIM's frames. */
export type ImGateway = Gateway<FrameRequest, FrameReply>

/** Where the server listens; what was asked for until then. */
export interface BoundPorts {
  apiPort?: number
  wsPort: number
}

/** For tests: switches that break one thing, to prove that a suite notices. */
export interface Faults {
  readonly engine?: { beforeCommit?(): void }
  readonly repositories?: { skipInvalidation?(entity: string, view: string): boolean }
}

/** What the program that embeds the server gives it. */
export interface Host {
  readonly authenticate: Authenticate | undefined
  readonly addressesFor: AddressesFor
}

/** Every part of the server, by name. */
export const parts = {
  config: token<Config>('config'),
  clock: token<Clock>('clock'),
  logger: token<Logger>('logger'),
  metrics: token<PrometheusMetrics>('metrics'),
  secrets: token<Secrets>('secrets'),
  engine: token<SqliteEngine>('engine'),
  backing: token<Backing>('backing'),
  bus: token<Bus>('bus'),
  declared: token<Repositories>('declared'),
  repositories: token<ImRepositories>('repositories'),
  notifications: token<Notifications>('notifications'),
  tokens: token<Tokens>('tokens'),
  userDirectory: token<UserDirectory>('userDirectory'),
  users: token<Users>('users'),
  friends: token<Friends>('friends'),
  friendships: token<Friendships>('friendships'),
  friendRequests: token<FriendRequests>('friendRequests'),
  friendRequestLists: token<FriendRequestLists>('friendRequestLists'),
  blacklist: token<Blacklist>('blacklist'),
  relationNotices: token<RelationNotices>('relationNotices'),
  peerRules: token<PeerRules>('peerRules'),
  groups: token<Groups>('groups'),
  groupCreation: token<GroupCreation>('groupCreation'),
  groupSync: token<GroupSync>('groupSync'),
  groupParts: token<GroupParts>('groupParts'),
  tokenIssue: token<TokenIssue>('tokenIssue'),
  conversations: token<Conversations>('conversations'),
  marks: token<Marks>('marks'),
  addresses: token<Addresses>('addresses'),
  conversationRows: token<ConversationRows>('conversationRows'),
  admission: token<Admission>('admission'),
  toldHeads: token<ToldHeads>('toldHeads'),
  delivery: token<Delivery>('delivery'),
  unansweredRequests: token<UnansweredRequests>('unansweredRequests'),
  syncingSessions: token<SyncingSessions>('syncingSessions'),
  outbox: token<Outbox>('outbox'),
  sender: token<MessageSender>('sender'),
  puller: token<Puller>('puller'),
  readState: token<ReadState>('readState'),
  messages: token<ImMessageService>('messages'),
  conversationWrites: token<ConversationWrites>('conversationWrites'),
  conversationSettings: token<ConversationSettings>('conversationSettings'),
  mentions: token<Mentions>('mentions'),
  removals: token<Removals>('removals'),
  pusher: token<Pusher>('pusher'),
  gateway: token<ImGateway>('gateway'),
  /** What is done to sessions, wherever they are. */
  sessions: token<SessionControl<FrameReply>>('sessions'),
  /** Undefined for a server that is one process. */
  cluster: token<{ readonly of: Cluster | undefined }>('cluster'),
  transfer: token<Transfer>('transfer'),
  /** Names this process among those of the server. */
  processName: token<string>('processName'),
  presence: token<Presence>('presence'),
  profileNews: token<ProfileNews>('profileNews'),
  objectStorage: token<ObjectStorage>('objectStorage'),
  signedPaths: token<SignedPaths>('signedPaths'),
  objects: token<Objects>('objects'),
  uploads: token<Uploads>('uploads'),
  api: token<HttpApi>('api'),
  host: token<Host>('host'),
  messageGate: token<MessageGate>('messageGate'),
  participation: token<Participation>('participation'),
  /** Set once they were installed. */
  extensions: token<InstalledExtensions>('extensions'),
  hostUsers: token<HostUsers>('hostUsers'),
  hostLogin: token<{ readonly login: HostLogin | undefined }>('hostLogin'),
  hostActions: token<HostActions>('hostActions'),
  objectTransfer: token<HttpApi>('objectTransfer'),
  gatewayLimits: token<GatewayLimits>('gatewayLimits'),
  pushBacklogMessages: token<number>('pushBacklogMessages'),
  bound: token<BoundPorts>('bound'),
  faults: token<Faults>('faults'),
} as const
