import type { Milliseconds } from './units.ts'

/** How long to wait between tries. */
export interface BackoffOptions {
  /** Longest wait before the second try. */
  readonly firstMs: Milliseconds
  /** No wait is longer than this. */
  readonly maxMs: Milliseconds
  /** Growth from one try to the next. @defaultValue 2 */
  readonly factor?: number
  /** A number in [0, 1); seeded in tests. @defaultValue Math.random */
  readonly random?: () => number
}

/**
 * The wait before try number `attempt` (1 = the first repetition): a random part of an exponentially growing, bounded span.
 *
 * Full jitter: callers that failed together do not come back together.
 */
export function backoffMs(
  attempt: number,
  { firstMs, maxMs, factor = 2, random = Math.random }: BackoffOptions,
): Milliseconds {
  const span = Math.min(maxMs, firstMs * factor ** (attempt - 1))
  return Math.max(1, Math.round(span * random()))
}
