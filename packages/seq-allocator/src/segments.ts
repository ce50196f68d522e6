import type { Count } from '@parlance/core'

/** A run of numbers, both ends included. */
export interface NumberRange {
  readonly first: number
  readonly last: number
}

/** Where reserved segments are kept: one durable step per reservation, never the same number twice. */
export interface SegmentStore {
  /** Reserves the next `count` numbers of the stream; the first number of a stream is 1. */
  reserve(stream: string, count: Count): Promise<NumberRange>
}
