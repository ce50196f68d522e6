import { ParlanceError } from '@parlance/core'
import { roles } from './roles.ts'
import { createImServer, type ImServer } from './server.ts'
import type { ImServerAddresses } from './doors.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/**
 * Runs a server as the whole purpose of this process: prints where it can be reached, drains on SIGTERM and SIGINT, also while
 * it is still starting, and sets the exit code: 0 after a clean stop, 1 when it could not start or stop, with one line that says why, what to do, and the error's code.
 *
 * With `PARLANCE_READY=json` the addresses are one line of JSON, for whoever starts it as a background process:
 * `{"parlance":"ready","roles":["all"],"addresses":{"api":"http://…","ws":"ws://…"}}`, with those that its roles have.
 */
export async function runServer(environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  const interrupt = new AbortController()
  const { signal } = interrupt
  // Before anything else: a signal may come while services are waited for. And it may come twice: a terminal sends it to every
  // process of the group, and a parent may pass it on.
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => interrupt.abort())
  let server: ImServer
  try {
    server = await createImServer({ signal }, environment)
  } catch (error) {
    return error === signal.reason ? sayStopped() : fail(error)
  }
  try {
    if (!signal.aborted) announce(server, await server.listen(), environment)
  } catch (error) {
    fail(error)
    // Said behind the reason for it, should it fail as well.
    return server.stop().catch(fail)
  }
  const stop = (): void => void server.stop().then(sayStopped, fail)
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop)
}

const sayStopped = (): void => say('Parlance has stopped.')

function announce(
  { config, adminSecretPath }: ImServer,
  bound: ImServerAddresses,
  environment: NodeJS.ProcessEnv,
): void {
  const { roles: own, page, adminID, dataDir } = config
  const isWhole = own.length === roles.length
  const addresses: Readonly<Record<string, string>> = Object.fromEntries(
    Object.entries(bound).filter(([, address]) => address !== ''),
  )
  if (environment['PARLANCE_READY'] === 'json')
    return say(JSON.stringify({ parlance: 'ready', roles: isWhole ? ['all'] : own, addresses }))
  say(isWhole ? 'Parlance is running.' : `Parlance is running: ${own.join(', ')}.`)
  if (addresses['api'] !== undefined) say(`  API        ${addresses['api']}`)
  if (addresses['ws'] !== undefined) say(`  WebSocket  ${addresses['ws']}`)
  if (addresses['metrics'] !== undefined) say(`  Probes     ${addresses['metrics']}`)
  if (page !== undefined && addresses['api'] !== undefined) say(`  Web chat   ${addresses['api']}/`)
  say(
    `  Admin      ${adminID}; its secret ${adminSecretPath === undefined ? 'is the one you set' : `lies in ${adminSecretPath}`}`,
  )
  say(`  Data       ${dataDir}`)
  say('Stop it with Ctrl-C.')
}

function fail(error: unknown): void {
  const message = ParlanceError.is(error)
    ? `${error.message} [${error.code}]`
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error)
  process.stderr.write(`Parlance could not run: ${message}\n`)
  process.exitCode = 1
}
