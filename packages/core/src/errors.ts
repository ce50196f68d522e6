/** Facts about one failure, safe to log and to show: never a secret, never a message body. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

/** What a {@link ParlanceError} can be given besides its message. */
export interface ParlanceErrorOptions {
  readonly details?: ErrorDetails
  readonly cause?: unknown
}

const brand = Symbol.for('@parlance/error')

/**
 * The one base of every error that leaves a Parlance package.
 *
 * A subclass states `static code` (prefixed with its package, for example `CACHE_LEASE_TIMEOUT`) and, when trying
 * again can help, `static retryable = true`. Errors of foreign libraries are converted once, in the driver that met them.
 */
export abstract class ParlanceError extends Error {
  static readonly code: string = 'INTERNAL'
  static readonly retryable: boolean = false

  /** Stable, machine-readable name of the failure. */
  readonly code: string
  /** True when the same call may succeed later without a change by the caller. */
  readonly retryable: boolean
  readonly details: ErrorDetails

  constructor(message: string, options: ParlanceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    const kind = new.target as typeof ParlanceError
    this.name = kind.name
    this.code = kind.code
    this.retryable = kind.retryable
    this.details = options.details ?? {}
    Object.defineProperty(this, brand, { value: true })
  }

  /** Tells whether a value is a Parlance error, also when it comes from another copy of this package. */
  static is(value: unknown): value is ParlanceError {
    return value instanceof Error && brand in value
  }
}

/** A call was made with arguments it cannot accept; the message names the argument and the cure. */
export class InvalidArgumentError extends ParlanceError {
  static override readonly code: string = 'CORE_INVALID_ARGUMENT'
}

/** The object was stopped or closed and takes no more work. */
export class ClosedError extends ParlanceError {
  static override readonly code: string = 'CORE_CLOSED'
}

/** The caller's signal aborted the call. */
export class AbortedError extends ParlanceError {
  static override readonly code: string = 'CORE_ABORTED'
}

/** Something did not finish within its deadline. */
export class TimeoutError extends ParlanceError {
  static override readonly code: string = 'CORE_TIMEOUT'
  static override readonly retryable: boolean = true
}

/** A bounded queue or table is full; try again later. */
export class OverloadedError extends ParlanceError {
  static override readonly code: string = 'CORE_OVERLOADED'
  static override readonly retryable: boolean = true
}
