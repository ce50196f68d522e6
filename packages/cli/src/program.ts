import { Command, CommanderError, Option } from 'commander'
import { ParlanceError } from '@parlance/core'
import { CliError, exitCodes, UsageError } from './cli-error.ts'
import { bench } from './commands/bench.ts'
import { build, type BuildOptions } from './commands/build.ts'
import { check } from './commands/check.ts'
import { copy, type CopyOptions } from './commands/copy.ts'
import { doctor } from './commands/doctor.ts'
import { composeFile, down, type DownOptions, up, type UpOptions } from './commands/infrastructure.ts'
import { logs, type LogsOptions } from './commands/logs.ts'
import { start, type StartOptions } from './commands/start.ts'
import { status, type ReportOptions } from './commands/status.ts'
import { stop } from './commands/stop.ts'
import { type Settings, withDataDir, withSettings } from './settings.ts'
import type { Terminal } from './terminal.ts'

/**
 * Runs one command.
 *
 * @returns the exit code; undefined when the command goes on in this process and sets it by itself.
 */
export async function run(given: readonly string[], terminal: Terminal): Promise<number | undefined> {
  let code: number | undefined
  const program = createProgram(terminal, (result) => void (code = result))
  try {
    await program.parseAsync(given, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.misused
    terminal.note(`parlance: ${describeError(error)}`)
    return error instanceof UsageError ? exitCodes.misused : exitCodes.failed
  }
}

/** Of our own errors the exit code says enough; those of the server have a code of their own. */
function describeError(error: unknown): string {
  if (!ParlanceError.is(error)) return error instanceof Error ? (error.stack ?? error.message) : String(error)
  return error instanceof CliError ? error.message : `${error.message} [${error.code}]`
}

/** All commands; `end` is told the exit code of one that has another than 0. */
export function createProgram(terminal: Terminal, end: (code: number) => void): Command {
  const program = new Command('parlance')
    .description('Builds, starts, watches and stops the Parlance IM server.')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed or something is wrong, 2 wrongly called.')
    .exitOverride()
  const command = (name: string, description: string, example: string): Command =>
    program.command(name).description(description).addHelpText('after', `\nExample:\n  $ parlance ${example}`)
  const json = ['--json', 'answer in JSON'] as const
  const compose = new Option('--file <path>', 'another compose file').default(composeFile, 'its own')

  command('build', 'build the TypeScript workspace that a folder lies in', 'build')
    .argument('[folder]', 'a folder of the workspace', '.')
    .option('--force', 'build also what is up to date')
    .action(async (folder: string, options: BuildOptions) => end(await build(folder, options, terminal)))

  command('up', 'start MongoDB, Redis and Kafka with docker compose, and wait until they are healthy', 'up')
    .addOption(compose)
    .option('--timeout <seconds>', 'how long to wait', '180')
    .action(async (options: UpOptions) => end(await up(options, terminal)))

  command('down', 'stop what `up` started; what they keep stays', 'down')
    .addOption(compose)
    .option('--volumes', 'delete also what they keep')
    .action(async (options: DownOptions) => end(await down(options, terminal)))

  withSettings(
    command('start', 'start the server in the background, and wait until it is ready', 'start api gateway --count 2')
      .argument('[role...]', 'transfer, push, cron, api, gateway: a process for each; or all, in one process')
      .option('--count <n>', 'processes of each role', '1')
      .option('--foreground', 'run in this process until Ctrl-C, which drains and stops it')
      .option('--timeout <time>', 'how long a process may take until it is ready', '60s')
      .addOption(new Option('--program <file>').hideHelp()),
  ).action((roles: string[], options: StartOptions) => start(roles, options, terminal))

  withDataDir(
    command(
      'stop',
      'stop what was started: drain, and kill only what takes longer than it may',
      'stop gateway',
    ).argument('[role...]', 'roles, or processes such as gateway-2; without one, everything'),
  ).action(async (names: string[], settings: Settings) => end(await stop(names, settings, terminal)))

  withDataDir(
    command('status', 'show processes, addresses, dependencies, sessions and what waits', 'status --json').option(
      ...json,
    ),
  ).action((options: ReportOptions) => status(options, terminal))

  withDataDir(
    command(
      'check',
      'say by the exit code whether everything that was started is ready',
      'check gateway || parlance start gateway',
    )
      .argument('[role...]', 'roles, or processes such as gateway-2, that must run')
      .option(...json),
  ).action(async (names: string[], options: ReportOptions) => end(await check(names, options, terminal)))

  withDataDir(
    command('logs', 'show the logs of all processes as one, by time', 'logs gateway -f --since 10m')
      .argument('[role]', 'a role, or a process such as gateway-2')
      .option('-f, --follow', 'go on until Ctrl-C')
      .option('--since <time>', 'only what is newer, for example 90s, 10m or 2h')
      .option('-n, --lines <count>', 'only the last lines; 100 without --since'),
  ).action((name: string | undefined, options: LogsOptions) => logs(name, options, terminal))

  withSettings(
    command('doctor', 'look for what could keep the server from running here, and say the cure', 'doctor').option(
      ...json,
    ),
  ).action(async (options: ReportOptions) => end(await doctor(options, terminal)))

  withDataDir(
    command(
      'copy',
      'copy what a stopped server without services keeps into MongoDB, and compare it; again after an interruption',
      'copy --data-dir ./data --mongo-url mongodb://127.0.0.1:27017',
    ).option('--mongo-url <url>', 'MongoDB, with nothing in the namespace of the new server (PARLANCE_MONGO_URL)'),
  ).action((options: CopyOptions) => copy(options, terminal))

  command('bench', "run the benchmarks of Parlance's repository", 'bench --help')
    .argument('[options...]', 'options of the benchmarks')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (given: string[]) => end(await bench(given)))

  return program
}
