import type { Counter, Gauge, Metrics } from '@parlance/core'

/** Why everything was dropped. */
export type FlushReason = 'gap' | 'silence' | 'connection' | 'unreadable'

export interface ChannelMetrics {
  readonly published: Counter
  readonly undelivered: Counter
  readonly received: Counter
  readonly flushes: Readonly<Record<FlushReason, Counter>>
  readonly stalenessMs: Gauge
}

export function channelMetrics(metrics: Metrics): ChannelMetrics {
  const flushes = (reason: FlushReason): Counter =>
    metrics.counter(
      'parlance_invalidation_flushes_total',
      'Times everything cached in this process was dropped because invalidations may have been missed, by why.',
      { reason },
    )
  return {
    published: metrics.counter('parlance_invalidation_published_total', 'Messages told to the other processes.'),
    undelivered: metrics.counter(
      'parlance_invalidation_undelivered_total',
      'Messages the other processes were not told; they notice the gap and flush.',
    ),
    received: metrics.counter('parlance_invalidation_received_total', 'Messages heard from other processes.'),
    flushes: {
      gap: flushes('gap'),
      silence: flushes('silence'),
      connection: flushes('connection'),
      unreadable: flushes('unreadable'),
    },
    stalenessMs: metrics.gauge(
      'parlance_invalidation_staleness_ms',
      'How long ago the living process that was heard least recently was heard: what is cached here may be older by this.',
    ),
  }
}
