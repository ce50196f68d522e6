import type { Count } from '@parlance/core'

/**
 * How long lists of relations get. Checked before an entry is added; entries added at the same moment can exceed a bound by as
 * many as they are.
 */
export const relationLimits = {
  /** Friends of one user. */
  friends: 10_000,
  /** Users that one user blocked. */
  blacks: 10_000,
  /** Friend requests of one user that wait for an answer; the same for those sent to one user. */
  openRequests: 1_000,
} as const satisfies Readonly<Record<string, Count>>
