import type { Metrics } from '@parlance/core'

/** Metrics that keep what they were given, to be asked by tests. */
export function recordingMetrics() {
  const counters = new Map<string, number>()
  const observations = new Map<string, number[]>()
  const metrics: Metrics = {
    counter: (name) => ({ add: (amount = 1) => void counters.set(name, (counters.get(name) ?? 0) + amount) }),
    gauge: () => ({ set: () => undefined }),
    histogram: (name) => ({
      observe: (value) => void observations.set(name, [...(observations.get(name) ?? []), value]),
    }),
  }
  return { metrics, counters, observations }
}
