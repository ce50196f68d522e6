import { askHealth, askMetrics } from './health.ts'
import type { Sample } from './prometheus.ts'
import { startCommand } from './roles.ts'
import { type Addresses, isRunning, type ProcessRecord } from './run-folder.ts'

/** How a process is. `ended`: it was started and is gone, though nobody stopped it. */
export type ProcessState = 'ready' | 'not ready' | 'silent' | 'ended'

/** What a consumer has before it. */
export interface Lag {
  readonly topic: string
  readonly group: string
  readonly records: number
}

/** A process as seen now. */
export interface Observation {
  readonly name: string
  readonly roles: readonly string[]
  readonly pid: number
  readonly state: ProcessState
  readonly startedAt: string
  readonly addresses: Addresses
  readonly logFile: string
  readonly dependencies: Readonly<Record<string, string>>
  /** Open sessions; undefined where the process has none to count. */
  readonly sessions: number | undefined
  readonly lag: readonly Lag[]
  /** What is wrong, with the cure; nothing when it is ready. */
  readonly problems: readonly string[]
}

/** Looks at a process: whether it runs, what it says of itself and of what it depends on. Two requests, at most 3 s each. */
export async function observe(record: ProcessRecord): Promise<Observation> {
  const { name, roles, pid, startedAt, addresses, logFile } = record
  const seen = { name, roles, pid, startedAt, addresses, logFile }
  if (!isRunning(record))
    return {
      ...seen,
      state: 'ended',
      dependencies: {},
      sessions: undefined,
      lag: [],
      problems: [
        `${name} has ended by itself: see 'parlance logs ${name}', then start it again with '${startCommand(name)}'`,
      ],
    }
  const [health, samples] = await Promise.all([askHealth(addresses), askMetrics(addresses)])
  const state = health.silence !== undefined ? 'silent' : health.isReady ? 'ready' : 'not ready'
  const wrong = Object.entries(health.dependencies)
    .filter(([, said]) => said !== 'ok')
    .map(([dependency, said]) => `${name}: ${dependency}: ${said}`)
  const problems =
    state === 'silent'
      ? [`${name} does not answer (${health.silence}): see 'parlance logs ${name}'`]
      : state === 'not ready' && wrong.length === 0
        ? [`${name} says that it is not ready: see 'parlance logs ${name}'`]
        : wrong
  return {
    ...seen,
    state,
    dependencies: health.dependencies,
    sessions: sessionsOf(samples),
    lag: lagOf(samples),
    problems,
  }
}

function sessionsOf(samples: readonly Sample[]): number | undefined {
  const counts = samples.filter(({ name }) => name === 'gateway_sessions')
  return counts.length === 0 ? undefined : counts.reduce((sum, { value }) => sum + value, 0)
}

const lagOf = (samples: readonly Sample[]): Lag[] =>
  samples
    .filter(({ name }) => name === 'parlance_log_lag_records')
    .map(({ labels, value }) => ({ topic: labels['topic'] ?? '', group: labels['group'] ?? '', records: value }))
