import { isRole, roles } from '@parlance/im-server/settings'
import { UsageError } from './cli-error.ts'

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

/** @throws UsageError for a name that is neither a role, nor a process such as `gateway-2`, nor something that was started here. */
export function assertMeaningful(all: readonly Named[], names: readonly string[]): void {
  const isMeaningful = (name: string): boolean =>
    name === 'all' || isRole(name.replace(/-[1-9]\d*$/, '')) || all.some((one) => one.name === name)
  const unknown = names.find((name) => !isMeaningful(name))
  if (unknown !== undefined)
    throw new UsageError(
      `there is no role or process '${unknown}': name some of ${roles.join(', ')}, or processes such as gateway-2`,
    )
}
