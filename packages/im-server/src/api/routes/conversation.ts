import { z } from 'zod'
import type { Conversations } from '../../domain/conversations.ts'
import { notFound } from '../../domain/refusals.ts'
import { selfOrAdmin } from '../access.ts'
import { conversationID, conversationIDs, id, idHash, knownVersion, pagination } from '../fields.ts'
import { route, type Route } from '../route.ts'

/** Reading a user's list of conversations. */
export function conversationRoutes({ conversations }: { readonly conversations: Conversations }): readonly Route[] {
  return [
    route('/conversation/get_incremental_conversations', z.object({ userID: id, ...knownVersion }), {
      access: selfOrAdmin(({ userID }) => userID),
      handle: (_caller, { userID, ...known }) => conversations.incremental(userID, known),
    }),
    route('/conversation/get_full_conversation_ids', z.object({ userID: id, idHash }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(_caller, body) {
        const { ids, ...list } = await conversations.idList(body.userID, body.idHash)
        return { ...list, conversationIDs: ids }
      },
    }),
    route('/conversation/get_all_conversations', z.object({ ownerUserID: id }), {
      access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
      handle: async (_caller, { ownerUserID }) => ({ conversations: await conversations.all(ownerUserID) }),
    }),
    route('/conversation/get_owner_conversation', z.object({ userID: id, pagination }), {
      access: selfOrAdmin(({ userID }) => userID),
      handle: (_caller, body) => conversations.page(body.userID, body.pagination),
    }),
    route('/conversation/get_conversation', z.object({ ownerUserID: id, conversationID }), {
      access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
      async handle(_caller, body) {
        const [conversation] = await conversations.find(body.ownerUserID, [body.conversationID])
        if (conversation === undefined) throw notFound(`the user has no conversation ${body.conversationID}`)
        return { conversation }
      },
    }),
    route('/conversation/get_conversations', z.object({ ownerUserID: id, conversationIDs }), {
      access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
      handle: async (_caller, body) => ({
        conversations: await conversations.find(body.ownerUserID, body.conversationIDs),
      }),
    }),
    route('/conversation/get_not_notify_conversation_ids', z.object({ userID: id }), {
      access: selfOrAdmin(({ userID }) => userID),
      handle: async (_caller, { userID }) => ({ conversationIDs: await conversations.notNotifiedIDs(userID) }),
    }),
    route('/conversation/get_pinned_conversation_ids', z.object({ userID: id }), {
      access: selfOrAdmin(({ userID }) => userID),
      handle: async (_caller, { userID }) => ({ conversationIDs: await conversations.pinnedIDs(userID) }),
    }),
  ]
}
