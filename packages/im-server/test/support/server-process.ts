import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { until } from '@parlance/testing'

const bin = fileURLToPath(new URL('../../dist/bin.js', import.meta.url))

/** A port that nobody listens on just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

/** The server as a process of its own, as a person runs it. */
export class ServerProcess {
  readonly api: string
  readonly ws: string
  readonly secret = 'a secret for tests only'
  output = ''
  exit: { readonly code: number | null; readonly signal: string | null } | undefined
  readonly #environment: NodeJS.ProcessEnv
  readonly #arguments: readonly string[]
  #process: ChildProcess

  constructor(
    dataDir: string,
    apiPort: number,
    wsPort: number,
    environment: NodeJS.ProcessEnv = {},
    nodeArguments: readonly string[] = [],
  ) {
    this.api = `http://127.0.0.1:${apiPort}`
    this.ws = `ws://127.0.0.1:${wsPort}`
    this.#arguments = [...nodeArguments, bin]
    this.#environment = {
      PATH: process.env['PATH'],
      PARLANCE_DATA_DIR: dataDir,
      PARLANCE_API_PORT: String(apiPort),
      PARLANCE_WS_PORT: String(wsPort),
      PARLANCE_SECRET: this.secret,
      PARLANCE_LOG_LEVEL: 'warn',
      ...environment,
    }
    this.#process = this.#spawn()
  }

  static async start(
    dataDir: string,
    environment?: NodeJS.ProcessEnv,
    nodeArguments?: readonly string[],
  ): Promise<ServerProcess> {
    const server = new ServerProcess(dataDir, await freePort(), await freePort(), environment, nodeArguments)
    await server.ready()
    return server
  }

  get pid(): number {
    return this.#process.pid!
  }

  async ready(): Promise<void> {
    await until('the server answers', async () => {
      if (this.exit !== undefined) throw new Error(`the server ended: ${this.output}`)
      return (await fetch(`${this.api}/readyz`)).ok
    })
  }

  /** Ends the process at once, as a crash does, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.ended()
  }

  async restart(): Promise<void> {
    this.exit = undefined
    this.#process = this.#spawn()
    await this.ready()
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  ended(): Promise<{ readonly code: number | null; readonly signal: string | null }> {
    return until('the server process ends', () => this.exit)
  }

  async stop(): Promise<void> {
    if (this.exit === undefined) this.signal('SIGTERM')
    await this.ended()
  }

  #spawn(): ChildProcess {
    const child = spawn(process.execPath, this.#arguments, {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => void (this.output += chunk.toString()))
    child.on('exit', (code, signal) => void (this.exit = { code, signal }))
    return child
  }
}
