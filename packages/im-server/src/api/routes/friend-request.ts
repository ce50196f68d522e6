import { handleResults } from '@parlance/openim-protocol'
import { z } from 'zod'
import type { FriendRequestLists } from '../../domain/friend-request-lists.ts'
import type { FriendRequests } from '../../domain/friend-requests.ts'
import { oneOfOrAdmin, selfOrAdmin } from '../access.ts'
import { id, optionalSeq, pagination, text } from '../fields.ts'
import { route, type Route } from '../route.ts'

const wordsLength = 1024
const exLength = 4096

const anyResult = z.literal(Object.values(handleResults), 'must be 0 (open), 1 (accepted) or -1 (refused)')

const listed = z.object({
  userID: id,
  handleResults: z
    .array(anyResult, 'must be a list of results')
    .max(Object.keys(handleResults).length, 'must name each result once at most')
    .nullish()
    .transform((value) => value ?? []),
  pagination,
})

/** Asking to become friends, answering, and the lists of requests. */
export function friendRequestRoutes({
  friendRequests,
  friendRequestLists,
}: {
  readonly friendRequests: FriendRequests
  readonly friendRequestLists: FriendRequestLists
}): readonly Route[] {
  return [
    route(
      '/friend/add_friend',
      z.object({ fromUserID: id, toUserID: id, reqMsg: text(wordsLength), ex: text(exLength) }),
      {
        access: selfOrAdmin(({ fromUserID }) => fromUserID),
        async handle(caller, body) {
          await friendRequests.apply(caller, body)
          return undefined
        },
      },
    ),
    route(
      '/friend/add_friend_response',
      z.object({
        fromUserID: id,
        toUserID: id,
        handleResult: z.literal([handleResults.agreed, handleResults.refused], 'must be 1 (accept) or -1 (refuse)'),
        handleMsg: text(wordsLength),
      }),
      {
        access: selfOrAdmin(({ toUserID }) => toUserID),
        async handle(caller, { handleResult, ...answer }) {
          await friendRequests.answer(caller, { ...answer, isAccepted: handleResult === handleResults.agreed })
          return undefined
        },
      },
    ),
    route('/friend/get_friend_apply_list', listed, {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(_caller, body) {
        const page = await friendRequestLists.received(body.userID, body.handleResults, body.pagination)
        // The capital letter is the wire's; the other list has none.
        return { FriendRequests: page.requests, total: page.total }
      },
    }),
    route('/friend/get_self_friend_apply_list', listed, {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(_caller, body) {
        const page = await friendRequestLists.sent(body.userID, body.handleResults, body.pagination)
        return { friendRequests: page.requests, total: page.total }
      },
    }),
    route('/friend/get_designated_friend_apply', z.object({ fromUserID: id, toUserID: id }), {
      access: oneOfOrAdmin(({ fromUserID, toUserID }) => [fromUserID, toUserID]),
      handle: async (_caller, { fromUserID, toUserID }) => ({
        friendRequests: await friendRequestLists.between(fromUserID, toUserID),
      }),
    }),
    route('/friend/get_self_unhandled_apply_count', z.object({ userID: id, time: optionalSeq }), {
      access: selfOrAdmin(({ userID }) => userID),
      handle: async (_caller, { userID, time }) => ({ count: await friendRequestLists.openCount(userID, time) }),
    }),
  ]
}
