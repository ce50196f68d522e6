import { ParlanceError, type ParlanceErrorOptions } from '@parlance/core'

/** The codec refused a value that was loaded, or could not read bytes it had written itself. The codec's error is the cause. */
export class CacheCodecError extends ParlanceError {
  static override readonly code = 'CACHE_CODEC'
}

/**
 * The shared cache could not be told that keys are stale: other processes may still be served what it holds.
 *
 * The mark is repeated until it is told; {@link delivered} then resolves. This process reads the keys past the cache until then.
 */
export class UndeliveredMarkError extends ParlanceError {
  static override readonly code = 'CACHE_MARK_UNDELIVERED'
  static override readonly retryable = true
  /** Resolves once the shared cache was told; rejects if its store is closed before. */
  readonly delivered: Promise<void>

  constructor(
    message: string,
    { delivered, ...options }: ParlanceErrorOptions & { readonly delivered: Promise<void> },
  ) {
    super(message, options)
    this.delivered = delivered
  }
}
