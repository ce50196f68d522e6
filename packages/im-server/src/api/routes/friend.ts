import { z } from 'zod'
import type { Friends } from '../../domain/friends.ts'
import { oneOfOrAdmin, selfOrAdmin } from '../access.ts'
import { id, idHash, ids, knownVersion, pagination } from '../fields.ts'
import { route, type Route } from '../route.ts'

/** Reading lists of friends. */
export function friendRoutes({ friends }: { readonly friends: Friends }): readonly Route[] {
  return [
    route('/friend/get_friend_list', z.object({ userID: id, pagination }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(_caller, body) {
        const page = await friends.page(body.userID, body.pagination)
        return { friendsInfo: page.friends, total: page.total }
      },
    }),
    route('/friend/get_designated_friends', z.object({ ownerUserID: id, friendUserIDs: ids }), {
      access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
      handle: async (_caller, body) => ({ friendsInfo: await friends.find(body.ownerUserID, body.friendUserIDs) }),
    }),
    route('/friend/is_friend', z.object({ userID1: id, userID2: id }), {
      access: oneOfOrAdmin(({ userID1, userID2 }) => [userID1, userID2]),
      async handle(_caller, { userID1, userID2 }) {
        const [inUser1Friends, inUser2Friends] = await Promise.all([
          friends.isFriend(userID1, userID2),
          friends.isFriend(userID2, userID1),
        ])
        return { inUser1Friends, inUser2Friends }
      },
    }),
    route('/friend/get_incremental_friends', z.object({ userID: id, ...knownVersion }), {
      access: selfOrAdmin(({ userID }) => userID),
      handle: async (_caller, { userID, ...known }) => ({
        ...(await friends.incremental(userID, known)),
        sortVersion: 0,
      }),
    }),
    route('/friend/get_full_friend_user_ids', z.object({ userID: id, idHash }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(_caller, body) {
        const { ids: userIDs, ...list } = await friends.ids(body.userID, body.idHash)
        return { ...list, userIDs }
      },
    }),
    route('/friend/get_friend_id', z.object({ userID: id }), {
      access: selfOrAdmin(({ userID }) => userID),
      handle: async (_caller, { userID }) => ({ friendIDs: await friends.allIDs(userID) }),
    }),
  ]
}
