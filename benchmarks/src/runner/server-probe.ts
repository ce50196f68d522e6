import { readFile } from 'node:fs/promises'
import { cpus } from 'node:os'

import type { Clock } from '@parlance/core'

import type { Target } from '../load/messages.ts'

const ticksPerSecond = 100
const commitsCounter = 'parlance_sqlite_commits_total'

/** The server at one moment. A figure is absent when neither the system nor the server tells it. */
export interface ServerSample {
  readonly atMs: number
  /** The same moment on the system's monotonic clock, in microseconds. */
  readonly monotonicUs: number
  readonly cpuSeconds: number | undefined
  readonly residentBytes: number | undefined
  readonly commitCount: number | undefined
  /** CPU time the whole machine has spent, all processes and cores. */
  readonly machineCpuSeconds: number
}

/** Measures the server process: Linux is asked first, the server's own `/metrics` for what it does not tell. */
export class ServerProbe {
  readonly #clock: Clock
  readonly #pid: number
  readonly #metricsUrl: string

  constructor(clock: Clock, pid: number, target: Target) {
    this.#clock = clock
    this.#pid = pid
    this.#metricsUrl = `http://${target.host}:${target.apiPort}/metrics`
  }

  /** Takes one sample. */
  async sample(): Promise<ServerSample> {
    const atMs = this.#clock.elapsed()
    const monotonicUs = Number(process.hrtime.bigint()) / 1000
    const machineCpuSeconds = machineCpu()
    const [stat, status, metrics] = await Promise.all([
      readIfPresent(`/proc/${this.#pid}/stat`),
      readIfPresent(`/proc/${this.#pid}/status`),
      fetchIfPresent(this.#metricsUrl),
    ])
    return {
      atMs,
      monotonicUs,
      cpuSeconds: cpuSecondsOf(stat) ?? sumOfMetric(metrics, 'process_cpu_seconds_total'),
      residentBytes: residentBytesOf(status) ?? sumOfMetric(metrics, 'process_resident_memory_bytes'),
      commitCount: sumOfMetric(metrics, commitsCounter),
      machineCpuSeconds,
    }
  }
}

function machineCpu(): number {
  return cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) / 1000, 0)
}

/** Adds up a metric over its labels in Prometheus text; `undefined` when it does not occur. */
export function sumOfMetric(text: string | undefined, name: string): number | undefined {
  let sum: number | undefined
  for (const line of (text ?? '').split('\n')) {
    if (!line.startsWith(name)) continue
    const rest = line.slice(name.length)
    if (rest[0] !== '{' && rest[0] !== ' ') continue
    const value = Number(
      rest
        .slice(rest.lastIndexOf('}') + 1)
        .trim()
        .split(' ')[0],
    )
    if (Number.isFinite(value)) sum = (sum ?? 0) + value
  }
  return sum
}

function cpuSecondsOf(stat: string | undefined): number | undefined {
  if (stat === undefined) return undefined
  // The second field is the command in parentheses and may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

function residentBytesOf(status: string | undefined): number | undefined {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(status ?? '')
  return match === null ? undefined : Number(match[1]) * 1024
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return undefined
  }
}

async function fetchIfPresent(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    return response.ok ? await response.text() : undefined
  } catch {
    return undefined
  }
}
