import { z } from 'zod'
import type { Removals } from '../../domain/messages/removals.ts'
import { adminOnly, selfOrAdmin } from '../access.ts'
import { conversationID, flag, id, int, maxConversationsPerRequest, maxIDsPerRequest } from '../fields.ts'
import { route, type Route } from '../route.ts'

const seq = int(1, Number.MAX_SAFE_INTEGER)

const removedSeqs = z
  .array(seq, 'must be a list of seqs')
  .min(1, 'must name at least one')
  .max(maxIDsPerRequest, `must name at most ${maxIDsPerRequest}; delete more in several requests`)

const someConversations = z
  .array(conversationID, 'must be a list of conversation ids')
  .min(1, 'must name at least one')
  .max(maxConversationsPerRequest, `must name at most ${maxConversationsPerRequest}`)

const deleteSyncOpt = z
  .object({ IsSyncSelf: flag, IsSyncOther: flag }, 'must be an object')
  .nullish()
  .transform((value) => ({ self: value?.IsSyncSelf ?? false, others: value?.IsSyncOther ?? false }))

/** Taking messages back, deleting and clearing them. */
export function msgRemovalRoutes({ removals }: { readonly removals: Removals }): readonly Route[] {
  return [
    route('/msg/revoke_msg', z.object({ userID: id, conversationID, seq }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(caller, body) {
        await removals.revoke(caller, body.userID, body.conversationID, body.seq)
        return undefined
      },
    }),
    route('/msg/delete_msgs', z.object({ userID: id, conversationID, seqs: removedSeqs, deleteSyncOpt }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(caller, body) {
        await removals.delete(caller, body.userID, body.conversationID, body.seqs, body.deleteSyncOpt)
        return undefined
      },
    }),
    route('/msg/clear_conversation_msg', z.object({ userID: id, conversationIDs: someConversations, deleteSyncOpt }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(caller, body) {
        await removals.clear(caller, body.userID, body.conversationIDs, body.deleteSyncOpt)
        return undefined
      },
    }),
    route('/msg/user_clear_all_msg', z.object({ userID: id, deleteSyncOpt }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(caller, body) {
        await removals.clearAll(caller, body.userID, body.deleteSyncOpt)
        return undefined
      },
    }),
    route('/msg/delete_msg_phsical_by_seq', z.object({ conversationID, seqs: removedSeqs }), {
      access: adminOnly,
      async handle(_caller, body) {
        await removals.erase(body.conversationID, body.seqs)
        return undefined
      },
    }),
    route(
      '/msg/delete_msg_physical',
      z.object({ conversationIDs: someConversations, timestamp: int(0, Number.MAX_SAFE_INTEGER) }),
      {
        access: adminOnly,
        async handle(_caller, body) {
          await removals.eraseBefore(body.conversationIDs, body.timestamp)
          return undefined
        },
      },
    ),
  ]
}
