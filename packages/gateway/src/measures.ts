import type { Counter, Gauge, Metrics } from '@parlance/core'

/** What the gateway measures. */
export interface Measures {
  readonly sessions: Gauge
  readonly framesIn: Counter
  readonly bytesIn: Counter
  readonly framesOut: Counter
  readonly bytesOut: Counter
  readonly pushesDropped: Counter
  readonly throttled: Counter
  readonly requestsFailed: Counter
  refused(reason: string): Counter
  closed(code: number): Counter
}

/** Registers the series. */
export function createMeasures(metrics: Metrics): Measures {
  const counter = (name: string, help: string): Counter => metrics.counter(`gateway_${name}_total`, help)
  return {
    sessions: metrics.gauge('gateway_sessions', 'open sessions of this node'),
    framesIn: counter('frames_received', 'messages received'),
    bytesIn: counter('bytes_received', 'payload bytes received'),
    framesOut: counter('frames_sent', 'messages handed to sockets'),
    bytesOut: counter('bytes_sent', 'frame bytes handed to sockets'),
    pushesDropped: counter('pushes_dropped', 'pushes not queued to a slow consumer'),
    throttled: counter('throttled', 'times a session was paused because of its rate'),
    requestsFailed: counter('requests_failed', 'requests whose handler threw'),
    refused: (reason) => metrics.counter('gateway_refused_total', 'clients that did not become sessions', { reason }),
    closed: (code) =>
      metrics.counter('gateway_closed_total', 'sessions that ended, by the code their peer saw or sent', {
        code: knownCode(code),
      }),
  }
}

// A peer may send any of 2 000 codes; a label must not have that many values.
function knownCode(code: number): string {
  if (code >= 4000) return code < 4500 ? '4000-4499' : '4500-4999'
  return code < 1016 || (code >= 3000 && code < 3010) || (code >= 3500 && code < 3510) ? String(code) : 'other'
}
