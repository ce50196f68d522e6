import type { DeliveryReport } from '../delivery-ledger.ts'
import type { Shape, WorkloadName } from './workload.ts'

/** Where the server under test listens. */
export interface Target {
  readonly host: string
  readonly apiPort: number
  readonly webSocketPort: number
  /** The secret that admin tokens are given for. */
  readonly secret: string
}

/** What the runner asks of the load generator's process; sent once. */
export interface LoadOrder {
  readonly workload: WorkloadName
  readonly target: Target
  readonly shape: Shape
}

/** Points in a run at which the runner measures the server. */
export type Mark = 'prepared' | 'window-begins' | 'window-ends' | 'idle-before' | 'idle-after' | 'finished'

/** Percentiles of one latency in one window; absent when nothing was measured. */
export interface LatencySummary {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

/** What the load generator saw in one window. */
export interface WindowReport {
  readonly seconds: number
  readonly acknowledgedPerSecond: number
  readonly deliveredPerSecond: number
  /** Copies of their own messages that senders received, per second. */
  readonly ownCopiesPerSecond: number
  readonly acknowledgement: LatencySummary | undefined
  readonly delivery: LatencySummary | undefined
  /** How late the generator itself was against its schedule; open loop only. */
  readonly sendDelay: LatencySummary | undefined
  /** The generator's CPU time over the window, where 100 is one core. */
  readonly generatorCpuPercent: number
}

/** The outcome of W1, W1-open and W2. */
export interface MessagingReport {
  readonly kind: 'messaging'
  readonly windows: readonly WindowReport[]
  /** From the last send to the last thing due, or to giving up. */
  readonly drainMs: number
  readonly deliveries: DeliveryReport
  /** How many sends were refused with each error code. */
  readonly errorCodes: Readonly<Record<string, number>>
}

/** The outcome of W3 and W4. */
export interface ConnectionsReport {
  readonly kind: 'connections'
  readonly connectionCount: number
  /** Connections per second of each round. */
  readonly connectsPerSecond: readonly number[]
  readonly connect: LatencySummary | undefined
}

/** The outcome of any workload. */
export type LoadReport = MessagingReport | ConnectionsReport

/** What the load generator's process tells the runner. */
export type LoadEvent =
  | { readonly type: 'mark'; readonly mark: Mark; readonly window: number }
  | { readonly type: 'report'; readonly report: LoadReport }
  | { readonly type: 'failed'; readonly message: string }

/** The runner's answer to a mark that the load generator waits at. */
export interface MarkTaken {
  readonly type: 'mark-taken'
}
