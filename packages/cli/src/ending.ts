import { type Milliseconds, systemClock, wait } from '@parlance/core'
import { CliError } from './cli-error.ts'
import { isRunning, type ProcessRecord } from './run-folder.ts'
import { keptAlive } from './kept-alive.ts'

/** Who lets clients in stops first, so that those behind them can finish what was accepted. */
const stages: readonly (readonly string[])[] = [['gateway', 'api'], ['transfer'], ['push', 'cron']]

const stageOf = ({ roles }: ProcessRecord): number =>
  Math.max(0, ...roles.map((role) => stages.findIndex((stage) => stage.includes(role))))

/** Ends processes stage by stage, those of one stage at the same time. */
export async function inStopOrder(
  records: readonly ProcessRecord[],
  end: (record: ProcessRecord) => Promise<void>,
): Promise<void> {
  for (const stage of stages.keys()) await Promise.all(records.filter((record) => stageOf(record) === stage).map(end))
}

/** What became of a process that was to end: it had ended before, it stopped by itself, or it had to be killed. */
export type Ending = 'gone' | 'stopped' | 'killed'

const askEveryMs: Milliseconds = 25
/** Beyond the process's own deadline, before it is taken for hung. */
const graceMs: Milliseconds = 5_000

/**
 * Asks a process to stop, waits until it drained, and kills it when it takes longer than it may. A later process with the same
 * number is left alone. On Windows, which has no such signal, the process ends at once.
 *
 * @throws CliError when this user may not stop it.
 */
export async function endProcess(record: ProcessRecord, graceForMs = graceMs): Promise<Ending> {
  if (!isRunning(record)) return 'gone'
  send(record, 'SIGTERM')
  if (await hasEnded(record, record.stopDeadlineMs + graceForMs)) return 'stopped'
  send(record, 'SIGKILL')
  await hasEnded(record, graceMs)
  return 'killed'
}

function send(record: ProcessRecord, signal: NodeJS.Signals): void {
  if (!isRunning(record)) return
  try {
    process.kill(record.pid, signal)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ESRCH') return
    const cure = code === 'EPERM' ? 'this user may not: run the command as whoever started it' : message
    throw new CliError(`${record.name} (process ${record.pid}) cannot be stopped: ${cure}`, { cause: error })
  }
}

async function hasEnded(record: ProcessRecord, withinMs: Milliseconds): Promise<boolean> {
  const endsAt = systemClock.elapsed() + withinMs
  while (isRunning(record)) {
    if (systemClock.elapsed() > endsAt) return false
    await keptAlive(wait(systemClock, askEveryMs))
  }
  return true
}
