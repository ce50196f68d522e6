import { type ChildProcess, spawn } from 'node:child_process'
import { ParlanceError } from '@parlance/core'
import { until } from '../until.ts'
import { watchdog } from './watchdog.ts'

/** A process ended that nobody had ended; the message quotes its last output. */
export class ProcessEndedError extends ParlanceError {
  static override readonly code = 'TESTING_PROCESS_ENDED'
}

/** How a process is run. */
export interface SupervisedPlan {
  /** For messages. */
  readonly name: string
  readonly command: string
  readonly arguments: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  /** True once it serves; what it throws means "not yet". */
  isReady(): Promise<boolean>
}

/** What a failing test shows of a process. */
const keptCharacters = 20_000
const startLimitMs = 120_000

/**
 * A process of a test's own, to be killed and started again. While it starts it may end as often as it likes: it is begun again, as
 * whoever supervises it does. Later that is an error, which {@link SupervisedProcess.ready} throws.
 *
 * It ends when this process ends, however that happens.
 */
export class SupervisedProcess {
  /** The last of what it wrote, over all its starts. */
  output = ''
  readonly #plan: SupervisedPlan
  #process: ChildProcess | undefined

  constructor(plan: SupervisedPlan) {
    this.#plan = plan
  }

  /** `undefined` while it is down. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Resolves once it serves. @throws TimeoutError when it does not within two minutes. */
  start(): Promise<void> {
    const { name } = this.#plan
    return until(
      `${name} has started`,
      async () => {
        if (this.#process === undefined) this.#spawn()
        return this.#plan.isReady()
      },
      startLimitMs,
    ).then(() => undefined)
  }

  /** Resolves once it serves again. @throws ProcessEndedError when it has ended by itself; TimeoutError after two minutes. */
  async ready(): Promise<void> {
    const { name } = this.#plan
    const hasEnded = (): boolean => this.#process === undefined
    await until(`${name} is ready`, async () => hasEnded() || this.#plan.isReady(), startLimitMs)
    if (hasEnded()) throw new ProcessEndedError(`${name} ended by itself: ${this.output}`)
  }

  /** Ends it as a power failure would (kill -9), and resolves once it is gone. */
  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL')
    await until(`${this.#plan.name} is gone`, () => this.#process === undefined)
  }

  /** Asks it to end. @throws ProcessEndedError when it does not within a minute: it was killed then. */
  async stop(): Promise<void> {
    this.#process?.kill('SIGTERM')
    try {
      await until(`${this.#plan.name} has stopped`, () => this.#process === undefined, 60_000)
    } catch (error) {
      await this.kill()
      throw new ProcessEndedError(`${this.#plan.name} did not stop: ${this.output}`, { cause: error })
    }
  }

  #spawn(): void {
    const { command, arguments: given, environment } = this.#plan
    const child = spawn(command, given, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-keptCharacters)
      })
    const { pid } = child
    if (pid !== undefined) watchdog.keep({ pid })
    const end = (reason: string): void => {
      if (pid !== undefined) watchdog.release({ pid })
      this.output += `(${reason})\n`
      if (this.#process === child) this.#process = undefined
    }
    child.once('error', (error) => end(error.message))
    child.once('exit', (code, signal) => end(`ended with ${code ?? signal}`))
  }
}
