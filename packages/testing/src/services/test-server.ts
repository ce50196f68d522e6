import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidArgumentError, ParlanceError } from '@parlance/core'
import { until } from '../until.ts'
import { isStopped } from './is-stopped.ts'
import { releasePort } from './ports.ts'
import { watchdog } from './watchdog.ts'

/** A server ended instead of answering; the message quotes its last lines. */
export class ServerFailedError extends ParlanceError {
  static override readonly code = 'TESTING_SERVER_FAILED'
}

/** What is known of a server that is starting. */
export interface StartingServer {
  readonly pid: number
  /** What it has written since it was started this time. */
  readonly output: () => string
}

/** How a server is run. */
export interface TestServerPlan {
  /** As in "a Redis server"; for messages. */
  readonly name: string
  readonly url: string
  readonly port: number
  readonly folder: string
  readonly command: string
  readonly arguments: readonly string[]
  /** True once the process itself, not another one on its port, serves; what it throws means "not yet". */
  answers(server: StartingServer): Promise<boolean>
  /** What else to give back when it is removed. */
  onRemoved?(): void
}

/** Far above what the slowest of them takes on a loaded machine. */
const startLimitMs = 120_000
const stopLimitMs = 15_000

/** A folder for the data of one server; gone with the server or with this process. */
export function serverFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'parlance-server-'))
  watchdog.keep({ path: folder })
  return folder
}

/**
 * A server of a test's own: a real process on a loopback port, with its own data folder, to be killed and started again.
 *
 * It ends when this process ends, however that happens.
 */
export class TestServer implements AsyncDisposable {
  readonly #plan: TestServerPlan
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()

  constructor(plan: TestServerPlan) {
    this.#plan = plan
  }

  /** How clients reach it: a URL; for Kafka `host:port`. The same after each start. */
  get url(): string {
    return this.#plan.url
  }

  get port(): number {
    return this.#plan.port
  }

  /** Its data, and in `server.log` what it wrote. */
  get folder(): string {
    return this.#plan.folder
  }

  /** The process, or `undefined` while it is down. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * Starts it, again on the same port and data, and resolves once it answers.
   *
   * @throws ServerFailedError when it ends instead, with its last lines; TimeoutError after two minutes;
   *   InvalidArgumentError when it runs.
   */
  async start(): Promise<void> {
    const { name, command, arguments: given, folder } = this.#plan
    if (this.#child !== undefined) throw new InvalidArgumentError(`${name} runs already: kill or stop it first`)
    mkdirSync(folder, { recursive: true })
    const log = join(folder, 'server.log')
    const before = existsSync(log) ? statSync(log).size : 0
    const output = (): string => readFileSync(log).subarray(before).toString('utf8')
    const file = openSync(log, 'a')
    // In a process group of its own: Ctrl-C in a terminal is for the one who started it, who then stops it in order.
    const child = spawn(command, given, { cwd: folder, stdio: ['ignore', file, file], detached: true })
    closeSync(file)
    this.#child = child
    const { pid } = child
    let failure: string | undefined
    this.#ended = new Promise((resolve) => {
      const end = (reason: string): void => {
        failure ??= reason
        if (this.#child === child) this.#child = undefined
        if (pid !== undefined) watchdog.release({ pid })
        resolve()
      }
      child.once('error', (error) => end(error.message))
      child.once('exit', (code, signal) => end(`ended with ${code ?? signal}`))
    })
    if (pid !== undefined) watchdog.keep({ pid })
    child.unref()
    const isUp = async (): Promise<boolean> =>
      failure !== undefined || pid === undefined || this.#plan.answers({ pid, output })
    try {
      await until(`${name} answers on port ${this.port}`, isUp, startLimitMs)
    } catch (error) {
      await this.kill()
      throw error
    }
    if (failure === undefined) return
    const last = output().trim().split('\n').slice(-8).join('\n')
    throw new ServerFailedError(`${name} on port ${this.port} did not start, it ${failure}:\n${last}`)
  }

  /** Starts it for the first time, or leaves nothing of it behind. */
  async started(): Promise<this> {
    try {
      await this.start()
      return this
    } catch (error) {
      await this.remove()
      throw error
    }
  }

  /** Asks it to end, waits until it has; after 15 s it is killed. Nothing happens when it is down. */
  async stop(): Promise<void> {
    const child = this.#child
    child?.kill('SIGTERM')
    const timer = setTimeout(() => child?.kill('SIGKILL'), stopLimitMs)
    await this.#end(child)
    clearTimeout(timer)
  }

  /** Ends it as a power failure would (kill -9), and resolves once it is gone. Nothing happens when it is down. */
  async kill(): Promise<void> {
    const child = this.#child
    child?.kill('SIGKILL')
    await this.#end(child)
  }

  async #end(child: ChildProcess | undefined): Promise<void> {
    child?.ref()
    await this.#ended
  }

  /** Makes it hang: connections stay open, nothing is answered until {@link resume}. Resolves once none of its threads runs. */
  async pause(): Promise<void> {
    const { pid } = this
    if (pid === undefined) return
    this.#child?.kill('SIGSTOP')
    await until(`${this.#plan.name} has stopped`, () => isStopped(pid))
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Kills it, and removes its data. It cannot be started again. */
  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
    watchdog.release({ path: this.folder })
    releasePort(this.port)
    this.#plan.onRemoved?.()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove()
  }
}
