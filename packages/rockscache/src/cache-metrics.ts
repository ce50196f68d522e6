import { type Counter, type Gauge, type Histogram, latencyBucketsMs, type Metrics } from '@parlance/core'

/** The series a cache writes. Every key that is read counts once as a hit, a stale read, a load or a bypass. */
export interface CacheMetrics {
  readonly hits: Counter
  readonly staleReads: Counter
  readonly loads: Counter
  readonly bypasses: Counter
  readonly loadErrors: Counter
  readonly waits: Counter
  readonly lostLeases: Counter
  readonly marks: Counter
  readonly markFailures: Counter
  readonly undeliveredMarks: Gauge
  readonly undecodable: Counter
  readonly storeErrors: Counter
  readonly loadMs: Histogram
}

export function cacheMetrics(metrics: Metrics): CacheMetrics {
  const reads = (result: string) =>
    metrics.counter('rockscache_reads_total', 'Keys looked up in the shared cache, by what came of it.', { result })
  return {
    hits: reads('hit'),
    staleReads: reads('stale'),
    loads: reads('load'),
    bypasses: reads('bypass'),
    loadErrors: metrics.counter('rockscache_load_errors_total', 'Loader calls that failed.'),
    waits: metrics.counter('rockscache_waits_total', 'Waits for a key that somebody else was filling.'),
    lostLeases: metrics.counter(
      'rockscache_lost_leases_total',
      'Loaded values not stored: the key was marked, or the load outlived its lease.',
    ),
    marks: metrics.counter('rockscache_marks_total', 'Keys marked stale.'),
    markFailures: metrics.counter(
      'rockscache_mark_failures_total',
      'Calls of markStale that the shared cache could not be told of; they are repeated.',
    ),
    undeliveredMarks: metrics.gauge(
      'rockscache_undelivered_marks',
      'Keys whose mark the shared cache still has to be told; they are read past it.',
    ),
    undecodable: metrics.counter(
      'rockscache_undecodable_total',
      'Cached values the codec could not read; dropped and loaded anew.',
    ),
    storeErrors: metrics.counter(
      'rockscache_store_errors_total',
      'Probes, fills and releases that failed; leases then end by their time.',
    ),
    loadMs: metrics.histogram('rockscache_load_ms', 'Time one loader call took.', latencyBucketsMs),
  }
}
