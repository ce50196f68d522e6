import type { Metrics } from '@parlance/core'

/** Counters and last values by name and labels; `… observed` counts how often a value was set. */
export function recordedMetrics(): { readonly metrics: Metrics; readonly counts: Map<string, number> } {
  const counts = new Map<string, number>()
  const add = (series: string, amount = 1): void => void counts.set(series, (counts.get(series) ?? 0) + amount)
  const seriesOf = (name: string, labels: Readonly<Record<string, string>> = {}): string =>
    [name, ...Object.values(labels)].join(' ')
  const metrics: Metrics = {
    counter: (name, _help, labels) => ({ add: (amount) => add(seriesOf(name, labels), amount) }),
    gauge: (name, _help, labels) => ({
      set: (value) => {
        counts.set(seriesOf(name, labels), value)
        add(`${seriesOf(name, labels)} observed`)
      },
    }),
    histogram: (name, _help, _buckets, labels) => ({ observe: () => add(seriesOf(name, labels)) }),
  }
  return { metrics, counts }
}
