import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { ServiceMissingError } from '../service-url.ts'

/** A kind of server that tests can start for themselves. */
export type ServerKind = 'redis' | 'kafka' | 'mongo'

type Environment = Readonly<Record<string, string | undefined>>

/** What a program needs to run: its executable and, for Java, where its classes are. */
export interface Program {
  readonly command: string
  readonly classPath: string
}

const cure = 'run `node scripts/services.mjs install`, and set what `node scripts/services.mjs env` prints'

/** The class path entries of each Java program, below the folder that `PARLANCE_TEST_SERVICES_DIR` names. */
const classPaths = { kafka: ['kafka/*'], mongo: ['mongo-double', 'mongo-double/*'] } as const

function onPath(name: string, environment: Environment): string | undefined {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file))
}

function findJava(environment: Environment): string | undefined {
  const home = environment['JAVA_HOME']
  const own = home === undefined ? '' : join(home, 'bin', 'java')
  return own !== '' && existsSync(own) ? own : onPath('java', environment)
}

function find(kind: ServerKind, environment: Environment): Program | string {
  if (kind === 'redis') {
    const command = onPath('redis-server', environment)
    return command === undefined ? 'redis-server is not on the PATH' : { command, classPath: '' }
  }
  const command = findJava(environment)
  if (command === undefined) return 'java is neither in JAVA_HOME nor on the PATH'
  const folder = environment['PARLANCE_TEST_SERVICES_DIR']
  if (folder === undefined || folder === '') return 'PARLANCE_TEST_SERVICES_DIR is not set'
  const entries = classPaths[kind].map((entry) => join(folder, entry))
  const missing = entries.map((entry) => entry.replace(/\*$/, '')).find((entry) => !existsSync(entry))
  return missing === undefined ? { command, classPath: entries.join(delimiter) } : `${missing} is not there`
}

/**
 * Whether a test can start a server of this kind; leave the suite out otherwise (`describe.skipIf(!canStart('kafka'))`).
 *
 * @throws ServiceMissingError instead of `false` with `REQUIRE_SERVICES=1`: nothing may be left out.
 */
export function canStart(kind: ServerKind, environment: Environment = process.env): boolean {
  const found = find(kind, environment)
  if (typeof found !== 'string') return true
  if (environment['REQUIRE_SERVICES'] !== '1') return false
  throw missing(kind, found)
}

/** The program of a kind of server. @throws ServiceMissingError with the cure. */
export function requireProgram(kind: ServerKind, environment: Environment = process.env): Program {
  const found = find(kind, environment)
  if (typeof found === 'string') throw missing(kind, found)
  return found
}

const missing = (kind: ServerKind, reason: string): ServiceMissingError =>
  new ServiceMissingError(`a ${kind} server cannot be started: ${reason}; ${cure}`, { details: { kind, reason } })
