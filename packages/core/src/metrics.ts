/** A number that only grows. */
export interface Counter {
  add(amount?: number): void
}

/** A number that goes up and down. */
export interface Gauge {
  set(value: number): void
}

/** A distribution, for latencies (in milliseconds) and sizes. */
export interface Histogram {
  observe(value: number): void
}

/** Labels of one time series; few values each, never an id. */
export type Labels = Readonly<Record<string, string>>

/** Where measurements go. Asking twice for the same name and labels gives the same series. */
export interface Metrics {
  counter(name: string, help: string, labels?: Labels): Counter
  gauge(name: string, help: string, labels?: Labels): Gauge
  histogram(name: string, help: string, buckets: readonly number[], labels?: Labels): Histogram
}

const nothing = { add: () => undefined, set: () => undefined, observe: () => undefined }

/** Measures nothing; the default of every library class. */
export const noMetrics: Metrics = { counter: () => nothing, gauge: () => nothing, histogram: () => nothing }

/** Bucket bounds that suit latencies from a tenth of a millisecond to ten seconds. */
export const latencyBucketsMs: readonly number[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000,
]
