import { ParlanceError } from '@parlance/core'
import { roles } from './roles.ts'
import { createImServer, type ImServer } from './server.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/**
 * Runs a server as the whole purpose of this process: prints where it can be reached, drains on SIGTERM and SIGINT, and sets the
 * exit code: 0 after a clean stop, 1 when it could not start or stop, with one line that says why, what to do, and the error's code.
 *
 * With `PARLANCE_READY=json` the addresses are one line of JSON, for whoever starts it as a background process:
 * `{"parlance":"ready","roles":["all"],"addresses":{"api":"http://…","ws":"ws://…"}}`, with those that its roles have.
 */
export async function runServer(environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  let server: ImServer
  try {
    server = await createImServer({}, environment)
  } catch (error) {
    return fail(error)
  }
  try {
    const open = Object.entries(await server.listen()).filter(([, address]) => address !== '')
    const { roles: own, page } = server.config
    const addresses: Readonly<Record<string, string>> = Object.fromEntries(open)
    if (environment['PARLANCE_READY'] === 'json') {
      const names = own.length === roles.length ? ['all'] : own
      say(JSON.stringify({ parlance: 'ready', roles: names, addresses }))
      return stopOnSignal(server)
    }
    say(own.length === roles.length ? 'Parlance is running.' : `Parlance is running: ${own.join(', ')}.`)
    if (addresses['api'] !== undefined) say(`  API        ${addresses['api']}`)
    if (addresses['ws'] !== undefined) say(`  WebSocket  ${addresses['ws']}`)
    if (addresses['metrics'] !== undefined) say(`  Probes     ${addresses['metrics']}`)
    if (page !== undefined && addresses['api'] !== undefined) say(`  Web chat   ${addresses['api']}/`)
    say(
      `  Admin      ${server.config.adminID}; its secret ${server.adminSecretPath === undefined ? 'is the one you set' : `lies in ${server.adminSecretPath}`}`,
    )
    say(`  Data       ${server.config.dataDir}`)
    say('Stop it with Ctrl-C.')
  } catch (error) {
    fail(error)
    // Said behind the reason for it, should it fail as well.
    return server.stop().catch(fail)
  }
  stopOnSignal(server)
}

function stopOnSignal(server: ImServer): void {
  // A signal may come twice: a terminal sends it to every process of the group, and a parent may pass it on.
  let isStopping = false
  const stop = (): void => {
    if (isStopping) return
    isStopping = true
    server.stop().then(() => say('Parlance has stopped.'), fail)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
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
