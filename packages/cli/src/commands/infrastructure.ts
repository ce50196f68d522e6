import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { CliError } from '../cli-error.ts'
import { runTool } from '../run-tool.ts'
import type { Terminal } from '../terminal.ts'

/** MongoDB, Redis and Kafka, with their versions, health checks, volumes and ports. */
export const composeFile = fileURLToPath(new URL('../../deploy/compose.yaml', import.meta.url))

/** What `parlance up` takes. */
export interface UpOptions {
  readonly file: string
  readonly timeout: string
}

/** What `parlance down` takes. */
export interface DownOptions {
  readonly file: string
  readonly volumes?: boolean
}

/** The settings with which the server uses what `parlance up` started. */
const settings = [
  'PARLANCE_MONGO_URL=mongodb://127.0.0.1:27017',
  'PARLANCE_REDIS_URL=redis://127.0.0.1:6379',
  'PARLANCE_KAFKA_BROKERS=127.0.0.1:9092',
]

/** Starts the services and waits until each of them is healthy. Returns the exit code of docker compose. */
export async function up({ file, timeout }: UpOptions, terminal: Terminal): Promise<number> {
  assertDocker()
  terminal.note('starting MongoDB, Redis and Kafka (the first time their images are downloaded)…')
  const { code } = await runTool('docker', ['compose', '-f', file, 'up', '-d', '--wait', '--wait-timeout', timeout])
  if (code !== 0)
    throw new CliError(`docker compose failed (exit code ${code}): see above, and 'docker compose -f ${file} logs'`)
  terminal.say(
    `${terminal.paint('good', 'MongoDB, Redis and Kafka are healthy.')} The server uses them with these in its environment:`,
  )
  for (const line of settings) terminal.say(`  ${line}`)
  return code
}

/** Stops the services; what they keep stays unless their volumes are given up. */
export async function down({ file, volumes }: DownOptions, terminal: Terminal): Promise<number> {
  assertDocker()
  const { code } = await runTool('docker', ['compose', '-f', file, 'down', ...(volumes === true ? ['--volumes'] : [])])
  if (code !== 0) throw new CliError(`docker compose failed (exit code ${code}): see above`)
  terminal.say(volumes === true ? 'Stopped; what they kept is deleted.' : 'Stopped; what they keep is still there.')
  return code
}

/** What is wrong with docker here, with the cure; nothing when it will do. */
export function dockerProblem(): string | undefined {
  const asked = (...given: string[]): ReturnType<typeof spawnSync> =>
    spawnSync('docker', given, { stdio: 'ignore', windowsHide: true, timeout: 20_000 })
  const compose = asked('compose', 'version')
  if ((compose.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    return 'docker is not installed: install Docker (https://docs.docker.com/get-docker/), or run MongoDB, Redis and Kafka by yourself and set PARLANCE_MONGO_URL, PARLANCE_REDIS_URL and PARLANCE_KAFKA_BROKERS'
  if (compose.status !== 0)
    return 'docker has no compose here: install its plugin (https://docs.docker.com/compose/install/)'
  if (asked('info').status !== 0)
    return "docker's daemon does not answer: start Docker, and see that this user may use it ('docker info' says more)"
  return undefined
}

function assertDocker(): void {
  const problem = dockerProblem()
  if (problem !== undefined) throw new CliError(problem)
}
