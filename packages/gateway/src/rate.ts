import type { Milliseconds } from '@parlance/core'

/**
 * A token bucket in one number: the time at which the bucket will be full again.
 *
 * @returns the new value of that number after an amount was taken that takes `costMs` to flow in again.
 */
export function take(fullAtMs: Milliseconds, nowMs: Milliseconds, costMs: Milliseconds): Milliseconds {
  return Math.max(fullAtMs, nowMs) + costMs
}

/** How long to wait until the bucket, which holds `burstMs` of flow, is no longer overdrawn. */
export function debtMs(fullAtMs: Milliseconds, nowMs: Milliseconds, burstMs: Milliseconds): Milliseconds {
  return Math.max(0, fullAtMs - nowMs - burstMs)
}
