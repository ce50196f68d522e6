import { type Clock, type Count, type Milliseconds, OverloadedError, systemClock } from '@parlance/core'
import { assertCount, assertStreamName } from './limits.ts'
import type { NumberRange, SegmentStore } from './segments.ts'

/** Numbers that are strictly increasing per stream, taken from segments reserved ahead. */
export interface SegmentedSequence {
  /** The next number. */
  next(stream: string): Promise<number>
  /** The next `count` numbers, one after the other without a gap between them. */
  reserve(stream: string, count: Count): Promise<NumberRange>
}

/** What a segmented sequence needs. */
export interface SegmentedSequenceOptions {
  readonly store: SegmentStore
  /** @defaultValue 16 */
  readonly minSegment?: Count
  /** @defaultValue 10 000 */
  readonly maxSegment?: Count
  /** A segment should last so long: used up faster, the next one is twice as large; slower, half. @defaultValue 1000 */
  readonly segmentLastsMs?: Milliseconds
  /** Streams whose segment is kept; the rest of one that is forgotten is never used. @defaultValue 10 000 */
  readonly maxStreams?: Count
  /** Callers waiting for one stream's refill; more are refused with an OverloadedError. @defaultValue 10 000 */
  readonly maxWaiting?: Count
  readonly clock?: Clock
}

/**
 * Hands out numbers from segments that are reserved in the store, one durable step per segment.
 *
 * Calls of one sequence get increasing numbers in the order of the calls. Two processes never get the same number, but
 * their segments interleave. Numbers are lost, never repeated, when a process ends or a stream is forgotten: at most one
 * segment each time. A caller waits only while a segment is reserved, and goes on as soon as it is; when that fails,
 * everyone who waited gets the store's error.
 */
export function createSegmentedSequence(options: SegmentedSequenceOptions): SegmentedSequence {
  return new StoreBackedSequence(options)
}

interface Waiter {
  readonly count: Count
  resolve(range: NumberRange): void
  reject(error: unknown): void
}

interface StreamSegment {
  first: number
  last: number
  size: Count
  reservedAtMs: Milliseconds
  waiting: Waiter[]
}

const maxReservation: Count = 1_000_000

class StoreBackedSequence implements SegmentedSequence {
  readonly #store: SegmentStore
  readonly #minSegment: Count
  readonly #maxSegment: Count
  readonly #segmentLastsMs: Milliseconds
  readonly #maxStreams: Count
  readonly #maxWaiting: Count
  readonly #clock: Clock
  readonly #segments = new Map<string, StreamSegment>()

  constructor({
    store,
    minSegment = 16,
    maxSegment = 10_000,
    segmentLastsMs = 1000,
    maxStreams = 10_000,
    maxWaiting = 10_000,
    clock = systemClock,
  }: SegmentedSequenceOptions) {
    assertCount('maxSegment', maxSegment, maxReservation)
    assertCount('minSegment', minSegment, maxSegment)
    this.#store = store
    this.#minSegment = minSegment
    this.#maxSegment = maxSegment
    this.#segmentLastsMs = segmentLastsMs
    this.#maxStreams = maxStreams
    this.#maxWaiting = maxWaiting
    this.#clock = clock
  }

  async next(stream: string): Promise<number> {
    return (await this.reserve(stream, 1)).first
  }

  async reserve(stream: string, count: Count): Promise<NumberRange> {
    assertStreamName(stream)
    assertCount('count', count, maxReservation)
    const segment = this.#segmentOf(stream)
    if (segment.waiting.length === 0 && fits(segment, count)) return take(segment, count)
    if (segment.waiting.length >= this.#maxWaiting)
      throw new OverloadedError(`${segment.waiting.length} callers wait for numbers of ${stream}: try again later`)
    return new Promise((resolve, reject) => {
      segment.waiting.push({ count, resolve, reject })
      if (segment.waiting.length === 1) void this.#refill(stream, segment)
    })
  }

  #segmentOf(stream: string): StreamSegment {
    const segment = this.#segments.get(stream) ?? {
      first: 1,
      last: 0,
      size: this.#minSegment,
      reservedAtMs: Number.NEGATIVE_INFINITY,
      waiting: [],
    }
    this.#segments.delete(stream)
    this.#segments.set(stream, segment)
    if (this.#segments.size > this.#maxStreams) this.#forgetOne()
    return segment
  }

  // One with callers waiting stays: a second segment beside it would hand out numbers out of order.
  #forgetOne(): void {
    for (const [stream, segment] of this.#segments) {
      if (segment.waiting.length > 0) continue
      this.#segments.delete(stream)
      return
    }
  }

  async #refill(stream: string, segment: StreamSegment): Promise<void> {
    while (segment.waiting.length > 0) {
      try {
        this.#adapt(segment)
        const wanted = segment.waiting.reduce((sum, { count }) => sum + count, 0)
        const count = Math.min(maxReservation, Math.max(segment.size, wanted))
        const reserved = await this.#store.reserve(stream, count)
        segment.first = reserved.first === segment.last + 1 ? segment.first : reserved.first
        segment.last = reserved.last
      } catch (error) {
        for (const waiter of segment.waiting.splice(0)) waiter.reject(error)
        return
      }
      while (segment.waiting.length > 0 && fits(segment, segment.waiting[0]!.count)) {
        const waiter = segment.waiting.shift()!
        waiter.resolve(take(segment, waiter.count))
      }
    }
  }

  #adapt(segment: StreamSegment): void {
    const now = this.#clock.elapsed()
    const lastedMs = now - segment.reservedAtMs
    if (lastedMs < this.#segmentLastsMs) segment.size = Math.min(this.#maxSegment, segment.size * 2)
    else if (lastedMs > this.#segmentLastsMs * 4)
      segment.size = Math.max(this.#minSegment, Math.floor(segment.size / 2))
    segment.reservedAtMs = now
  }
}

const fits = ({ first, last }: StreamSegment, count: Count): boolean => last - first + 1 >= count

function take(segment: StreamSegment, count: Count): NumberRange {
  const first = segment.first
  segment.first += count
  return { first, last: first + count - 1 }
}
