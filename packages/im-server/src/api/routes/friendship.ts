import { z } from 'zod'
import type { Blacklist } from '../../domain/blacklist.ts'
import type { Friends } from '../../domain/friends.ts'
import type { FriendChange, Friendships } from '../../domain/friendships.ts'
import type { Users } from '../../domain/users.ts'
import { adminOnly, selfOrAdmin } from '../access.ts'
import { changedText, id, ids, text } from '../fields.ts'
import { route, type Route } from '../route.ts'

const remarkLength = 256
const exLength = 4096

/** What the routes of friendships stand on. */
export interface FriendshipRoutesOptions {
  readonly users: Users
  readonly friends: Friends
  readonly friendships: Friendships
  readonly blacklist: Blacklist
}

/** Changing lists of friends, and looking at users in the light of one's own lists. */
export function friendshipRoutes({
  users,
  friends,
  friendships,
  blacklist,
}: FriendshipRoutesOptions): readonly Route[] {
  return [
    route('/friend/delete_friend', z.object({ ownerUserID: id, friendUserID: id }), {
      access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
      async handle(caller, { ownerUserID, friendUserID }) {
        await friendships.delete(caller, ownerUserID, friendUserID)
        return undefined
      },
    }),
    route('/friend/set_friend_remark', z.object({ ownerUserID: id, friendUserID: id, remark: text(remarkLength) }), {
      access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
      async handle(caller, { ownerUserID, friendUserID, remark }) {
        await friendships.remark(caller, ownerUserID, friendUserID, remark)
        return undefined
      },
    }),
    route(
      '/friend/update_friends',
      z.object({
        ownerUserID: id,
        friendUserIDs: ids,
        remark: changedText(remarkLength),
        isPinned: z.boolean('must be true or false').nullish(),
        ex: changedText(exLength),
      }),
      {
        access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
        async handle(caller, { ownerUserID, friendUserIDs, ...change }) {
          await friendships.update(caller, ownerUserID, friendUserIDs, given(change))
          return undefined
        },
      },
    ),
    route('/friend/import_friend', z.object({ ownerUserID: id, friendUserIDs: ids }), {
      access: adminOnly,
      async handle(caller, { ownerUserID, friendUserIDs }) {
        await friendships.import(caller, ownerUserID, friendUserIDs)
        return undefined
      },
    }),
    route('/friend/get_specified_friends_info', z.object({ ownerUserID: id, userIDList: ids }), {
      access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
      async handle(_caller, { ownerUserID, userIDList }) {
        const [profiles, friendInfos, blackInfos] = await Promise.all([
          users.infos(userIDList),
          friends.find(ownerUserID, userIDList),
          blacklist.find(ownerUserID, userIDList),
        ])
        const friendsByID = new Map(friendInfos.map((info) => [info.friendUser.userID, info]))
        const blacksByID = new Map(blackInfos.map((info) => [info.blackUserInfo.userID, info]))
        return {
          infos: profiles.map((userInfo) => ({
            userInfo,
            friendInfo: friendsByID.get(userInfo.userID) ?? null,
            blackInfo: blacksByID.get(userInfo.userID) ?? null,
          })),
        }
      },
    }),
  ]
}

/** Only what the body says; null is absent, as Go clients send it. */
const given = (change: Readonly<Record<string, unknown>>): FriendChange =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined && value !== null))
