import { createEmbeddedRepositories } from '@parlance/cached-repository/embedded'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { noMetrics, silentLogger } from '@parlance/core'
import { createBus } from '@parlance/notification-bus'
import { temporaryFolder, VirtualClock } from '@parlance/testing'
import { join } from 'node:path'
import { baseURL } from '../../src/api/base-url.ts'
import { createHttpApi, firstOf } from '../../src/api/http-api.ts'
import type { Route } from '../../src/api/route.ts'
import { imRoutes } from '../../src/api/routes/index.ts'
import { type GroupParts, makeGroupParts } from '../../src/composition/groups.ts'
import type { Caller } from '../../src/domain/caller.ts'
import { Blacklist } from '../../src/domain/blacklist.ts'
import { ConversationSettings } from '../../src/domain/conversation-settings.ts'
import { ConversationWrites } from '../../src/domain/conversation-writes.ts'
import { Conversations } from '../../src/domain/conversations.ts'
import { FriendRequestLists } from '../../src/domain/friend-request-lists.ts'
import { FriendRequests } from '../../src/domain/friend-requests.ts'
import { Friends } from '../../src/domain/friends.ts'
import { Friendships } from '../../src/domain/friendships.ts'
import { GroupCreation } from '../../src/domain/group-creation.ts'
import { GroupSync } from '../../src/domain/group-sync.ts'
import { Groups } from '../../src/domain/groups.ts'
import { Addresses } from '../../src/domain/messages/addresses.ts'
import { ConversationRows } from '../../src/domain/messages/conversation-rows.ts'
import { ImMessageService } from '../../src/domain/messages/im-message-service.ts'
import { Marks } from '../../src/domain/messages/marks.ts'
import { Mentions } from '../../src/domain/messages/mentions.ts'
import { StoringOutbox } from '../../src/domain/messages/outbox.ts'
import { PeerRules } from '../../src/domain/messages/peer-rules.ts'
import { Puller } from '../../src/domain/messages/puller.ts'
import { PushBacklog } from '../../src/domain/messages/push-backlog.ts'
import { ReadState } from '../../src/domain/messages/read-state.ts'
import { Removals } from '../../src/domain/messages/removals.ts'
import { MessageSender } from '../../src/domain/messages/sender.ts'
import type { Notification, Notifications } from '../../src/domain/notifications.ts'
import type { Presence } from '../../src/domain/presence.ts'
import { RelationNotices } from '../../src/domain/relation-notices.ts'
import { imRepositories, type ImRepositories } from '../../src/domain/repositories.ts'
import { TokenIssue } from '../../src/domain/token-issue.ts'
import { Tokens } from '../../src/domain/tokens.ts'
import { UserDirectory } from '../../src/domain/user-directory.ts'
import { Users } from '../../src/domain/users.ts'
import { HostLogin } from '../../src/embedding/host-login.ts'
import { HostUsers } from '../../src/embedding/host-users.ts'
import { ServedApi } from './http-call.ts'
import { type ObjectWorld, objectWorld, type ObjectWorldLimits } from './object-world.ts'

/** The secret of every world. */
export const secret = 'a secret for tests only'

/** The administrator of every world. */
export const adminUserID = 'imAdmin'

/** Who is signed in to the program that embeds the world. */
export const hostUserID = 'erin'

const tokenKey = Buffer.alloc(32, 7)

/** Domains and API on the embedded store, without sockets for messages: what is told to clients is recorded. */
export interface ImWorld extends GroupParts, Omit<ObjectWorld, 'transfer'> {
  readonly clock: VirtualClock
  readonly repositories: ImRepositories
  readonly tokens: Tokens
  readonly tokenIssue: TokenIssue
  readonly users: Users
  readonly friends: Friends
  readonly friendships: Friendships
  readonly friendRequests: FriendRequests
  readonly friendRequestLists: FriendRequestLists
  readonly blacklist: Blacklist
  readonly groups: Groups
  readonly groupCreation: GroupCreation
  readonly groupSync: GroupSync
  readonly conversations: Conversations
  readonly messages: ImMessageService
  readonly removals: Removals
  readonly conversationSettings: ConversationSettings
  readonly conversationWrites: ConversationWrites
  readonly presence: Presence
  readonly mentions: Mentions
  readonly userDirectory: UserDirectory
  readonly routes: readonly Route[]
  readonly api: ServedApi
  /** Every notification, in the order sent. */
  readonly told: Notification[]
  /** Platforms of users who are online. */
  readonly online: Map<string, number[]>
  caller(userID: string): Caller
  register(...userIDs: string[]): Promise<void>
  /** Creates a group through the domain; the first user owns it. */
  group(groupID: string, ...userIDs: string[]): Promise<void>
  /** Sends one text, to a user or to a group. */
  send(sendID: string, to: { readonly userID: string } | { readonly groupID: string }, text?: string): Promise<void>
  /** A token: the administrator's for the administrator. */
  token(userID: string, platformID?: number): Promise<string>
  /** Everything anew on the same data, as after a restart. */
  reopen(): Promise<ImWorld>
  close(): Promise<void>
}

