export { backoffMs, type BackoffOptions } from './backoff.ts'
export { type Clock, pause, systemClock, type Timer, wait } from './clock.ts'
export { type Deferred, deferred, heardLater } from './deferred.ts'
export {
  AbortedError,
  ClosedError,
  type ErrorDetails,
  InvalidArgumentError,
  OverloadedError,
  ParlanceError,
  type ParlanceErrorOptions,
  TimeoutError,
} from './errors.ts'
export { Lifecycle, type LifecyclePart, StartError, StopError } from './lifecycle.ts'
export { type LogFields, type Logger, silentLogger } from './logger.ts'
export {
  type Counter,
  type Gauge,
  type Histogram,
  type Labels,
  latencyBucketsMs,
  type Metrics,
  noMetrics,
} from './metrics.ts'
export { type Flight, Singleflight } from './singleflight.ts'
export type { Bytes, Count, Milliseconds, Timestamp } from './units.ts'
export { type Closable, Opened } from './opened.ts'
