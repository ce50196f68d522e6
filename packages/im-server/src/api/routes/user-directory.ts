import { z } from 'zod'
import type { Presence } from '../../domain/presence.ts'
import type { UserDirectory } from '../../domain/user-directory.ts'
import type { Users } from '../../domain/users.ts'
import { adminOnly } from '../access.ts'
import { ids, optionalID, pagination } from '../fields.ts'
import { route, type Route } from '../route.ts'

/** What the routes about all accounts stand on. */
export interface UserDirectoryRoutesOptions {
  readonly users: Users
  readonly userDirectory: UserDirectory
  readonly presence: Presence
}

/** Accounts as back ends look at them. */
export function userDirectoryRoutes({ users, userDirectory, presence }: UserDirectoryRoutesOptions): readonly Route[] {
  return [
    route('/user/get_users', z.object({ userID: optionalID, pagination }), {
      access: adminOnly,
      async handle(_caller, body) {
        if (body.userID === '') return userDirectory.page(body.pagination)
        const found = await users.infos([body.userID])
        return { total: found.length, users: found }
      },
    }),
    route('/user/get_all_users_uid', z.object({ pagination }), {
      access: adminOnly,
      async handle(_caller, body) {
        const page = await userDirectory.page(body.pagination)
        return { total: page.total, userIDs: page.users.map(({ userID }) => userID) }
      },
    }),
    route('/user/get_users_online_status', z.object({ userIDs: ids }), {
      access: adminOnly,
      async handle(_caller, { userIDs }) {
        const platforms = await presence.onlinePlatforms(userIDs)
        return userIDs.map((userID) => {
          const detailPlatformStatus = (platforms.get(userID) ?? []).map((platformID) => ({ platformID }))
          return { userID, status: detailPlatformStatus.length > 0 ? 1 : 0, detailPlatformStatus }
        })
      },
    }),
  ]
}
