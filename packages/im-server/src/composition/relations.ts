import { Blacklist } from '../domain/blacklist.ts'
import { FriendRequestLists } from '../domain/friend-request-lists.ts'
import { FriendRequests } from '../domain/friend-requests.ts'
import { Friendships } from '../domain/friendships.ts'
import { PeerRules } from '../domain/messages/peer-rules.ts'
import { ProfileNews } from '../domain/profile-news.ts'
import { RelationNotices } from '../domain/relation-notices.ts'
import type { Composition } from './token.ts'
import { parts } from './tokens.ts'

/** Friends, requests to become friends and black lists. */
export function provideRelations(composition: Composition): void {
  composition
    .provide(
      parts.relationNotices,
      (c) =>
        new RelationNotices({
          repositories: c.get(parts.repositories),
          users: c.get(parts.users),
          notifications: c.get(parts.notifications),
          clock: c.get(parts.clock),
        }),
    )
    .provide(parts.friendships, (c) => new Friendships(relationParts(c)))
    .provide(parts.friendRequests, (c) => new FriendRequests(relationParts(c)))
    .provide(parts.blacklist, (c) => new Blacklist(relationParts(c)))
    .provide(
      parts.friendRequestLists,
      (c) => new FriendRequestLists({ repositories: c.get(parts.repositories), users: c.get(parts.users) }),
    )
    .provide(
      parts.profileNews,
      (c) =>
        new ProfileNews({
          repositories: c.get(parts.repositories),
          users: c.get(parts.users),
          groups: c.get(parts.groups),
          notifications: c.get(parts.notifications),
          clock: c.get(parts.clock),
        }),
    )
    .provide(
      parts.peerRules,
      (c) =>
        new PeerRules({
          repositories: c.get(parts.repositories),
          friendVerify: c.get(parts.config).friendVerify,
        }),
    )
}

/** What every rule about relations stands on. */
const relationParts = (c: Composition) => ({
  repositories: c.get(parts.repositories),
  users: c.get(parts.users),
  notices: c.get(parts.relationNotices),
  clock: c.get(parts.clock),
})
