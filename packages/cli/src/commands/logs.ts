import { systemClock, wait } from '@parlance/core'
import { CliError, UsageError } from '../cli-error.ts'
import { parseDuration } from '../duration.ts'
import { keptAlive } from '../kept-alive.ts'
import { type LogLine, mergeLogs, parseLog, readFrom, renderLine } from '../log-lines.ts'
import { RunFolder } from '../run-folder.ts'
import { selectProcesses } from '../selection.ts'
import { dataDirOf, type Settings } from '../settings.ts'
import type { Terminal } from '../terminal.ts'

/** What `parlance logs` takes. */
export interface LogsOptions extends Settings {
  readonly follow?: boolean
  readonly since?: string
  readonly lines?: string
}

const usualLines = 100
/** Of each log the newest part is read; the whole of it lies in the file. */
const readBytes = 32 * 1024 * 1024
const lookEveryMs = 200

/** Shows the logs of processes, running or not, as one; goes on with `follow` until it is interrupted. */
export async function logs(name: string | undefined, options: LogsOptions, terminal: Terminal): Promise<void> {
  const folder = new RunFolder(dataDirOf(options))
  const sinceMs = options.since === undefined ? 0 : Date.now() - parseDuration(options.since)
  const count = Number(options.lines ?? (options.since === undefined ? usualLines : Number.POSITIVE_INFINITY))
  if (!(count >= 0)) throw new UsageError('--lines must be a number')
  const chosen = (): string[] => {
    const all = folder.logNames().map((process) => ({ name: process, roles: process.replace(/-\d+$/, '').split('+') }))
    return selectProcesses(all, name === undefined ? [] : [name]).map((one) => one.name)
  }
  if (chosen().length === 0 && options.follow !== true)
    throw new CliError(
      `there is no log${name === undefined ? '' : ` of ${name}`} in ${folder.path}: nothing${name === undefined ? '' : ' of that name'} was started there; ${otherLogs(folder.logNames())}`,
    )
  const reader = new LogReader(folder)
  const show = (lines: readonly LogLine[]): void => {
    const width = Math.max(0, ...chosen().map((process) => process.length))
    for (const line of lines) terminal.say(renderLine(line, width, terminal.paint))
  }
  const first = reader.read(chosen()).filter(({ timeMs }) => timeMs >= sinceMs)
  show(count === 0 ? [] : first.slice(-count))
  if (options.follow !== true) return
  const interrupt = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort())
  const over = AbortSignal.any([interrupt.signal, terminal.readerGone])
  while (!over.aborted) {
    show(reader.read(chosen()))
    // It is over when it is interrupted, which the loop sees.
    await keptAlive(wait(systemClock, lookEveryMs, over)).catch(() => undefined)
  }
}

const otherLogs = (names: readonly string[]): string =>
  names.length === 0
    ? "start it with 'parlance start', or name another --data-dir"
    : `there are logs of ${names.join(', ')}`

/** Reads what came to logs since the last time. */
class LogReader {
  readonly #folder: RunFolder
  readonly #read = new Map<string, { readonly end: number; readonly timeMs: number }>()

  constructor(folder: RunFolder) {
    this.#folder = folder
  }

  read(names: readonly string[]): LogLine[] {
    const logs = names.map((name) => {
      const before = this.#read.get(name) ?? { end: 0, timeMs: 0 }
      const { text, end } = readFrom(this.#folder.logFile(name), before.end, readBytes)
      const lines = parseLog(name, text, before.timeMs)
      this.#read.set(name, { end, timeMs: lines.at(-1)?.timeMs ?? before.timeMs })
      return lines
    })
    return mergeLogs(logs)
  }
}
