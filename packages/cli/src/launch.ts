import { spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs'
import { type Milliseconds, systemClock, wait } from '@parlance/core'
import { CliError } from './cli-error.ts'
import { endProcess } from './ending.ts'
import { askHealth } from './health.ts'
import { keptAlive } from './kept-alive.ts'
import { readFrom } from './log-lines.ts'
import { processIdentity } from './process-identity.ts'
import type { PlannedProcess } from './roles.ts'
import type { Addresses, ProcessRecord, RunFolder } from './run-folder.ts'

/** How processes are started. */
export interface LaunchOptions {
  /** The program to run with Node. */
  readonly program: string
  readonly environment: NodeJS.ProcessEnv
  readonly folder: RunFolder
  readonly readyMs: Milliseconds
  readonly stopDeadlineMs: Milliseconds
  readonly signal: AbortSignal
  /** Told what a process waits for before it can begin, in words. */
  readonly onWaiting: (words: string) => void
}

const askEveryMs: Milliseconds = 25
const shownLines = 8
const lastLogBytes = 64 * 1024

/**
 * Starts a process in the background and waits until it is ready; it outlives this one.
 *
 * Its record is written as soon as it exists, so that nothing runs that nobody knows of.
 *
 * @throws CliError when it ends, or is not ready in time, with what it said; it is stopped by then, and its record removed. The
 *   signal's reason when that aborts.
 */
export async function launch(planned: PlannedProcess, options: LaunchOptions): Promise<ProcessRecord> {
  const { folder, program, stopDeadlineMs } = options
  folder.rotateLog(planned.name)
  const logFile = folder.logFile(planned.name)
  const log = openSync(logFile, 'a', 0o600)
  const startedAt = new Date().toISOString()
  writeSync(log, `${JSON.stringify({ level: 30, time: startedAt, msg: 'started in the background' })}\n`)
  const beginning = fstatSync(log).size
  const env = { ...options.environment, ...planned.environment, PARLANCE_READY: 'json' }
  const child = spawn(process.execPath, [program], {
    detached: true,
    windowsHide: true,
    stdio: ['ignore', log, log],
    env,
  })
  closeSync(log)
  child.unref()
  let ending: string | undefined
  child.once('exit', (code, signal) => void (ending = signal ?? `exit code ${code}`))
  child.once('error', (error) => void (ending = error.message))

  const said = (): string => readFrom(logFile, beginning, lastLogBytes).text
  const identity = child.pid === undefined ? undefined : processIdentity(child.pid)
  if (child.pid === undefined || identity === undefined) {
    await untilTrue(() => ending !== undefined, options)
    throw failure(planned, `ended at once (${ending})`, said(), logFile)
  }
  const { name, roles } = planned
  const record = { name, roles, pid: child.pid, identity, addresses: {}, logFile, startedAt, stopDeadlineMs }
  try {
    folder.write(record)
    const ready = await untilReady(planned, { ...options, said, ending: () => ending, logFile })
    folder.write({ ...record, ...ready })
    return { ...record, ...ready }
  } catch (error) {
    await endProcess(record)
    folder.remove(name)
    throw error
  }
}

/**
 * Waits until a process that somebody started before is ready, and notes where it listens when that one did not live to do it.
 *
 * @throws CliError when it is not ready in time; it is left as it is. The signal's reason when that aborts.
 */
export async function awaitReady(
  record: ProcessRecord,
  options: Pick<LaunchOptions, 'folder' | 'readyMs' | 'signal'>,
): Promise<void> {
  const { name, pid, logFile, startedAt } = record
  const isNoted = Object.keys(record.addresses).length > 0
  let ready: Ready | undefined = isNoted ? record : undefined
  let missing = 'it did not say where it listens'
  const isReady = await untilTrue(async () => {
    if (ready === undefined) {
      const { text } = readFrom(logFile, 0, lastLogBytes)
      // Not what an earlier run said.
      ready = readyLine(text.slice(Math.max(0, text.lastIndexOf(startedAt))))
      if (ready === undefined) return false
    }
    const health = await askHealth(ready.addresses)
    missing = health.silence ?? describeDependencies(health.dependencies)
    return health.isReady
  }, options)
  if (!isReady || ready === undefined)
    throw new CliError(
      `${name} runs already (process ${pid}) and is not ready: ${missing}; see 'parlance logs ${name}', or begin anew with 'parlance stop ${name}'`,
    )
  if (!isNoted) options.folder.write({ ...record, roles: ready.roles, addresses: ready.addresses })
}

interface Watched extends LaunchOptions {
  readonly logFile: string
  readonly said: () => string
  readonly ending: () => string | undefined
}

interface Ready {
  readonly roles: readonly string[]
  readonly addresses: Addresses
}

async function untilReady(planned: PlannedProcess, watched: Watched): Promise<Ready> {
  const { said, ending, logFile, readyMs, onWaiting } = watched
  let ready: Ready | undefined
  let toldCount = 0
  let missing = 'it did not say where it listens'
  const isReady = await untilTrue(async () => {
    const end = ending()
    if (end !== undefined) throw failure(planned, `ended (${end})`, said(), logFile)
    if (ready === undefined) {
      const text = said()
      const waits = waitingLines(text)
      for (const words of waits.slice(toldCount)) onWaiting(`${planned.name} is ${words}`)
      toldCount = Math.max(toldCount, waits.length)
      missing = waits.at(-1) ?? missing
      ready = readyLine(text)
      if (ready === undefined) return false
    }
    const health = await askHealth(ready.addresses)
    missing = health.silence ?? describeDependencies(health.dependencies)
    return health.isReady
  }, watched)
  if (isReady && ready !== undefined) return ready
  throw failure(planned, `was not ready within ${readyMs / 1000} s: ${missing}`, said(), logFile)
}

const describeDependencies = (dependencies: Readonly<Record<string, string>>): string =>
  Object.entries(dependencies)
    .filter(([, state]) => state !== 'ok')
    .map(([name, state]) => `${name}: ${state}`)
    .join('; ') || 'it says that it is not ready'

/** Asks again and again until it is true or the time is over. */
async function untilTrue(
  condition: () => boolean | Promise<boolean>,
  { readyMs, signal }: Pick<LaunchOptions, 'readyMs' | 'signal'>,
): Promise<boolean> {
  const endsAt = systemClock.elapsed() + readyMs
  for (;;) {
    signal.throwIfAborted()
    if (await condition()) return true
    if (systemClock.elapsed() > endsAt) return false
    await keptAlive(wait(systemClock, askEveryMs, signal))
  }
}

/** The line by which a process says that it is ready. */
function readyLine(text: string): Ready | undefined {
  for (const line of text.split('\n')) {
    if (!line.startsWith('{"parlance":"ready"')) continue
    try {
      const { roles, addresses } = JSON.parse(line) as Partial<Ready>
      if (Array.isArray(roles) && typeof addresses === 'object') return { roles, addresses }
    } catch {
      // Written half so far: it is read again.
    }
  }
  return undefined
}

/** What a process says in its log that it waits for, in its words. */
function waitingLines(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    if (!line.includes('"waitsFor"')) return []
    try {
      const { waitsFor, msg } = JSON.parse(line) as { readonly waitsFor?: unknown; readonly msg?: unknown }
      return typeof waitsFor === 'string' && typeof msg === 'string' ? [msg] : []
    } catch {
      // Written half so far: it is read again.
      return []
    }
  })
}

function failure({ name }: PlannedProcess, what: string, said: string, logFile: string): CliError {
  const lines = said.trim().split('\n')
  const reason = lines.findLast((line) => line.startsWith('Parlance could not run: '))
  const shown = reason ?? lines.slice(-shownLines).join('\n')
  return new CliError(`${name} ${what}${shown === '' ? '' : `\n${shown}`}\nIts log: ${logFile}`)
}
