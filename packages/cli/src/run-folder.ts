import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Milliseconds } from '@parlance/core'
import { CliError } from './cli-error.ts'
import { processIdentity } from './process-identity.ts'

/** What a started process told of where it listens. */
export type Addresses = Readonly<Record<string, string>>

/** A process that `parlance start` started. */
export interface ProcessRecord {
  readonly name: string
  readonly roles: readonly string[]
  readonly pid: number
  /** Tells it from a later process with the same number. */
  readonly identity: string
  /** Empty until it was ready once. */
  readonly addresses: Addresses
  readonly logFile: string
  readonly startedAt: string
  readonly stopDeadlineMs: Milliseconds
}

/** A log longer than this is put aside when its process is started anew. */
const logLimitBytes = 16 * 1024 * 1024

/** `<dataDir>/run`: what runs, and what it wrote. Readable by its owner only. */
export class RunFolder {
  readonly path: string
  readonly #lock: string

  constructor(dataDir: string) {
    this.path = join(resolve(dataDir), 'run')
    this.#lock = join(this.path, 'lock')
  }

  logFile(name: string): string {
    return join(this.path, `${name}.log`)
  }

  /** Names of the processes that wrote a log, running or not. */
  logNames(): string[] {
    return this.#files('.log').map((file) => file.slice(0, -'.log'.length))
  }

  /** @throws CliError for a record that nobody can read. */
  records(): ProcessRecord[] {
    return this.#files('.json').map((file) => {
      const path = join(this.path, file)
      try {
        return parseRecord(readFileSync(path, 'utf8'))
      } catch (error) {
        throw new CliError(
          `${path} does not say which process runs (${(error as Error).message}): look for it by yourself, then delete that file`,
          { cause: error },
        )
      }
    })
  }

  /** One rename: a reader sees the whole record or none. */
  write(record: ProcessRecord): void {
    const path = join(this.path, `${record.name}.json`)
    writeFileSync(`${path}.new`, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }

  remove(name: string): void {
    rmSync(join(this.path, `${name}.json`), { force: true })
  }

  /** Puts a long log of an earlier run aside; of those one is kept. */
  rotateLog(name: string): void {
    const path = this.logFile(name)
    const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (bytes > logLimitBytes) renameSync(path, `${path}.1`)
  }

  /**
   * Does work that changes what runs; of those one at a time.
   *
   * @throws CliError when another command is at it, or the folder cannot be written.
   */
  async changing<T>(work: () => Promise<T>): Promise<T> {
    this.#make()
    this.#takeLock()
    try {
      return await work()
    } finally {
      rmSync(this.#lock, { force: true })
    }
  }

  #make(): void {
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw new CliError(
        `${this.path} cannot be written (${(error as Error).message}): choose a folder that this user may write with --data-dir or PARLANCE_DATA_DIR`,
        { cause: error },
      )
    }
  }

  #takeLock(): void {
    const own = `${process.pid}\n${processIdentity(process.pid) ?? ''}\n`
    for (const isLast of [false, true]) {
      try {
        return writeFileSync(this.#lock, own, { flag: 'wx', mode: 0o600 })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
          throw new CliError(
            `${this.#lock} cannot be written (${(error as Error).message}): choose a folder that this user may write with --data-dir or PARLANCE_DATA_DIR`,
            { cause: error },
          )
        const [pid = '', identity = ''] = readFileSync(this.#lock, 'utf8').split('\n')
        if (isLast || processIdentity(Number(pid)) === identity)
          throw new CliError(`another parlance command (process ${pid}) starts or stops here: wait until it is done`, {
            cause: error,
          })
        rmSync(this.#lock, { force: true })
      }
    }
  }

  #files(ending: string): string[] {
    try {
      return readdirSync(this.path)
        .filter((file) => file.endsWith(ending))
        .toSorted()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw new CliError(`${this.path} cannot be read: ${(error as Error).message}`, { cause: error })
    }
  }
}

/** Whether the process of a record still runs: the very one, not a later one with its number. */
export const isRunning = ({ pid, identity }: ProcessRecord): boolean => processIdentity(pid) === identity

function parseRecord(text: string): ProcessRecord {
  const record = JSON.parse(text) as Partial<ProcessRecord>
  const isWhole =
    typeof record.name === 'string' &&
    Array.isArray(record.roles) &&
    Number.isSafeInteger(record.pid) &&
    typeof record.identity === 'string' &&
    typeof record.addresses === 'object' &&
    typeof record.logFile === 'string' &&
    typeof record.startedAt === 'string' &&
    typeof record.stopDeadlineMs === 'number'
  if (!isWhole) throw new Error('something is missing')
  return record as ProcessRecord
}
