import { type Counter, type Histogram, latencyBucketsMs, type Metrics } from '@parlance/core'

/** What a client of nodes measures. */
export interface LinkMeasures {
  readonly callMs: Histogram
  readonly givenUp: Counter
  readonly broken: Counter
}

/** Registers the series. */
export function createLinkMeasures(metrics: Metrics): LinkMeasures {
  return {
    callMs: metrics.histogram('gateway_link_call_ms', 'from a call to its answer', latencyBucketsMs),
    givenUp: metrics.counter('gateway_link_calls_given_up_total', 'calls to nodes that failed without an answer'),
    broken: metrics.counter('gateway_link_broken_total', 'links to nodes that ended'),
  }
}
