import type { Clock } from '@parlance/core'

import { ProcessError } from '../errors.ts'
import type { LoadReport, Mark } from '../load/messages.ts'
import type { Shape, WorkloadName } from '../load/workload.ts'
import { runLoad } from './load-process.ts'
import { type ProfileSummary, type Span, summarizeProfiles } from './profile-summary.ts'
import { Server } from './server.ts'
import { type ProcessSample, ServerProbe, type ServerSample } from './server-probe.ts'
import type { Services } from './services.ts'
import type { StackName } from './stack.ts'

/** What the server used during one window. */
export interface ServerWindow {
  /** CPU time of all its processes, where 100 is one core. */
  readonly cpuPercent: number | undefined
  /** The same for each process by its name: the server's, then those of the services that this run started. */
  readonly cpuPercentOf: Readonly<Record<string, number | undefined>>
  readonly commitsPerSecond: number | undefined
  /** CPU time of everything on the machine, this run included. */
  readonly machineCpuPercent: number | undefined
}

/** Everything measured in one workload. */
export interface WorkloadResult {
  readonly workload: WorkloadName
  readonly stack: StackName
  readonly load: LoadReport
  readonly windows: readonly ServerWindow[]
  /** Resident memory with everyone connected, before the load. */
  readonly residentBytesBefore: number | undefined
  /** The most resident memory seen at a mark. */
  readonly residentBytesPeak: number | undefined
  /** Growth of resident memory per connection; W3 only. */
  readonly bytesPerConnection: number | undefined
  readonly profile: ProfileSummary | undefined
}

/** How to run a workload. */
export interface WorkloadOptions {
  readonly workload: WorkloadName
  readonly shape: Shape
  readonly script: string
  readonly isProfiled: boolean
  /** What the server stands on; without them on a file of its own. */
  readonly services: Services | undefined
  /** Ends the run; server and files are cleared away before the failure is reported. */
  readonly signal: AbortSignal
}

/** Runs one workload against a server started for it alone, which is stopped and removed afterwards. */
export async function runWorkload(clock: Clock, options: WorkloadOptions): Promise<WorkloadResult> {
  const { workload, shape, script, isProfiled, services, signal } = options
  const server = await Server.start(clock, { script, isProfiled, services })
  const marks: TakenMark[] = []
  const finished = new AbortController()
  try {
    const probe = new ServerProbe(clock, server.processes, services?.processes ?? [])
    const order = { workload, target: server.target, shape }
    const onMark = async (mark: Mark, window: number): Promise<void> => {
      marks.push({ mark, window, sample: await probe.sample() })
    }
    const measured = runLoad(order, onMark, AbortSignal.any([signal, finished.signal]))
    const load = await Promise.race([measured, server.untilEnded()]).catch(async (cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new ProcessError(`${reason}\nThe server's last output:\n${await server.logTail()}`, { cause })
    })
    await server.stop()
    const at = (mark: Mark, window = 0): ServerSample | undefined =>
      marks.find((entry) => entry.mark === mark && entry.window === window)?.sample
    return {
      workload,
      stack: services === undefined ? 'embedded' : 'services',
      load,
      windows: Array.from({ length: shape.windowCount }, (_, window) =>
        between(at('window-begins', window), at('window-ends', window)),
      ),
      residentBytesBefore: residentBytesOf(at('prepared')),
      residentBytesPeak: marks.reduce<number | undefined>(
        (peak, { sample }) => larger(peak, residentBytesOf(sample)),
        undefined,
      ),
      bytesPerConnection: growthPerConnection(at('idle-before'), at('idle-after'), shape.connectionCount),
      profile: isProfiled ? await summarizeProfiles(server.profileFolder, measuredSpans(marks)) : undefined,
    }
  } finally {
    finished.abort()
    await server.close()
  }
}

interface TakenMark {
  readonly mark: Mark
  readonly window: number
  readonly sample: ServerSample
}

function measuredSpans(marks: readonly TakenMark[]): Span[] {
  const begins = marks.filter(({ mark }) => mark === 'window-begins' || mark === 'idle-before')
  const ends = marks.filter(({ mark }) => mark === 'window-ends' || mark === 'idle-after')
  return begins.map(({ sample }, index) => ({
    beginUs: sample.monotonicUs,
    endUs: ends[index]?.sample.monotonicUs ?? Infinity,
  }))
}

function between(begin: ServerSample | undefined, end: ServerSample | undefined): ServerWindow {
  const seconds = ((end?.atMs ?? 0) - (begin?.atMs ?? 0)) / 1000
  const rate = (from: number | undefined, to: number | undefined): number | undefined =>
    from === undefined || to === undefined || seconds <= 0 ? undefined : (to - from) / seconds
  const percent = (cores: number | undefined): number | undefined => (cores === undefined ? undefined : 100 * cores)
  const cpuOf = ({ cpuSeconds }: ProcessSample): number | undefined => cpuSeconds
  const commitsOf = ({ commitCount }: ProcessSample): number | undefined => commitCount
  const processes = (sample: ServerSample | undefined) => [...(sample?.server ?? []), ...(sample?.services ?? [])]
  const ends = new Map(processes(end).map((each) => [each.name, each]))
  return {
    cpuPercent: percent(rate(sum(begin?.server, cpuOf), sum(end?.server, cpuOf))),
    cpuPercentOf: Object.fromEntries(
      processes(begin).map(({ name, cpuSeconds }) => [name, percent(rate(cpuSeconds, ends.get(name)?.cpuSeconds))]),
    ),
    machineCpuPercent: percent(rate(begin?.machineCpuSeconds, end?.machineCpuSeconds)),
    commitsPerSecond: rate(sum(begin?.server, commitsOf), sum(end?.server, commitsOf)),
  }
}

/** Absent when no process tells the figure. */
function sum(
  processes: readonly ProcessSample[] | undefined,
  read: (sample: ProcessSample) => number | undefined,
): number | undefined {
  const told = (processes ?? []).map(read).filter((value) => value !== undefined)
  return told.length === 0 ? undefined : told.reduce((left, right) => left + right, 0)
}

const residentBytesOf = (sample: ServerSample | undefined): number | undefined =>
  sum(sample?.server, ({ residentBytes }) => residentBytes)

function growthPerConnection(
  before: ServerSample | undefined,
  after: ServerSample | undefined,
  connectionCount: number,
): number | undefined {
  const [from, to] = [residentBytesOf(before), residentBytesOf(after)]
  return from === undefined || to === undefined ? undefined : (to - from) / connectionCount
}

function larger(left: number | undefined, right: number | undefined): number | undefined {
  if (left === undefined || right === undefined) return left ?? right
  return Math.max(left, right)
}
