import { CliError, exitCodes } from '../cli-error.ts'
import { endProcess } from '../ending.ts'
import { type ProcessRecord, RunFolder } from '../run-folder.ts'
import { selectProcesses } from '../selection.ts'
import { dataDirOf, type Settings } from '../settings.ts'
import type { Terminal } from '../terminal.ts'

/** Who lets clients in stops first, so that those behind them can finish what was accepted. */
const stages: readonly (readonly string[])[] = [['gateway', 'api'], ['transfer'], ['push', 'cron']]

const stageOf = ({ roles }: ProcessRecord): number =>
  Math.max(0, ...roles.map((role) => stages.findIndex((stage) => stage.includes(role))))

/** Stops what was started here, all of it or what is named. Returns the exit code: failed when something had to be killed. */
export async function stop(names: readonly string[], settings: Settings, terminal: Terminal): Promise<number> {
  const folder = new RunFolder(dataDirOf(settings))
  if (folder.records().length === 0) {
    terminal.say('Nothing runs here.')
    return exitCodes.done
  }
  return folder.changing(async () => {
    const records = selectProcesses(folder.records(), names)
    const whole = records.find(({ roles }) => roles.includes('all'))
    if (whole !== undefined && names.length > 0 && !names.includes(whole.name))
      throw new CliError(
        `${whole.name} does the work of every role in one process: 'parlance stop ${whole.name}' stops all of it`,
      )
    if (records.length === 0) terminal.say(`No ${names.join(' and no ')} runs here.`)
    let code: number = exitCodes.done
    for (const stage of stages.keys()) {
      await Promise.all(
        records
          .filter((record) => stageOf(record) === stage)
          .map(async (record) => {
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
          }),
      )
    }
    return code
  })
}
