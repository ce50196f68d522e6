import { isRole, type Role, roles as allRoles } from '@parlance/im-server/settings'
import { UsageError } from './cli-error.ts'

/** The first process of a command is started alone, the others together: so a worker makes what all of them share. */
const startOrder: readonly Role[] = ['transfer', 'push', 'cron', 'api', 'gateway']

/** Space between the ports of one role's processes, so that two roles never meet. */
const portStep = 10

/** A process to start. */
export interface PlannedProcess {
  /** For example `all`, `api-1`, `gateway-2`. */
  readonly name: string
  readonly roles: readonly string[]
  /** What its environment says otherwise than ours. */
  readonly environment: Readonly<Record<string, string>>
}

/** What the settings say. */
export interface PlanBasis {
  readonly apiPort: number
  readonly wsPort: number
  /** Those of a process for which no role is named. */
  readonly roles: readonly string[]
}

/**
 * Which processes are to run.
 *
 * Without a role, one process that does what its settings say. With roles, `count` processes of each. The first `api` has the
 * settings' API port, the next ones 10, 20, … above it; `gateway` likewise from the WebSocket port. 0 stays 0: any free port.
 * What else the roles listen on takes any free port, which is recorded.
 *
 * @throws UsageError for a role that is none, a count that is none, or two processes on one port.
 */
export function planProcesses(roles: readonly string[], count: number, basis: PlanBasis): PlannedProcess[] {
  if (!Number.isSafeInteger(count) || count < 1) throw new UsageError('--count must be a whole number from 1')
  const wanted = [...new Set(roles)]
  const unknown = wanted.find((role) => role !== 'all' && !isRole(role))
  if (unknown !== undefined)
    throw new UsageError(`there is no role '${unknown}': name some of ${startOrder.join(', ')}, or all`)
  if (wanted.length > 1 && wanted.includes('all'))
    throw new UsageError('all is every role in one process: name it alone, or name the others')
  if (wanted.length === 0 || wanted.includes('all')) {
    if (count > 1)
      throw new UsageError('--count is for single roles, for example: parlance start api gateway --count 2')
    const isPart = wanted.length === 0 && basis.roles.length < allRoles.length
    const own = isPart ? basis.roles : ['all']
    return [{ name: own.join('+'), roles: own, environment: { PARLANCE_ROLES: own.join(',') } }]
  }
  const planned = startOrder
    .filter((role) => wanted.includes(role))
    .flatMap((role) => Array.from({ length: count }, (_, index) => plan(role, index, basis)))
  assertPorts(planned)
  return planned
}

/** The command that starts the process of a name, and leaves those that run alone. */
export function startCommand(name: string): string {
  const [, role = '', index] = /^([a-z]+)(?:-(\d+))?$/.exec(name) ?? []
  if (!isRole(role)) return 'parlance start'
  return `parlance start ${role}${index === undefined || index === '1' ? '' : ` --count ${index}`}`
}

function plan(role: Role, index: number, { apiPort, wsPort }: PlanBasis): PlannedProcess {
  const above = (base: number): string => String(base === 0 ? 0 : base + index * portStep)
  return {
    name: `${role}-${index + 1}`,
    roles: [role],
    environment: {
      PARLANCE_ROLES: role,
      PARLANCE_METRICS_PORT: '0',
      PARLANCE_NODE_PORT: '0',
      ...(role === 'api' ? { PARLANCE_API_PORT: above(apiPort) } : {}),
      ...(role === 'gateway' ? { PARLANCE_WS_PORT: above(wsPort) } : {}),
    },
  }
}

function assertPorts(planned: readonly PlannedProcess[]): void {
  const owners = new Map<string, string>()
  for (const { name, roles, environment } of planned) {
    const setting = roles[0] === 'api' ? 'PARLANCE_API_PORT' : roles[0] === 'gateway' ? 'PARLANCE_WS_PORT' : ''
    const port = environment[setting]
    if (port === undefined || port === '0') continue
    if (Number(port) > 65_535) throw new UsageError(`${name} would have port ${port}: start fewer, or set a lower port`)
    const owner = owners.get(port)
    if (owner !== undefined)
      throw new UsageError(
        `${owner} and ${name} would both have port ${port}: set PARLANCE_API_PORT and PARLANCE_WS_PORT so that they do not differ by a multiple of ${portStep}`,
      )
    owners.set(port, name)
  }
}
