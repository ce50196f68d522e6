import { describeDuration } from '../duration.ts'
import { type Observation, observe } from '../observation.ts'
import { RunFolder } from '../run-folder.ts'
import { dataDirOf, type Settings } from '../settings.ts'
import { table } from '../table.ts'
import type { Paint, Terminal } from '../terminal.ts'

/** What commands take that also answer programs. */
export interface ReportOptions extends Settings {
  readonly json?: boolean
}

/** Shows what runs, how it is, and what waits. */
export async function status(options: ReportOptions, terminal: Terminal): Promise<void> {
  const processes = await Promise.all(new RunFolder(dataDirOf(options)).records().map(observe))
  if (options.json === true) return terminal.say(JSON.stringify({ processes }, undefined, 2))
  if (processes.length === 0) return terminal.say("Nothing runs here. Start it with 'parlance start'.")
  for (const line of describeStatus(processes, Date.now(), terminal.paint)) terminal.say(line)
}

/** The same for people. */
export function describeStatus(processes: readonly Observation[], nowMs: number, paint: Paint): string[] {
  const rows = processes.map(({ name, pid, state, startedAt, sessions, addresses }) => [
    paint('strong', name),
    paint(state === 'ready' ? 'good' : 'bad', state),
    String(pid),
    state === 'ended' ? '' : describeDuration(nowMs - Date.parse(startedAt)),
    sessions === undefined ? '' : String(sessions),
    Object.values(addresses).join(' '),
  ])
  const lines = table([['PROCESS', 'STATE', 'PID', 'UP', 'SESSIONS', 'ADDRESSES'], ...rows])
  const seenBy = new Map<string, { readonly cells: readonly string[]; readonly names: string[] }>()
  for (const { name, dependencies } of processes)
    for (const [dependency, said] of Object.entries(dependencies)) {
      const key = `${dependency} ${said}`
      const row = seenBy.get(key) ?? { cells: [dependency, paint(said === 'ok' ? 'good' : 'bad', said)], names: [] }
      row.names.push(name)
      seenBy.set(key, row)
    }
  const dependencies = [...seenBy.values()].map(({ cells, names }) => [...cells, names.join(' ')])
  if (dependencies.length > 0) lines.push('', ...table([['DEPENDENCY', 'STATE', 'SEEN BY'], ...dependencies]))
  const lag = processes.flatMap((one) =>
    one.lag.map(({ topic, group, records }) => [topic, group, String(records), one.name]),
  )
  if (lag.length > 0) lines.push('', ...table([['TOPIC', 'GROUP', 'WAITING', 'IN'], ...lag]))
  const problems = processes.flatMap((one) => one.problems)
  if (problems.length > 0) lines.push('', ...problems.map((problem) => paint('bad', problem)))
  return lines
}