/** Opens a world on an empty folder. */
export async function imWorld(
  folder = temporaryFolder(),
  clock = new VirtualClock(),
  limits: ObjectWorldLimits = {},
): Promise<ImWorld> {
  const engine = SqliteEngine.open({ path: join(folder.path, 'parlance.db') })
  const { repositories: declared, log } = createEmbeddedRepositories({ engine })
  const bus = createBus({ log })
  const repositories = imRepositories(declared)
  const told: Notification[] = []
  const notifications: Notifications = { send: async (notification) => void told.push(notification) }
  const online = new Map<string, number[]>()
  const presence = {
    onlinePlatforms: async (userIDs: readonly string[]) =>
      new Map(userIDs.map((userID) => [userID, online.get(userID) ?? []])),
  }
  const tokens = new Tokens({ repositories, key: tokenKey, clock })
  const users = new Users({ repositories, notifications, clock })
  const friends = new Friends({ repositories, users })
  const notices = new RelationNotices({ repositories, users, notifications, clock })
  const relations = { repositories, users, notices, clock }
  const friendships = new Friendships(relations)
  const friendRequests = new FriendRequests(relations)
  const friendRequestLists = new FriendRequestLists({ repositories, users })
  const blacklist = new Blacklist(relations)
  const groups = new Groups({ repositories, users })
  const groupCreation = new GroupCreation({ repositories, users, notifications, clock })
  const groupSync = new GroupSync({ repositories, groups })
  const groupParts = makeGroupParts({ repositories, users, groups, notifications, clock })
  await groupParts.groupDismissal.follow(bus)
  const conversations = new Conversations({ repositories })
  const tokenIssue = new TokenIssue({ tokens, users, adminUserID, secret, clock })
  const addresses = new Addresses(repositories)
  const marks = new Marks(repositories)
  const outbox = new StoringOutbox(repositories, bus, new PushBacklog(10_000, noMetrics))
  const peers = new PeerRules({ repositories, friendVerify: false })
  const rows = new ConversationRows(repositories, clock)
  const sender = new MessageSender(repositories, peers, rows, outbox, bus, clock)
  const messages = new ImMessageService(
    sender,
    new Puller(repositories, addresses, marks),
    new ReadState(repositories, addresses, notifications),
  )
  const conversationWrites = new ConversationWrites(repositories)
  const removals = new Removals({ repositories, addresses, marks, conversationWrites, notifications, clock })
  const userDirectory = new UserDirectory(repositories)
  const conversationSettings = new ConversationSettings({
    repositories,
    conversationWrites,
    users,
    peerRules: peers,
    notifications,
    clock,
  })
  const mentions = new Mentions({ repositories, conversationWrites, notifications, presence })
  const isAdmin = (userID: string): boolean => userID === adminUserID
  const { transfer, ...files } = objectWorld(repositories, folder.path, clock, limits)
  const parts = {
    ...files,
    tokens,
    tokenIssue,
    users,
    friends,
    friendships,
    friendRequests,
    friendRequestLists,
    blacklist,
    groups,
    groupCreation,
    groupSync,
    ...groupParts,
    conversations,
    messages,
    removals,
    conversationSettings,
    userDirectory,
    conversationWrites,
    notifications,
    mentions,
    presence,
    clock,
  }
  const hostLogin = new HostLogin({
    authenticate: () => hostUserID,
    hostUsers: new HostUsers(users, adminUserID),
    tokenIssue,
    adminUserID,
    clock,
    logger: silentLogger,
  })
  const addressesFor = () => ({ apiAddr: 'http://x', wsAddr: 'ws://x' })
  const routes = imRoutes({
    ...parts,
    reader: messages,
    hostLogin,
    addressesFor,
    baseOf: (visitor) => baseURL(undefined, visitor),
  })
  const api = await ServedApi.start(firstOf(createHttpApi({ routes, tokens, isAdmin }), transfer))
  await users.ensureAdmin(adminUserID)

  const stop = async (): Promise<void> => {
    await api.stop()
    await bus.stop()
    declared.close()
    await engine.close()
  }
  const caller = (userID: string): Caller => ({
    userID,
    platformID: 5,
    isAdmin: isAdmin(userID),
    operationID: `op of ${userID}`,
  })
  let sent = 0
  return {
    ...parts,
    repositories,
    routes,
    api,
    told,
    online,
    caller,
    async register(...userIDs) {
      await users.register(
        userIDs.map((userID) => ({
          userID,
          nickname: `name of ${userID}`,
          faceURL: `face of ${userID}`,
          ex: '',
          appMangerLevel: 0,
          globalRecvMsgOpt: 0,
        })),
      )
    },
    async group(groupID, ownerUserID = '', ...memberUserIDs) {
      await groupCreation.create(
        caller(ownerUserID),
        { ...draft, groupID },
        { ownerUserID, memberUserIDs, adminUserIDs: [] },
      )
    },
    async send(sendID, to, text = 'hello') {
      await messages.send(caller(sendID), {
        sendID,
        recvID: 'userID' in to ? to.userID : '',
        groupID: 'groupID' in to ? to.groupID : '',
        clientMsgID: `message ${sent++}`,
        serverMsgID: '',
        senderPlatformID: 5,
        senderNickname: '',
        senderFaceURL: '',
        sessionType: 'userID' in to ? 1 : 3,
        msgFrom: 100,
        contentType: 101,
        content: Buffer.from(JSON.stringify({ content: text })),
        seq: 0,
        sendTime: 0,
        createTime: clock.now(),
        status: 1,
        isRead: false,
        options: {},
        offlinePushInfo: undefined,
        atUserIDList: [],
        attachedInfo: '',
        ex: '',
      })
      await clock.advance(1)
    },
    token: async (userID, platformID = 5) =>
      (isAdmin(userID)
        ? await tokenIssue.forAdmin(userID, secret, 'here')
        : await tokenIssue.forUser(userID, platformID)
      ).token,
    async reopen() {
      await stop()
      return imWorld(folder, clock, limits)
    },
    async close() {
      await stop()
      folder.remove()
    },
  }
}

/** A group of which only the type is said. */
export const draft = {
  groupID: '',
  groupName: 'a group',
  notification: '',
  introduction: '',
  faceURL: '',
  ex: '',
  groupType: 2,
  needVerification: 0,
  lookMemberInfo: 0,
  applyMemberFriend: 0,
}
