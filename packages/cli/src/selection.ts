import { isRole } from '@parlance/im-server/settings'

/** Something that runs in some roles. */
interface Named {
  readonly name: string
  readonly roles: readonly string[]
}

/**
 * Those that are meant by names such as `gateway-2` or by roles such as `gateway`; all of them when nothing is named. A process
 * that does everything is meant by each role.
 */
export const selectProcesses = <T extends Named>(all: readonly T[], names: readonly string[]): T[] =>
  all.filter(
    ({ name, roles }) =>
      names.length === 0 ||
      names.includes(name) ||
      roles.some((role) => names.includes(role)) ||
      (roles.includes('all') && names.some(isRole)),
  )
