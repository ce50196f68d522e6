import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Clock, wait } from '@parlance/core'

import { ProcessError } from '../errors.ts'
import type { Target } from '../load/messages.ts'

const host = '127.0.0.1'
const startTimeoutMs = 30_000
const stopTimeoutMs = 20_000
const pollMs = 50
const logTailCharacters = 4_000

/** What a server is started with. */
export interface ServerProcessOptions {
  /** The script Node runs. */
  readonly script: string
  /** Records a CPU profile, written when the server stops. */
  readonly isProfiled: boolean
}

/** The server under test: its own process, a temporary data folder and free loopback ports. */
export class ServerProcess {
  readonly target: Target
  readonly profileFolder: string
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #clock: Clock

  private constructor(child: ChildProcess, target: Target, folder: string, clock: Clock) {
    this.#child = child
    this.target = target
    this.#folder = folder
    this.profileFolder = join(folder, 'profile')
    this.#clock = clock
  }

  /**
   * Starts a server and waits until both its ports accept connections.
   *
   * @throws {@link ProcessError} with the end of the server's output when it ends or stays silent.
   */
  static async start(clock: Clock, { script, isProfiled }: ServerProcessOptions): Promise<ServerProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'parlance-benchmark-'))
    await mkdir(join(folder, 'data'))
    const [apiPort, webSocketPort] = await freePorts()
    const target: Target = { host, apiPort, webSocketPort, secret: randomBytes(24).toString('hex') }
    const profiling = isProfiled ? ['--cpu-prof', `--cpu-prof-dir=${join(folder, 'profile')}`] : []
    const log = openSync(join(folder, 'log'), 'a')
    const child = spawn(process.execPath, [...profiling, script], {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        PARLANCE_DATA_DIR: join(folder, 'data'),
        PARLANCE_HOST: host,
        PARLANCE_API_PORT: String(apiPort),
        PARLANCE_WS_PORT: String(webSocketPort),
        PARLANCE_SECRET: target.secret,
      },
    })
    closeSync(log)
    const server = new ServerProcess(child, target, folder, clock)
    try {
      await server.#untilListening()
    } catch (error) {
      await server.close()
      throw error
    }
    return server
  }

  /** The server's process id. */
  get pid(): number {
    return this.#child.pid!
  }

  /** The end of what the server wrote to its output. */
  async logTail(): Promise<string> {
    return (await readFile(join(this.#folder, 'log'), 'utf8')).slice(-logTailCharacters)
  }

  /** Rejects as soon as the server ends by itself. */
  async untilEnded(): Promise<never> {
    if (!this.#hasEnded) await once(this.#child, 'exit')
    throw new ProcessError(`The server ended during the run (${this.#exit}).`)
  }

  /**
   * Asks the server to stop and waits until it has.
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
      `The server did not stop within ${stopTimeoutMs} ms of SIGTERM. Its last output:\n${await this.logTail()}`,
    )
  }

  /** Stops the server if it runs, and deletes its files in any case. */
  async close(): Promise<void> {
    try {
      await this.stop()
    } finally {
      await rm(this.#folder, { recursive: true, force: true })
    }
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  get #exit(): string {
    return `exit code ${this.#child.exitCode ?? '–'}, signal ${this.#child.signalCode ?? '–'}`
  }

  async #untilListening(): Promise<void> {
    const giveUpAtMs = this.#clock.elapsed() + startTimeoutMs
    for (const port of [this.target.apiPort, this.target.webSocketPort]) {
      while (!(await accepts(port))) {
        if (this.#hasEnded)
          throw new ProcessError(`The server did not start (${this.#exit}). Its output:\n${await this.logTail()}`)
        if (this.#clock.elapsed() > giveUpAtMs) {
          throw new ProcessError(`The server does not listen on ${host}:${port}. Its output:\n${await this.logTail()}`)
        }
        await wait(this.#clock, pollMs)
      }
    }
  }
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()]
  const ports: number[] = []
  for (const server of servers) {
    server.listen(0, host)
    await once(server, 'listening')
    const address = server.address()
    ports.push(typeof address === 'object' && address !== null ? address.port : 0)
  }
  for (const server of servers) {
    server.close()
    await once(server, 'close')
  }
  return [ports[0]!, ports[1]!]
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
