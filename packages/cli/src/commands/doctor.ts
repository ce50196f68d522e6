import { accessSync, constants, existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, resolve } from 'node:path'
import { type Config, ConfigError, readConfig, readSetting } from '@parlance/im-server/settings'
import { exitCodes } from '../cli-error.ts'
import { isRunning, RunFolder } from '../run-folder.ts'
import { connectionProblem, serviceAddresses, type ServiceSettings } from '../services.ts'
import { environmentOf } from '../settings.ts'
import { table } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { dockerProblem } from './infrastructure.ts'
import type { ReportOptions } from './status.ts'

/** What was looked at, and how it is. */
export interface Finding {
  readonly subject: string
  readonly isGood: boolean
  readonly says: string
}

const connectMs = 3_000

/** Looks for what could keep the server from running here. Returns the exit code: failed when something is wrong. */
export async function doctor(options: ReportOptions, terminal: Terminal): Promise<number> {
  const environment = environmentOf(options)
  const { config, finding } = configuration(environment)
  const known = config ?? whatIsRight(environment)
  const findings = [
    nodeVersion(process.versions.node),
    finding,
    ...(known.dataDir === undefined ? [] : [dataFolder(known.dataDir)]),
    ...(config === undefined ? [] : await ports(config, new RunFolder(config.dataDir))),
    ...(await services(known)),
  ]
  const isWell = findings.every(({ isGood }) => isGood)
  if (options.json === true) terminal.say(JSON.stringify({ healthy: isWell, findings }, undefined, 2))
  else {
    const rows = findings.map(({ subject, isGood, says }) => [
      isGood ? terminal.paint('good', 'ok') : terminal.paint('bad', 'wrong'),
      terminal.paint('strong', subject),
      says,
    ])
    for (const line of table(rows)) terminal.say(line)
  }
  return isWell ? exitCodes.done : exitCodes.failed
}

/** Whether this Node will do. */
export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isGood = major > 20 || (major === 20 && minor >= 19)
  return {
    subject: 'Node',
    isGood,
    says: isGood ? version : `${version}: Parlance needs 20.19 or newer: install a newer Node (https://nodejs.org)`,
  }
}

function configuration(environment: NodeJS.ProcessEnv): {
  readonly config: Config | undefined
  readonly finding: Finding
} {
  const subject = 'configuration'
  try {
    const config = readConfig({}, environment)
    return { config, finding: { subject, isGood: true, says: 'valid' } }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { config: undefined, finding: { subject, isGood: false, says: error.message } }
  }
}

function dataFolder(dataDir: string): Finding {
  const path = resolve(dataDir)
  const subject = 'data folder'
  // A folder that is not there yet is made at start, in the nearest that is.
  let existing = path
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing)
  try {
    accessSync(existing, constants.W_OK | constants.X_OK)
    return { subject, isGood: true, says: existing === path ? path : `${path} (made at the first start)` }
  } catch {
    const says = `${existing} cannot be written by this user: choose another folder with --data-dir or PARLANCE_DATA_DIR, or give the right to write`
    return { subject, isGood: false, says }
  }
}

async function ports({ host, apiPort, wsPort }: Config, folder: RunFolder): Promise<Finding[]> {
  const owners = new Map(
    folder
      .records()
      .filter(isRunning)
      .flatMap(({ name, addresses }) =>
        Object.values(addresses).map((address) => [Number(new URL(address).port), name] as const),
      ),
  )
  const wanted = [
    { subject: 'API port', port: apiPort, setting: 'PARLANCE_API_PORT' },
    ...(wsPort === apiPort ? [] : [{ subject: 'WebSocket port', port: wsPort, setting: 'PARLANCE_WS_PORT' }]),
  ]
  return Promise.all(
    wanted.map(async ({ subject, port, setting }) => {
      if (port === 0) return { subject, isGood: true, says: 'any free one' }
      const owner = owners.get(port)
      if (owner !== undefined) return { subject, isGood: true, says: `${port}, used by ${owner}, which runs here` }
      const problem = await listenProblem(host, port)
      const says = problem === undefined ? `${port} is free` : `${host}:${port}: ${problem} (${setting})`
      return { subject, isGood: problem === undefined, says }
    }),
  )
}

const listenProblem = (host: string, port: number): Promise<string | undefined> =>
  new Promise((done) => {
    const server = createServer()
    server.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      done(
        code === 'EADDRINUSE'
          ? 'another program has it: stop that, or choose another port'
          : code === 'EACCES'
            ? 'this user may not open it: choose a port above 1023'
            : message,
      ),
    )
    server.listen(port, host, () => server.close(() => done(undefined)))
  })

/** What can be told when the configuration as a whole is wrong: the settings that are right by themselves. */
function whatIsRight(environment: NodeJS.ProcessEnv): ServiceSettings & { readonly dataDir: string | undefined } {
  const read = <K extends keyof Config>(name: K): Config[K] | undefined => {
    try {
      return readSetting(name, environment)
    } catch (error) {
      // The configuration's own finding says what is wrong.
      if (error instanceof ConfigError) return undefined
      throw error
    }
  }
  return {
    dataDir: read('dataDir'),
    mongoURL: read('mongoURL'),
    redisURL: read('redisURL'),
    kafkaBrokers: read('kafkaBrokers'),
  }
}

async function services(settings: ServiceSettings): Promise<Finding[]> {
  const addresses = serviceAddresses(settings)
  if (addresses.length === 0) return [{ subject: 'services', isGood: true, says: 'none needed: the embedded store' }]
  const problems = await Promise.all(addresses.map(({ host, port }) => connectionProblem(host, port, connectMs)))
  // Docker matters only to somebody whose services are not there.
  const docker = problems.some((problem) => problem !== undefined) ? dockerProblem() : undefined
  const cure = docker === undefined ? "start it ('parlance up' does)" : 'start it'
  return addresses.map(({ service, setting, host, port }, index) => ({
    subject: service,
    isGood: problems[index] === undefined,
    says:
      problems[index] === undefined
        ? `${host}:${port} accepts connections`
        : `${host}:${port}: ${problems[index]}: ${cure}, or correct ${setting}`,
  }))
}
