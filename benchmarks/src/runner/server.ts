import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Clock } from '@parlance/core'

import { ProcessError } from '../errors.ts'
import type { Target } from '../load/messages.ts'
import { freePorts } from './free-ports.ts'
import { loopback, profileFolderIn, ServerProcess } from './server-process.ts'
import type { Services } from './services.ts'

/** What a server is started with. */
export interface ServerOptions {
  /** The script Node runs. */
  readonly script: string
  readonly isProfiled: boolean
  /** What it stands on; without services on a file of its own, in one process. */
  readonly services: Services | undefined
}

const roles = ['api', 'gateway', 'transfer', 'push', 'cron'] as const

/** The server under test: its processes, a temporary data folder and free loopback ports. */
export class Server {
  readonly target: Target
  readonly #folder: string
  readonly #processes: ServerProcess[] = []

  private constructor(target: Target, folder: string) {
    this.target = target
    this.#folder = folder
  }

  /**
   * Starts a server and waits until all its ports accept connections; on services each role in a process of its own,
   * in a namespace that nobody used before.
   *
   * @throws {@link ProcessError} with the end of a process's output when it ends or stays silent.
   */
  static async start(clock: Clock, { script, isProfiled, services }: ServerOptions): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'parlance-benchmark-'))
    await mkdir(join(folder, 'data'))
    const [apiPort, webSocketPort, ...metricsPorts] = (await freePorts(2 + roles.length)) as [number, number]
    const target: Target = { host: loopback, apiPort, webSocketPort, secret: randomBytes(24).toString('hex') }
    const server = new Server(target, folder)
    const common = {
      PARLANCE_DATA_DIR: join(folder, 'data'),
      PARLANCE_HOST: loopback,
      PARLANCE_API_PORT: String(apiPort),
      PARLANCE_WS_PORT: String(webSocketPort),
      PARLANCE_SECRET: target.secret,
    }
    const start = async (name: string, environment: object, ports: readonly number[], metricsPort: number) => {
      const given = { ...common, ...environment }
      const options = { name, script, folder, environment: given, isProfiled, ports, metricsPort }
      server.#processes.push(await ServerProcess.start(clock, options))
    }
    try {
      if (services === undefined) {
        await start('server', {}, [apiPort, webSocketPort], apiPort)
      } else {
        const shared = {
          ...services.addresses,
          PARLANCE_NAMESPACE: `bench-${randomBytes(6).toString('hex')}`,
          PARLANCE_TOKEN_KEY: randomBytes(24).toString('hex'),
        }
        const listensOn: Partial<Record<string, number>> = { api: apiPort, gateway: webSocketPort }
        for (const [index, role] of roles.entries()) {
          const metricsPort = metricsPorts[index]!
          const environment = { ...shared, PARLANCE_ROLES: role, PARLANCE_METRICS_PORT: String(metricsPort) }
          const own = listensOn[role]
          await start(role, environment, own === undefined ? [metricsPort] : [own, metricsPort], metricsPort)
        }
      }
    } catch (error) {
      await server.close()
      throw error
    }
    return server
  }

  /** Its processes, in the order of their start. */
  get processes(): readonly ServerProcess[] {
    return this.#processes
  }

  /** Where its processes left their CPU profiles, once it has stopped. */
  get profileFolder(): string {
    return profileFolderIn(this.#folder)
  }

  /** The end of what each process wrote to its output. */
  async logTail(): Promise<string> {
    const tails = await Promise.all(this.#processes.map(async (each) => [each.name, await each.logTail()] as const))
    return tails.map(([name, tail]) => (tails.length === 1 ? tail : `— ${name}\n${tail}`)).join('\n')
  }

  /** Rejects as soon as one of its processes ends by itself. */
  untilEnded(): Promise<never> {
    return Promise.race(this.#processes.map((each) => each.untilEnded()))
  }

  /**
   * Asks the processes to stop, the last one first, and waits until they have.
   *
   * @throws {@link ProcessError} when one does not in time; it is killed then.
   */
  async stop(): Promise<void> {
    const failures: string[] = []
    for (const each of this.#processes.toReversed())
      await each.stop().catch((error: unknown) => failures.push(error instanceof Error ? error.message : String(error)))
    if (failures.length > 0) throw new ProcessError(failures.join('\n'))
  }

  /** Stops it if it runs, and deletes its files in any case. */
  async close(): Promise<void> {
    try {
      await this.stop()
    } finally {
      await rm(this.#folder, { recursive: true, force: true })
    }
  }
}
