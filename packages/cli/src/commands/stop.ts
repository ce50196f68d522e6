import { roles as allRoles } from '@parlance/im-server/settings'
import { CliError, exitCodes } from '../cli-error.ts'
import { endProcess, inStopOrder } from '../ending.ts'
import { type ProcessRecord, RunFolder } from '../run-folder.ts'
import { assertMeaningful, selectProcesses } from '../selection.ts'
import { dataDirOf, type Settings } from '../settings.ts'
import type { Terminal } from '../terminal.ts'

/** Stops what was started here, all of it or what is named. Returns the exit code: failed when something had to be killed. */
export async function stop(names: readonly string[], settings: Settings, terminal: Terminal): Promise<number> {
  const folder = new RunFolder(dataDirOf(settings))
  const all = folder.records()
  assertMeaningful(all, names)
  if (all.length === 0) {
    terminal.say('Nothing runs here.')
    return exitCodes.done
  }
  // A terminal that is closed must not leave the second half running.
  const goOn = (): void => undefined
  process.on('SIGHUP', goOn)
  try {
    return await folder.changing(() => stopChosen(folder, names, terminal))
  } finally {
    process.off('SIGHUP', goOn)
  }
}

async function stopChosen(folder: RunFolder, names: readonly string[], terminal: Terminal): Promise<number> {
  const all = folder.records()
  const chosen = selectProcesses(all, names)
  assertWholly(chosen, names)
  for (const name of names) if (selectProcesses(all, [name]).length === 0) terminal.say(`No ${name} runs here.`)
  let code: number = exitCodes.done
  await inStopOrder(chosen, async (record) => {
    const { name, pid, stopDeadlineMs } = record
    terminal.note(`stopping ${name}…`)
    const ending = await endProcess(record)
    folder.remove(name)
    if (ending === 'killed') code = exitCodes.failed
    terminal.say(
      ending === 'gone'
        ? `${name} was not running any more`
        : ending === 'stopped'
          ? `${terminal.paint('good', name)} has stopped`
          : `${terminal.paint('bad', name)} (process ${pid}) did not stop within ${stopDeadlineMs / 1000} s and was killed`,
    )
  })
  return code
}

/** @throws CliError when a process would be stopped that also does what nobody named. */
function assertWholly(chosen: readonly ProcessRecord[], names: readonly string[]): void {
  if (names.length === 0) return
  for (const { name, roles } of chosen) {
    const doesAll = roles.includes('all')
    const isWhole = (doesAll ? allRoles : roles).every((role) => names.includes(role))
    if (isWhole || names.includes(name)) continue
    const work = doesAll ? 'every role' : roles.join(' and ')
    throw new CliError(`${name} does the work of ${work} in one process: 'parlance stop ${name}' stops all of it`)
  }
}
