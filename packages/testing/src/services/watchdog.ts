import { type ChildProcess, spawn } from 'node:child_process'
import { tmpdir } from 'node:os'

/** Something that must not outlive this process: a process, or a file or folder. */
export type Kept = { readonly pid: number } | { readonly path: string }

// A string, because it has to run from the sources and from the build alike, before any loader. The last whole line on
// its input says what is kept; the end of the input means that whoever wrote it is gone, however it went.
const program = `
const { rmSync } = require('node:fs')
let text = ''
let kept = { pids: [], paths: [] }
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined)
process.stdin.on('data', (chunk) => {
  const lines = (text + chunk).split('\\n')
  text = lines.pop()
  if (lines.length > 0) kept = JSON.parse(lines.at(-1))
})
process.stdin.on('close', () => {
  for (const pid of kept.pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if (error.code !== 'ESRCH') console.error(error.message)
    }
  }
  for (const path of kept.paths) rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
})
`

/** Ends what this process leaves behind when it dies, even by kill -9: one small process beside it that waits for its end. */
class Watchdog {
  readonly #pids = new Set<number>()
  readonly #paths = new Set<string>()
  #process: ChildProcess | undefined

  /** From now on this ends with this process. */
  keep(kept: Kept): void {
    if ('pid' in kept) this.#pids.add(kept.pid)
    else this.#paths.add(kept.path)
    this.#tell()
  }

  /** This has ended by itself. */
  release(kept: Kept): void {
    if ('pid' in kept) this.#pids.delete(kept.pid)
    else this.#paths.delete(kept.path)
    this.#tell()
  }

  #tell(): void {
    this.#process ??= this.#start()
    this.#process.stdin?.write(`${JSON.stringify({ pids: [...this.#pids], paths: [...this.#paths] })}\n`)
  }

  // In a process group and a folder of its own: Ctrl-C ends the whole group of the one it watches, and who clears a
  // folder ends what runs in it.
  #start(): ChildProcess {
    const started = spawn(process.execPath, ['-e', program], {
      cwd: tmpdir(),
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true,
    })
    started.unref()
    const input = started.stdin as typeof started.stdin & { unref(): void }
    input.unref()
    // Without it a crash would leave servers behind; that is no reason to fail a test.
    input.on('error', () => (this.#process = undefined))
    return started
  }
}

/** The one of this process. */
export const watchdog = new Watchdog()
