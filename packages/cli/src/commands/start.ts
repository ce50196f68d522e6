import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readConfig, roles as allRoles } from '@parlance/im-server/settings'
import { CliError, UsageError } from '../cli-error.ts'
import { parseDuration } from '../duration.ts'
import { endProcess, inStopOrder } from '../ending.ts'
import { awaitReady, launch, type LaunchOptions } from '../launch.ts'
import { type PlannedProcess, planProcesses } from '../roles.ts'
import { isRunning, type ProcessRecord, RunFolder } from '../run-folder.ts'
import { dataDirOf, environmentOf, type Settings } from '../settings.ts'
import type { Terminal } from '../terminal.ts'

/** What `parlance start` takes. */
export interface StartOptions extends Settings {
  readonly foreground?: boolean
  readonly count: string
  readonly timeout: string
  /** Another program instead of the server. For tests: its settings are not checked. */
  readonly program?: string
}

/** Ctrl-C, a supervisor, and a terminal that is closed. */
const interrupts = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Starts what is not running yet; either all of it is ready in the end, or nothing of it is left. */
export async function start(roles: readonly string[], options: StartOptions, terminal: Terminal): Promise<void> {
  const environment = environmentOf(options)
  if (options.foreground === true) {
    if (options.count !== '1') throw new UsageError('--count starts background processes: leave --foreground out')
    // Loaded only here: the other commands need not wait for all of the server.
    const { runServer } = await import('@parlance/im-server')
    return runServer(roles.length === 0 ? environment : { ...environment, PARLANCE_ROLES: roles.join(',') })
  }
  const { planned, dataDir, stopDeadlineMs } = plan(roles, options, environment)
  const folder = new RunFolder(dataDir)
  const interrupt = new AbortController()
  const onSignal = (): void => interrupt.abort(new CliError('interrupted: what was just started is stopped again'))
  for (const signal of interrupts) process.on(signal, onSignal)
  try {
    await folder.changing(() => {
      const launching: LaunchOptions = {
        program: options.program ?? fileURLToPath(new URL('bin.js', import.meta.resolve('@parlance/im-server'))),
        environment: { ...environment, PARLANCE_DATA_DIR: dataDir },
        folder,
        readyMs: parseDuration(options.timeout),
        stopDeadlineMs,
        signal: interrupt.signal,
        onWaiting: (words) => terminal.note(words),
      }
      return startMissing(planned, launching, terminal)
    })
  } finally {
    for (const signal of interrupts) process.off(signal, onSignal)
  }
}

interface Plan {
  readonly planned: readonly PlannedProcess[]
  readonly dataDir: string
  readonly stopDeadlineMs: number
}

/** Plans the processes and lets the server itself judge the settings of each, before any of them is started. */
function plan(roles: readonly string[], options: StartOptions, environment: NodeJS.ProcessEnv): Plan {
  const count = Number(options.count)
  if (options.program !== undefined) {
    const basis = { apiPort: Number(options.apiPort), wsPort: Number(options.wsPort), roles: [...allRoles] }
    const stopDeadlineMs = Number(environment['PARLANCE_STOP_DEADLINE_MS'])
    return { planned: planProcesses(roles, count, basis), dataDir: resolve(dataDirOf(options)), stopDeadlineMs }
  }
  // What is named wins over what is set, also where what is set would be refused.
  const named = roles.length === 0 ? {} : { PARLANCE_ROLES: 'all' }
  const config = readConfig({}, { ...environment, ...named })
  const planned = planProcesses(roles, count, config)
  for (const one of planned) readConfig({}, { ...environment, ...one.environment })
  return { planned, dataDir: resolve(config.dataDir), stopDeadlineMs: config.stopDeadlineMs }
}

async function startMissing(
  planned: readonly PlannedProcess[],
  options: LaunchOptions,
  terminal: Terminal,
): Promise<void> {
  const { folder } = options
  const running = folder.records().filter(isRunning)
  const isMixed = running.some(({ name }) => (name === 'all') !== (planned[0]?.name === 'all'))
  if (isMixed)
    throw new CliError(
      `${running.map(({ name }) => name).join(', ')} runs on this data folder, and ${planned[0]?.name} would do its work too: run 'parlance stop' first`,
    )
  const missing = planned.filter(({ name }) => !running.some((record) => record.name === name))
  for (const record of running.filter((one) => planned.some(({ name }) => one.name === name))) {
    await awaitReady(record, options)
    const { name, pid } = record
    terminal.say(
      `${name} runs already (process ${pid}); to start it with other settings, run 'parlance stop ${name}' first`,
    )
  }
  if (missing.length === 0) return
  const started: ProcessRecord[] = []
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const begin = async (one: PlannedProcess): Promise<void> => {
    const began = performance.now()
    terminal.note(`starting ${one.name}…`)
    const record = await launch(one, { ...options, signal }).catch((error: unknown) => {
      // The others need not become ready any more.
      failed.abort(error)
      throw error
    })
    started.push(record)
    const took = ((performance.now() - began) / 1000).toFixed(1)
    terminal.say(`${terminal.paint('good', one.name)} is ready after ${took} s (process ${record.pid})`)
    for (const [what, address] of Object.entries(record.addresses)) terminal.say(`  ${what.padEnd(8)} ${address}`)
  }
  try {
    // The first one makes what all of them share, in the data folder and in the services.
    await begin(missing[0]!)
    await Promise.allSettled(missing.slice(1).map(begin))
    signal.throwIfAborted()
  } catch (error) {
    await inStopOrder(started, async (record) => {
      terminal.note(`stopping ${record.name} again…`)
      await endProcess(record)
      folder.remove(record.name)
    })
    throw error
  }
  terminal.say("See it with 'parlance status' and 'parlance logs', stop it with 'parlance stop'.")
}
