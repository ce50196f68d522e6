import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type TemporaryFolder, temporaryFolder, until } from '@parlance/testing'
import { RunFolder } from '../../src/run-folder.ts'

const bin = fileURLToPath(new URL('../../dist/bin.js', import.meta.url))
/** Stands for the server where several processes are needed. */
export const fakeRole = fileURLToPath(new URL('fake-role.mjs', import.meta.url))

/** What a command said, and how it ended. */
export interface Said {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** The real command, on a data folder of its own. */
export class Parlance {
  readonly #folder: TemporaryFolder = temporaryFolder()

  get dataDir(): string {
    return join(this.#folder.path, 'data')
  }

  get run(): string {
    return new RunFolder(this.dataDir).path
  }

  /** Runs a command to its end. */
  async call(given: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Said> {
    const { said, ended } = this.begin(given, environment)
    const code = await ended
    return { code, ...said }
  }

  /** Begins a command that goes on until it is told to stop. */
  begin(given: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    const child: ChildProcess = spawn(process.execPath, [bin, ...given], {
      env: { PATH: process.env['PATH'], PARLANCE_DATA_DIR: this.dataDir, ...ports, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const said = { out: '', err: '' }
    child.stdout!.on('data', (chunk: Buffer) => void (said.out += chunk.toString()))
    child.stderr!.on('data', (chunk: Buffer) => void (said.err += chunk.toString()))
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    const closeOutput = (): void => void child.stdout!.destroy()
    return { said, ended, closeOutput, signal: (signal: NodeJS.Signals) => child.kill(signal) }
  }

  /** The processes that are recorded. */
  records(): { name: string; pid: number; identity: string; addresses: Record<string, string> }[] {
    if (!existsSync(this.run)) return []
    return readdirSync(this.run)
      .filter((file) => file.endsWith('.json'))
      .map((file) => JSON.parse(readFileSync(join(this.run, file), 'utf8')) as never)
  }

  /** Stops what a test left running. */
  async end(): Promise<void> {
    for (const { pid, addresses } of this.records())
      // Only what answers as ours did: a test may have written a record of something else.
      if (Object.keys(addresses).length > 0 && isAlive(pid) && pid !== process.pid) process.kill(pid, 'SIGKILL')
    await until('nothing runs', () => this.records().every(({ pid }) => pid === process.pid || !isAlive(pid)))
    this.#folder.remove()
  }
}

const ports = { PARLANCE_API_PORT: '0', PARLANCE_WS_PORT: '0' }

/** Whether a process runs; one that ended and waits to be collected does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) [ZX]/s.test(existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '')
  } catch {
    return false
  }
}
