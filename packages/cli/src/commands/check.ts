import { exitCodes } from '../cli-error.ts'
import { observe } from '../observation.ts'
import { RunFolder } from '../run-folder.ts'
import { startCommand } from '../roles.ts'
import { assertMeaningful, selectProcesses } from '../selection.ts'
import { dataDirOf } from '../settings.ts'
import type { Terminal } from '../terminal.ts'
import type { ReportOptions } from './status.ts'

/** Says whether everything that was started, or what is named, is ready. Returns the exit code. */
export async function check(names: readonly string[], options: ReportOptions, terminal: Terminal): Promise<number> {
  const records = new RunFolder(dataDirOf(options)).records()
  assertMeaningful(records, names)
  const processes = await Promise.all(selectProcesses(records, names).map(observe))
  const missing = names.filter((name) => selectProcesses(records, [name]).length === 0)
  const problems = [
    ...(records.length === 0 && names.length === 0 ? ["nothing runs here: start it with 'parlance start'"] : []),
    ...missing.map((name) => `no ${name} runs here: start it with '${startCommand(name)}'`),
    ...processes.flatMap((one) => one.problems),
  ]
  const isHealthy = problems.length === 0
  if (options.json === true) terminal.say(JSON.stringify({ healthy: isHealthy, problems }, undefined, 2))
  else if (isHealthy) terminal.say(terminal.paint('good', `ready: ${processes.map(({ name }) => name).join(', ')}`))
  else for (const problem of problems) terminal.say(terminal.paint('bad', problem))
  return isHealthy ? exitCodes.done : exitCodes.failed
}
