import { type Clock, wait } from '@parlance/core'

import { LatencyHistogram } from '../latency-histogram.ts'
import type { LatencySummary, WindowReport } from './messages.ts'
import type { Shape } from './workload.ts'

/** Counts what happens in one window, or in the warm-up. */
export class WindowCounts {
  acknowledgedCount = 0
  deliveredCount = 0
  ownCopyCount = 0
  readonly acknowledgement = new LatencyHistogram()
  readonly delivery = new LatencyHistogram()
  readonly sendDelay = new LatencyHistogram()
}

/** Tells the runner that a window begins or ends. */
export type WindowListener = (mark: 'window-begins' | 'window-ends', window: number) => void

/** Divides a run into warm-up and windows; whatever is counted goes to {@link current}. */
export class WindowRecorder {
  readonly #clock: Clock
  readonly #shape: Shape
  readonly #onMark: WindowListener
  #current = new WindowCounts()

  constructor(clock: Clock, shape: Shape, onMark: WindowListener) {
    this.#clock = clock
    this.#shape = shape
    this.#onMark = onMark
  }

  /** Where to count now; fetch it anew for every chunk. */
  get current(): WindowCounts {
    return this.#current
  }

  /** Lets the warm-up and every window pass. What arrives after the last one is counted nowhere. */
  async run(): Promise<WindowReport[]> {
    const reports: WindowReport[] = []
    await wait(this.#clock, this.#shape.warmUpMs)
    for (let window = 0; window < this.#shape.windowCount; window += 1) {
      const counts = new WindowCounts()
      const cpuBefore = process.cpuUsage()
      const beginsAtMs = this.#clock.elapsed()
      this.#current = counts
      this.#onMark('window-begins', window)
      await wait(this.#clock, this.#shape.windowMs)
      const seconds = (this.#clock.elapsed() - beginsAtMs) / 1000
      this.#current = new WindowCounts()
      this.#onMark('window-ends', window)
      const cpu = process.cpuUsage(cpuBefore)
      reports.push(summarize(counts, seconds, (cpu.user + cpu.system) / 1e6))
    }
    return reports
  }
}

/** The percentiles of a histogram; `undefined` when it is empty. */
export function summarizeLatency(histogram: LatencyHistogram): LatencySummary | undefined {
  if (histogram.count === 0) return undefined
  return {
    p50Ms: histogram.percentileMs(0.5)!,
    p99Ms: histogram.percentileMs(0.99)!,
    p999Ms: histogram.percentileMs(0.999)!,
    maxMs: histogram.maxMs,
  }
}

function summarize(counts: WindowCounts, seconds: number, cpuSeconds: number): WindowReport {
  return {
    seconds,
    acknowledgedPerSecond: counts.acknowledgedCount / seconds,
    deliveredPerSecond: counts.deliveredCount / seconds,
    ownCopiesPerSecond: counts.ownCopyCount / seconds,
    acknowledgement: summarizeLatency(counts.acknowledgement),
    delivery: summarizeLatency(counts.delivery),
    sendDelay: summarizeLatency(counts.sendDelay),
    generatorCpuPercent: (100 * cpuSeconds) / seconds,
  }
}
