import { createHash, randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
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
/** Each time somebody else was faster. */
const lockAttempts = 100

/** The name of this machine without its domain, which may come and go with a network. */
const machineName = (): string =>
  hostname()
    .split('.', 1)[0]!
    .replaceAll(/[^\w-]/g, '_') || 'machine'

/**
 * `<dataDir>/run/<machine>`: what runs here, and what it wrote. Readable by its owner only.
 *
 * Of one machine, because only that can tell which of its processes run, and a data folder may be shared.
 */
export class RunFolder {
  readonly path: string
  readonly #lock: string

  constructor(dataDir: string, machine: string = machineName()) {
    this.path = join(resolve(dataDir), 'run', machine)
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
    const own = this.#takeLock()
    try {
      return await work()
    } finally {
      if (textOf(this.#lock) === own) rmSync(this.#lock, { force: true })
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

  /**
   * Takes the lock and returns what stands in it. A lock whose holder is gone is replaced by whoever first makes the file that is
   * named after it, so that nobody takes a living one away.
   */
  #takeLock(): string {
    const own = `${process.pid}\n${processIdentity(process.pid) ?? ''}\n${randomUUID()}\n`
    const draft = `${this.#lock}.${randomUUID()}`
    try {
      writeFileSync(draft, own, { mode: 0o600 })
      for (let attempt = 0; attempt < lockAttempts; attempt++) {
        if (isLinked(draft, this.#lock)) return own
        const held = textOf(this.#lock)
        if (held === undefined) continue
        assertGone(held)
        const right = `${this.#lock}.${createHash('sha256').update(held).digest('hex').slice(0, 16)}`
        if (isLinked(draft, right)) {
          try {
            if (textOf(this.#lock) === held) {
              writeFileSync(`${draft}.new`, own, { mode: 0o600 })
              renameSync(`${draft}.new`, this.#lock)
              return own
            }
          } finally {
            rmSync(right, { force: true })
          }
        } else {
          const taker = textOf(right)
          if (taker === undefined) continue
          assertGone(taker)
          rmSync(right, { force: true })
        }
      }
    } catch (error) {
      if (error instanceof CliError) throw error
      throw new CliError(
        `${this.#lock} cannot be written (${(error as Error).message}): choose a folder that this user may write with --data-dir or PARLANCE_DATA_DIR`,
        { cause: error },
      )
    } finally {
      rmSync(draft, { force: true })
    }
    throw new CliError('other parlance commands start and stop here: wait until they are done')
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

/** Gives a file a second name, unless something has it. */
function isLinked(path: string, name: string): boolean {
  try {
    linkSync(path, name)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** @throws CliError when the command that holds a lock still runs. */
function assertGone(held: string): void {
  const [pid = '', identity = ''] = held.split('\n')
  if (processIdentity(Number(pid)) === identity)
    throw new CliError(`another parlance command (process ${pid}) starts or stops here: wait until it is done`)
}
