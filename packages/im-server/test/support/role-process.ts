import { fileURLToPath } from 'node:url'
import { reservePort, SupervisedProcess } from '@parlance/testing/services'
import type { Role } from '../../src/index.ts'

const bin = fileURLToPath(new URL('../../dist/bin.js', import.meta.url))

/** One process of a server of several, as a supervisor runs it; its ports are its own while it is down. */
export interface RoleProcess {
  readonly role: Role
  readonly api: string
  readonly ws: string
  readonly process: SupervisedProcess
}

/** Plans a process; nothing runs until it is started. */
export async function planRoleProcess(role: Role, environment: NodeJS.ProcessEnv): Promise<RoleProcess> {
  const [api, ws, metrics] = [await reservePort(), await reservePort(), await reservePort()]
  return {
    role,
    api: `http://127.0.0.1:${api}`,
    ws: `ws://127.0.0.1:${ws}`,
    process: new SupervisedProcess({
      name: `${role} on port ${metrics}`,
      command: process.execPath,
      arguments: [bin],
      environment: {
        PATH: process.env['PATH'],
        PARLANCE_LOG_LEVEL: 'warn',
        ...environment,
        PARLANCE_ROLES: role,
        PARLANCE_API_PORT: String(api),
        PARLANCE_WS_PORT: String(ws),
        PARLANCE_METRICS_PORT: String(metrics),
      },
      isReady: async () =>
        (await fetch(`http://127.0.0.1:${metrics}/readyz`, { signal: AbortSignal.timeout(5_000) })).ok,
    }),
  }
}
