import { randomBytes } from 'node:crypto'
import { systemClock } from '@parlance/core'
import { createBus } from '@parlance/notification-bus'
import { baseURL } from '../api/base-url.ts'
import { createHttpApi, firstOf } from '../api/http-api.ts'
import { demoRoutes } from '../api/routes/demo.ts'
import { imRoutes } from '../api/routes/index.ts'
import type { Route } from '../api/route.ts'
import { hasDemo } from '../config.ts'
import { DemoSignIn } from '../domain/demo-sign-in.ts'
import { Conversations } from '../domain/conversations.ts'
import { Friends } from '../domain/friends.ts'
import { GroupCreation } from '../domain/group-creation.ts'
import { GroupSync } from '../domain/group-sync.ts'
import { Groups } from '../domain/groups.ts'
import { Addresses } from '../domain/messages/addresses.ts'
import { ConversationRows } from '../domain/messages/conversation-rows.ts'
import { ImMessageService } from '../domain/messages/im-message-service.ts'
import { UnansweredRequests } from '../domain/messages/unanswered-requests.ts'
import { SyncingSessions } from '../domain/messages/syncing-sessions.ts'
import { MessageGate } from '../domain/messages/message-gate.ts'
import { NotificationSender } from '../domain/messages/notification-sender.ts'
import { Puller } from '../domain/messages/puller.ts'
import { Pusher } from '../domain/messages/pusher.ts'
import { ReadState } from '../domain/messages/read-state.ts'
import { Transfer } from '../domain/messages/transfer.ts'
import { MessageSender } from '../domain/messages/sender.ts'
import { Participation } from '../domain/participation.ts'
import { imRepositories } from '../domain/repositories.ts'
import { TokenIssue } from '../domain/token-issue.ts'
import { Tokens } from '../domain/tokens.ts'
import { Users } from '../domain/users.ts'
import { HostActions } from '../embedding/host-actions.ts'
import { HostLogin } from '../embedding/host-login.ts'
import { HostUsers } from '../embedding/host-users.ts'
import { createLogger } from '../logger.ts'
import { createMetrics } from '../metrics.ts'
import { loadSecrets } from '../secrets.ts'
import { createImGateway } from '../ws/gateway.ts'
import { operations } from '../ws/operations.ts'
import { SessionPresence } from '../ws/session-presence.ts'
import { makeGroupParts } from './groups.ts'
import type { Composition } from './token.ts'
import { parts } from './tokens.ts'

