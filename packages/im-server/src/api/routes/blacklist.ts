import { z } from 'zod'
import type { Blacklist } from '../../domain/blacklist.ts'
import { selfOrAdmin } from '../access.ts'
import { id, ids, knownVersion, pagination, text } from '../fields.ts'
import { route, type Route } from '../route.ts'

const exLength = 4096

/** Whom a user does not want to hear from. */
export function blacklistRoutes({ blacklist }: { readonly blacklist: Blacklist }): readonly Route[] {
  return [
    route('/friend/add_black', z.object({ ownerUserID: id, blackUserID: id, ex: text(exLength) }), {
      access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
      async handle(caller, { ownerUserID, blackUserID, ex }) {
        await blacklist.add(caller, ownerUserID, blackUserID, ex)
        return undefined
      },
    }),
    route('/friend/remove_black', z.object({ ownerUserID: id, blackUserID: id }), {
      access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
      async handle(caller, { ownerUserID, blackUserID }) {
        await blacklist.remove(caller, ownerUserID, blackUserID)
        return undefined
      },
    }),
    route('/friend/get_black_list', z.object({ userID: id, pagination }), {
      access: selfOrAdmin(({ userID }) => userID),
      handle: (_caller, body) => blacklist.page(body.userID, body.pagination),
    }),
    route('/friend/get_specified_blacks', z.object({ ownerUserID: id, userIDList: ids }), {
      access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
      async handle(_caller, { ownerUserID, userIDList }) {
        const blacks = await blacklist.find(ownerUserID, userIDList)
        return { blacks, total: blacks.length }
      },
    }),
    route('/friend/get_incremental_blacks', z.object({ userID: id, ...knownVersion }), {
      access: selfOrAdmin(({ userID }) => userID),
      handle: (_caller, { userID, ...known }) => blacklist.incremental(userID, known),
    }),
  ]
}
