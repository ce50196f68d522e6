import type { Caller } from '../domain/caller.ts'
import { noPermission } from '../domain/refusals.ts'

/** The names of the rules, from the widest to the narrowest. */
export type AccessRule = 'open' | 'user' | 'member' | 'role' | 'self' | 'admin'

/** Who may call a route, given its body. */
export interface Access<Body> {
  readonly rule: Exclude<AccessRule, 'open'>
  /** @throws {@link ImError} 1002 for a caller who may not. */
  check(caller: Caller, body: Body): void | Promise<void>
}

/** Whoever has a valid token. */
export const anyUser: Access<unknown> = { rule: 'user', check: () => undefined }

/** Whom the table of group permissions lets, an administrator among them; the domain looks it up with the group at hand. */
export const byGroupRole: Access<unknown> = { rule: 'role', check: () => undefined }

/** Administrators of the server. */
export const adminOnly: Access<unknown> = {
  rule: 'admin',
  check({ isAdmin }) {
    if (!isAdmin) throw noPermission('only an administrator may do this')
  },
}

/** The user the request is about (each of them, when there are several), or an administrator. */
export function selfOrAdmin<Body>(subjects: (body: Body) => string | readonly string[]): Access<Body> {
  return {
    rule: 'self',
    check({ isAdmin, userID }, body) {
      if (isAdmin) return
      const named = subjects(body)
      const isSelf = typeof named === 'string' ? named === userID : named.every((subject) => subject === userID)
      if (!isSelf)
        throw noPermission('the request is about another user; only that user or an administrator may make it')
    },
  }
}

/** Either of several users the request names, or an administrator. */
export function oneOfOrAdmin<Body>(subjects: (body: Body) => readonly string[]): Access<Body> {
  return {
    rule: 'self',
    check({ isAdmin, userID }, body) {
      if (!isAdmin && !subjects(body).includes(userID))
        throw noPermission('the request is about other users; only one of them or an administrator may make it')
    },
  }
}

/** A member of the group the request names (of each of them, when there are several), or an administrator. */
export function memberOrAdmin<Body>(
  isMember: (groupID: string, userID: string) => Promise<boolean>,
  groupsOf: (body: Body) => string | readonly string[],
): Access<Body> {
  return {
    rule: 'member',
    async check({ isAdmin, userID }, body) {
      if (isAdmin) return
      const named = groupsOf(body)
      for (const groupID of typeof named === 'string' ? [named] : named)
        if (!(await isMember(groupID, userID)))
          throw noPermission(`only a member of group ${groupID} or an administrator may do this`)
    },
  }
}