/** What knows OpenIM: domains, gateway and API, on whatever repositories and bus are provided. */
export function provideDomain(composition: Composition): void {
  composition
    .provide(parts.clock, () => systemClock)
    .provide(parts.logger, (c) => createLogger(c.get(parts.config).logLevel))
    .provide(parts.metrics, () => createMetrics())
    .provide(parts.secrets, (c) => {
      const { dataDir, secret, tokenKey } = c.get(parts.config)
      return loadSecrets(dataDir, secret, tokenKey)
    })
    .provide(parts.processName, () => randomBytes(9).toString('base64url'))
    .provide(parts.transfer, (c) => new Transfer(c.get(parts.repositories)))
    .provide(parts.declared, (c) => c.get(parts.backing).repositories)
    .provide(parts.bus, (c) => {
      const { log } = c.get(parts.backing)
      return createBus({ log, clock: c.get(parts.clock), logger: c.get(parts.logger), metrics: c.get(parts.metrics) })
    })
    .provide(parts.repositories, (c) => imRepositories(c.get(parts.declared)))
    .provide(
      parts.notifications,
      (c) => new NotificationSender(c.get(parts.outbox), c.get(parts.conversationRows), c.get(parts.clock)),
    )
    .provide(
      parts.tokens,
      (c) =>
        new Tokens({
          repositories: c.get(parts.repositories),
          key: Buffer.from(c.get(parts.secrets).tokenKey),
          clock: c.get(parts.clock),
        }),
    )
    .provide(
      parts.users,
      (c) =>
        new Users({
          repositories: c.get(parts.repositories),
          notifications: c.get(parts.notifications),
          clock: c.get(parts.clock),
        }),
    )
    .provide(parts.tokenIssue, (c) => {
      const { adminID } = c.get(parts.config)
      return new TokenIssue({
        tokens: c.get(parts.tokens),
        users: c.get(parts.users),
        adminUserID: adminID,
        secret: c.get(parts.secrets).adminSecret,
        clock: c.get(parts.clock),
      })
    })
    .provide(parts.friends, (c) => new Friends({ repositories: c.get(parts.repositories), users: c.get(parts.users) }))
    .provide(parts.groups, (c) => new Groups({ repositories: c.get(parts.repositories), users: c.get(parts.users) }))
    .provide(
      parts.groupSync,
      (c) => new GroupSync({ repositories: c.get(parts.repositories), groups: c.get(parts.groups) }),
    )
    .provide(
      parts.groupCreation,
      (c) =>
        new GroupCreation({
          repositories: c.get(parts.repositories),
          users: c.get(parts.users),
          notifications: c.get(parts.notifications),
          clock: c.get(parts.clock),
        }),
    )
    .provide(parts.groupParts, (c) =>
      makeGroupParts({
        repositories: c.get(parts.repositories),
        users: c.get(parts.users),
        groups: c.get(parts.groups),
        notifications: c.get(parts.notifications),
        clock: c.get(parts.clock),
      }),
    )
    .provide(parts.conversations, (c) => new Conversations({ repositories: c.get(parts.repositories) }))
    .provide(parts.addresses, (c) => new Addresses(c.get(parts.repositories)))
    .provide(parts.conversationRows, (c) => new ConversationRows(c.get(parts.repositories), c.get(parts.clock)))
    .provide(parts.unansweredRequests, (c) => new UnansweredRequests(c.get(parts.clock)))
    .provide(parts.syncingSessions, (c) => new SyncingSessions(c.get(parts.clock)))
    .provide(parts.messageGate, (c) => new MessageGate(c.get(parts.clock)))
    .provide(parts.participation, (c) => new Participation(c.get(parts.repositories)))
    .provide(
      parts.sender,
      (c) =>
        new MessageSender(
          c.get(parts.repositories),
          c.get(parts.peerRules),
          c.get(parts.conversationRows),
          c.get(parts.outbox),
          c.get(parts.bus),
          c.get(parts.clock),
          c.get(parts.messageGate),
        ),
    )
    .provide(parts.puller, (c) => new Puller(c.get(parts.repositories), c.get(parts.addresses), c.get(parts.marks)))
    .provide(
      parts.readState,
      (c) => new ReadState(c.get(parts.repositories), c.get(parts.addresses), c.get(parts.notifications)),
    )
    .provide(
      parts.messages,
      (c) => new ImMessageService(c.get(parts.sender), c.get(parts.puller), c.get(parts.readState)),
    )
    .provide(parts.gateway, (c) => {
      const gateway = createImGateway({
        tokens: c.get(parts.tokens),
        clock: c.get(parts.clock),
        logger: c.get(parts.logger),
        metrics: c.get(parts.metrics),
        limits: c.get(parts.gatewayLimits),
        syncingSessions: c.get(parts.syncingSessions),
        node: c.get(parts.processName),
        cluster: c.get(parts.cluster).of,
      })
      gateway.serve(
        operations({
          sender: c.get(parts.sender),
          puller: c.get(parts.puller),
          toldHeads: c.get(parts.toldHeads),
          syncingSessions: c.get(parts.syncingSessions),
          gateway,
          adminID: c.get(parts.config).adminID,
        }),
      )
      return gateway
    })
    .provide(
      parts.pusher,
      (c) =>
        new Pusher(
          c.get(parts.repositories),
          c.get(parts.delivery),
          c.get(parts.admission),
          c.get(parts.unansweredRequests),
          c.get(parts.logger),
        ),
    )
    .provide(parts.presence, (c) => new SessionPresence(c.get(parts.sessions)))
    .provide(parts.hostUsers, (c) => new HostUsers(c.get(parts.users), c.get(parts.config).adminID))
    .provide(parts.hostLogin, (c) => {
      const { authenticate } = c.get(parts.host)
      if (authenticate === undefined) return { login: undefined }
      const login = new HostLogin({
        authenticate,
        hostUsers: c.get(parts.hostUsers),
        tokenIssue: c.get(parts.tokenIssue),
        adminUserID: c.get(parts.config).adminID,
        clock: c.get(parts.clock),
        logger: c.get(parts.logger),
      })
      return { login }
    })
    .provide(
      parts.hostActions,
      (c) =>
        new HostActions({
          repositories: c.get(parts.repositories),
          hostUsers: c.get(parts.hostUsers),
          messages: c.get(parts.messages),
          notifications: c.get(parts.notifications),
          participation: c.get(parts.participation),
          adminUserID: c.get(parts.config).adminID,
          clock: c.get(parts.clock),
        }),
    )
    .provide(parts.api, (c) => {
      const api = createHttpApi({
        routes: imRoutes({
          tokens: c.get(parts.tokens),
          tokenIssue: c.get(parts.tokenIssue),
          users: c.get(parts.users),
          userDirectory: c.get(parts.userDirectory),
          friends: c.get(parts.friends),
          friendships: c.get(parts.friendships),
          friendRequests: c.get(parts.friendRequests),
          friendRequestLists: c.get(parts.friendRequestLists),
          blacklist: c.get(parts.blacklist),
          groups: c.get(parts.groups),
          groupCreation: c.get(parts.groupCreation),
          groupSync: c.get(parts.groupSync),
          ...c.get(parts.groupParts),
          conversations: c.get(parts.conversations),
          messages: c.get(parts.messages),
          reader: c.get(parts.messages),
          removals: c.get(parts.removals),
          conversationSettings: c.get(parts.conversationSettings),
          notifications: c.get(parts.notifications),
          presence: c.get(parts.presence),
          objects: c.get(parts.objects),
          uploads: c.get(parts.uploads),
          baseOf: (visitor) => baseURL(c.get(parts.config).publicURL, visitor),
          clock: c.get(parts.clock),
          hostLogin: c.get(parts.hostLogin).login,
          addressesFor: c.get(parts.host).addressesFor,
        }).concat(demoRoutesOf(c), c.get(parts.extensions).routes),
        tokens: c.get(parts.tokens),
        isAdmin: (userID) => userID === c.get(parts.config).adminID,
        unanswered: c.get(parts.unansweredRequests),
        logger: c.get(parts.logger),
        metrics: c.get(parts.metrics),
        clock: c.get(parts.clock),
      })
      return firstOf(api, c.get(parts.objectTransfer))
    })
}

function demoRoutesOf(c: Composition): readonly Route[] {
  if (!hasDemo(c.get(parts.config))) return []
  const demo = new DemoSignIn({
    repositories: c.get(parts.repositories),
    tokenIssue: c.get(parts.tokenIssue),
    clock: c.get(parts.clock),
  })
  return demoRoutes({ demo, wsPort: () => c.get(parts.bound).wsPort })
}
