import type { Counter, Gauge, Histogram, Labels, Metrics } from '@parlance/core'
import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client'

/** Measurements in memory, shown in Prometheus' text format. */
export interface PrometheusMetrics extends Metrics {
  text(): Promise<string>
  readonly contentType: string
}

let ofProcess: Registry | undefined

/** What the process measures of itself. Its observers last as long as the process, so there is one set of them for all servers. */
function processRegistry(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess })
  }
  return ofProcess
}

/** A registry of its own, so that several servers fit into one process; what is the process's they share. */
export function createMetrics(): PrometheusMetrics {
  const registry = new Registry()
  const shared = processRegistry()
  const series = new Map<string, unknown>()
  const once = <T>(name: string, make: () => T): T => {
    const known = series.get(name) as T | undefined
    if (known !== undefined) return known
    const made = make()
    series.set(name, made)
    return made
  }
  const names = (labels: Labels = {}): string[] => Object.keys(labels).toSorted()
  return {
    contentType: registry.contentType,
    text: async () => `${await shared.metrics()}\n${await registry.metrics()}`,
    counter(name, help, labels = {}): Counter {
      const counter = once(
        name,
        () => new PromCounter({ name, help, labelNames: names(labels), registers: [registry] }),
      ).labels(labels)
      return { add: (amount = 1) => counter.inc(amount) }
    },
    gauge(name, help, labels = {}): Gauge {
      const gauge = once(
        name,
        () => new PromGauge({ name, help, labelNames: names(labels), registers: [registry] }),
      ).labels(labels)
      return { set: (value) => gauge.set(value) }
    },
    histogram(name, help, buckets, labels = {}): Histogram {
      const histogram = once(
        name,
        () =>
          new PromHistogram({ name, help, buckets: [...buckets], labelNames: names(labels), registers: [registry] }),
      ).labels(labels)
      return { observe: (value) => histogram.observe(value) }
    },
  }
}
