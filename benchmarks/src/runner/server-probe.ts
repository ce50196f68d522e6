import { readFile } from 'node:fs/promises'
import { cpus } from 'node:os'

import type { Clock } from '@parlance/core'

const ticksPerSecond = 100
const commitsCounter = 'parlance_sqlite_commits_total'

/** A process to be measured. */
export interface ProbedProcess {
  readonly name: string
  readonly pid: number
  /** Where it tells of itself, if it does. */
  readonly metricsUrl?: string
}

/** One process at one moment. A figure is absent when neither the system nor the process tells it. */
export interface ProcessSample {
  readonly name: string
  readonly cpuSeconds: number | undefined
  readonly residentBytes: number | undefined
  readonly commitCount: number | undefined
}

/** The server, and what it stands on, at one moment. */
export interface ServerSample {
  readonly atMs: number
  /** The same moment on the system's monotonic clock, in microseconds. */
  readonly monotonicUs: number
  readonly server: readonly ProcessSample[]
  readonly services: readonly ProcessSample[]
  /** CPU time the whole machine has spent, all processes and cores. */
  readonly machineCpuSeconds: number
}

/** Measures processes: Linux is asked first, a process's own `/metrics` for what it does not tell. */
export class ServerProbe {
  readonly #clock: Clock
  readonly #server: readonly ProbedProcess[]
  readonly #services: readonly ProbedProcess[]

  constructor(clock: Clock, server: readonly ProbedProcess[], services: readonly ProbedProcess[]) {
    this.#clock = clock
    this.#server = server
    this.#services = services
  }

  /** Takes one sample. */
  async sample(): Promise<ServerSample> {
    const atMs = this.#clock.elapsed()
    const monotonicUs = Number(process.hrtime.bigint()) / 1000
    const machineCpuSeconds = machineCpu()
    const [server, services] = await Promise.all(
      [this.#server, this.#services].map((group) => Promise.all(group.map(sampleOf))),
    )
    return { atMs, monotonicUs, server: server!, services: services!, machineCpuSeconds }
  }
}

async function sampleOf({ name, pid, metricsUrl }: ProbedProcess): Promise<ProcessSample> {
  const [stat, status, metrics] = await Promise.all([
    readIfPresent(`/proc/${pid}/stat`),
    readIfPresent(`/proc/${pid}/status`),
    metricsUrl === undefined ? undefined : fetchIfPresent(metricsUrl),
  ])
  return {
    name,
    cpuSeconds: cpuSecondsOf(stat) ?? sumOfMetric(metrics, 'process_cpu_seconds_total'),
    residentBytes: residentBytesOf(status) ?? sumOfMetric(metrics, 'process_resident_memory_bytes'),
    commitCount: sumOfMetric(metrics, commitsCounter),
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
