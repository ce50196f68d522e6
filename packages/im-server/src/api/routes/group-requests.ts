import { handleResults } from '@parlance/openim-protocol'
import { z } from 'zod'
import type { GroupRequestLists } from '../../domain/group-request-lists.ts'
import type { GroupRequests } from '../../domain/group-requests.ts'
import { byGroupRole, selfOrAdmin } from '../access.ts'
import { id, ids, optionalIDs, optionalSeq, pagination, text } from '../fields.ts'
import { route, type Route } from '../route.ts'

/** What the routes of applications for groups stand on. */
export interface GroupRequestRoutesOptions {
  readonly groupRequests: GroupRequests
  readonly groupRequestLists: GroupRequestLists
}

const filter = {
  groupIDs: optionalIDs,
  handleResults: z
    .array(
      z.literal([handleResults.refused, handleResults.open, handleResults.agreed], 'must be -1, 0 or 1'),
      'must be a list of results',
    )
    .max(3, 'must name at most 3')
    .nullish()
    .transform((value) => value ?? []),
}

/** Applications for groups: answering and reading them. */
export function groupRequestRoutes({ groupRequests, groupRequestLists }: GroupRequestRoutesOptions): readonly Route[] {
  return [
    route(
      '/group/group_application_response',
      z.object({
        groupID: id,
        fromUserID: id,
        handledMsg: text(1024),
        handleResult: z.literal([handleResults.refused, handleResults.agreed], 'must be 1 (agree) or -1 (refuse)'),
      }),
      {
        access: byGroupRole,
        async handle(caller, { handleResult, ...answer }) {
          await groupRequests.answer(caller, { ...answer, isAgreed: handleResult === handleResults.agreed })
          return undefined
        },
      },
    ),
    route('/group/get_recv_group_applicationList', z.object({ fromUserID: id, pagination, ...filter }), {
      access: selfOrAdmin(({ fromUserID }) => fromUserID),
      handle: (_caller, body) => groupRequestLists.received(body.fromUserID, body, body.pagination),
    }),
    route('/group/get_user_req_group_applicationList', z.object({ userID: id, pagination, ...filter }), {
      access: selfOrAdmin(({ userID }) => userID),
      handle: (_caller, body) => groupRequestLists.sent(body.userID, body, body.pagination),
    }),
    route('/group/get_group_users_req_application_list', z.object({ groupID: id, userIDs: ids }), {
      access: byGroupRole,
      async handle(caller, { groupID, userIDs }) {
        const groupRequestInfos = await groupRequestLists.ofUsers(caller, groupID, userIDs)
        return { total: groupRequestInfos.length, groupRequests: groupRequestInfos }
      },
    }),
    route('/group/get_specified_user_group_request_info', z.object({ groupID: id, userID: id }), {
      access: byGroupRole,
      async handle(caller, { groupID, userID }) {
        const found = await groupRequestLists.ofUsers(caller, groupID, [userID])
        // The JS SDK asks for its own user after answering somebody else; of `null` it makes no event, of [] an empty one.
        return { total: found.length, groupRequests: found.length === 0 ? null : found }
      },
    }),
    route('/group/get_group_application_unhandled_count', z.object({ userID: id, time: optionalSeq }), {
      access: selfOrAdmin(({ userID }) => userID),
      handle: async (_caller, { userID, time }) => ({ count: await groupRequestLists.openCount(userID, time) }),
    }),
  ]
}
