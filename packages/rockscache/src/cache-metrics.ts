import { type Counter, type Histogram, latencyBucketsMs, type Metrics } from '@parlance/core'

/** The series a cache writes. Every key that is read counts once as a hit, a stale read or a load. */
export interface CacheMetrics {
  readonly hits: Counter
  readonly staleReads: Counter
  readonly loads: Counter
  readonly loadErrors: Counter
  readonly waits: Counter
  readonly lostLeases: Counter
  readonly marks: Counter
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
    loadErrors: metrics.counter('rockscache_load_errors_total', 'Loader calls that failed.'),
    waits: metrics.counter('rockscache_waits_total', 'Waits for a key that somebody else was filling.'),
    lostLeases: metrics.counter(
      'rockscache_lost_leases_total',
      'Loaded values not stored: the key was marked, or the load outlived its lease.',
    ),
    marks: metrics.counter('rockscache_marks_total', 'Keys marked stale.'),
    undecodable: metrics.counter(
      'rockscache_undecodable_total',
      'Cached values the codec could not read; dropped and loaded anew.',
    ),
    storeErrors: metrics.counter(
      'rockscache_store_errors_total',
      'Fills and releases that failed; the lease then ends by its time.',
    ),
    loadMs: metrics.histogram('rockscache_load_ms', 'Time one loader call took.', latencyBucketsMs),
  }
}
