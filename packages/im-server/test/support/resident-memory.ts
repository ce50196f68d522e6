import { existsSync, readFileSync } from 'node:fs'

/** Whether the memory of another process can be read here. */
export const canReadMemory = existsSync('/proc/self/status')

/** How much memory a process holds, read again and again; the highest counts. */
export class ResidentMemory {
  highestBytes = 0
  readonly #pid: number
  readonly #timer: NodeJS.Timeout

  constructor(pid: number, everyMs = 100) {
    this.#pid = pid
    this.read()
    this.#timer = setInterval(() => this.read(), everyMs)
  }

  /** Reads it now; 0 where it cannot be read. */
  read(): number {
    if (!canReadMemory) return 0
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'))
    const bytes = Number(line?.[1] ?? 0) * 1024
    this.highestBytes = Math.max(this.highestBytes, bytes)
    return bytes
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
