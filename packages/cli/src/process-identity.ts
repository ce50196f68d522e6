import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { CliError } from './cli-error.ts'

/**
 * What tells a process from every other that had or will have its number: when it began. Undefined when there is no such process.
 *
 * @throws CliError when this machine cannot say.
 */
export function processIdentity(pid: number): string | undefined {
  if (process.platform === 'linux') return ofLinux(pid)
  if (process.platform === 'win32') return ofWindows(pid)
  return asked(pid, 'ps', ['-o', 'lstart=', '-p', String(pid)])
}

function ofLinux(pid: number): string | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw new CliError(`cannot tell whether process ${pid} is still ours: ${(error as Error).message}`, {
      cause: error,
    })
  }
  // The name stands in brackets and may hold anything; what follows it are numbers.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const hasEnded = state === 'Z' || state === 'X'
  return hasEnded ? undefined : `${bootID()} ${fields[18]}`
}

const bootID = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

const ofWindows = (pid: number): string | undefined =>
  asked(pid, 'powershell.exe', [
    '-NoProfile',
    '-NonInteractive',
    '-Command',
    `(Get-Process -Id ${pid} -ErrorAction SilentlyContinue).StartTime.ToFileTimeUtc()`,
  ])

function asked(pid: number, command: string, given: readonly string[]): string | undefined {
  // Whoever asks from another time zone, or in another language, must get the same answer.
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
  const { error, stdout } = spawnSync(command, given, { encoding: 'utf8', windowsHide: true, env })
  if (error !== undefined)
    throw new CliError(`cannot tell whether process ${pid} is still ours: ${command} does not run: ${error.message}`, {
      cause: error,
    })
  return stdout.trim() === '' ? undefined : stdout.trim()
}
