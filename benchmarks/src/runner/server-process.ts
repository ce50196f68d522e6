import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'

import { type Clock, wait } from '@parlance/core'

import { ProcessError } from '../errors.ts'

/** Where every server of a run listens. */
export const loopback = '127.0.0.1'

/** Where processes of a run leave their CPU profiles. */
export const profileFolderIn = (folder: string): string => join(folder, 'profile')

const startTimeoutMs = 30_000
const stopTimeoutMs = 20_000
const pollMs = 50
const logTailCharacters = 4_000

/** What a process is started with. */
export interface ServerProcessOptions {
  /** What it is called in tables and messages, such as `gateway`. */
  readonly name: string
  /** The script Node runs. */
  readonly script: string
  /** Where its log goes, and its CPU profile. */
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  /** Records a CPU profile, written when the process stops. */
  readonly isProfiled: boolean
  /** It is up once each of these accepts connections. */
  readonly ports: readonly number[]
  /** Where its metrics are. */
  readonly metricsPort: number
}

/** One process of the server under test. */
export class ServerProcess {
  readonly name: string
  readonly metricsUrl: string
  readonly #child: ChildProcess
  readonly #log: string
  readonly #clock: Clock

  private constructor(clock: Clock, child: ChildProcess, { name, metricsPort }: ServerProcessOptions, log: string) {
    this.name = name
    this.metricsUrl = `http://${loopback}:${metricsPort}/metrics`
    this.#child = child
    this.#log = log
    this.#clock = clock
  }

  /**
   * Starts a process and waits until its ports accept connections.
   *
   * @throws {@link ProcessError} with the end of its output when it ends or stays silent.
   */
  static async start(clock: Clock, options: ServerProcessOptions): Promise<ServerProcess> {
    const { name, script, folder, environment, isProfiled, ports } = options
    const profiling = isProfiled ? ['--cpu-prof', `--cpu-prof-dir=${profileFolderIn(folder)}`] : []
    const file = join(folder, `${name}.log`)
    const log = openSync(file, 'a')
    const env = { ...process.env, ...environment }
    const child = spawn(process.execPath, [...profiling, script], { stdio: ['ignore', log, log], env })
    closeSync(log)
    const started = new ServerProcess(clock, child, options, file)
    try {
      await started.#untilListening(ports)
    } catch (error) {
      await started.stop()
      throw error
    }
    return started
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid!
  }

  /** The end of what it wrote to its output. */
  async logTail(): Promise<string> {
    return (await readFile(this.#log, 'utf8')).slice(-logTailCharacters)
  }

  /** Rejects as soon as it ends by itself. */
  async untilEnded(): Promise<never> {
    if (!this.#hasEnded) await once(this.#child, 'exit')
    throw new ProcessError(`${this.name} ended during the run (${this.#exit}).`)
  }

  /**
   * Asks it to stop and waits until it has.
   *
   * @throws {@link ProcessError} when it does not within 20 s; it is killed then.
   */
  async stop(): Promise<void> {
    if (this.#hasEnded) return
    const ended = once(this.#child, 'exit').then(() => true)
    this.#child.kill('SIGTERM')
    if (await Promise.race([ended, wait(this.#clock, stopTimeoutMs).then(() => false)])) return
    this.#child.kill('SIGKILL')
    await ended
    throw new ProcessError(
      `${this.name} did not stop within ${stopTimeoutMs} ms of SIGTERM. Its last output:\n${await this.logTail()}`,
    )
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  get #exit(): string {
    return `exit code ${this.#child.exitCode ?? '–'}, signal ${this.#child.signalCode ?? '–'}`
  }

  async #untilListening(ports: readonly number[]): Promise<void> {
    const giveUpAtMs = this.#clock.elapsed() + startTimeoutMs
    for (const port of ports) {
      while (!(await accepts(port))) {
        if (this.#hasEnded)
          throw new ProcessError(`${this.name} did not start (${this.#exit}). Its output:\n${await this.logTail()}`)
        if (this.#clock.elapsed() > giveUpAtMs) {
          throw new ProcessError(
            `${this.name} does not listen on ${loopback}:${port}. Its output:\n${await this.logTail()}`,
          )
        }
        await wait(this.#clock, pollMs)
      }
    }
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: loopback, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
