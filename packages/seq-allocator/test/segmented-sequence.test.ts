import { expect, test } from 'vitest'
import { OverloadedError } from '@parlance/core'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { createSegmentedSequence, type NumberRange, type SegmentStore } from '@parlance/seq-allocator'
import { createEmbeddedSegmentStore } from '@parlance/seq-allocator/embedded'
import { temporaryFolder, VirtualClock } from '@parlance/testing'

/** A store whose reservations resolve when told to, so that callers can be caught waiting. */
class HeldStore implements SegmentStore {
  readonly asked: number[] = []
  readonly #last = new Map<string, number>()
  #held: (() => void)[] = []
  failure: Error | undefined

  async reserve(stream: string, count: number): Promise<NumberRange> {
    this.asked.push(count)
    await new Promise<void>((resolve) => void this.#held.push(resolve))
    if (this.failure !== undefined) throw this.failure
    const first = (this.#last.get(stream) ?? 0) + 1
    this.#last.set(stream, first + count - 1)
    return { first, last: first + count - 1 }
  }

  release(): void {
    for (const resolve of this.#held.splice(0)) resolve()
  }
}

/** A store that answers at once and counts. */
class CountingStore implements SegmentStore {
  readonly asked: number[] = []
  readonly #last = new Map<string, number>()

  async reserve(stream: string, count: number): Promise<NumberRange> {
    this.asked.push(count)
    const first = (this.#last.get(stream) ?? 0) + 1
    this.#last.set(stream, first + count - 1)
    return { first, last: first + count - 1 }
  }
}

test('numbers are handed out in the order of the calls, with one durable step per segment', async () => {
  const store = new CountingStore()
  const invoices = createSegmentedSequence({ store, minSegment: 100, maxSegment: 100 })
  const numbers: number[] = []
  for (let call = 0; call < 250; call++) numbers.push(await invoices.next('2026'))
  expect(numbers).toEqual(Array.from({ length: 250 }, (_, index) => index + 1))
  expect(store.asked).toEqual([100, 100, 100])
})

test('a reservation is one range without a gap', async () => {
  const invoices = createSegmentedSequence({ store: new CountingStore(), minSegment: 16 })
  expect(await invoices.reserve('2026', 100)).toEqual({ first: 1, last: 100 })
  expect(await invoices.next('2026')).toBe(101)
  expect(await invoices.reserve('2026', 3)).toEqual({ first: 102, last: 104 })
})

test('callers that wait for a refill share it and go on when it ends', async () => {
  const store = new HeldStore()
  const sequence = createSegmentedSequence({ store, minSegment: 4, maxSegment: 4 })
  const waiting = Promise.all([sequence.next('s'), sequence.reserve('s', 2), sequence.next('s')])
  expect(store.asked).toEqual([4])
  store.release()
  expect(await waiting).toEqual([1, { first: 2, last: 3 }, 4])
  expect(store.asked).toEqual([4])
})

test('a refill that fails rejects those who wait, and the next call tries again', async () => {
  const store = new HeldStore()
  const sequence = createSegmentedSequence({ store })
  store.failure = new Error('disk')
  const waiting = Promise.allSettled([sequence.next('s'), sequence.next('s')])
  store.release()
  expect((await waiting).map((outcome) => outcome.status === 'rejected' && outcome.reason)).toEqual([
    store.failure,
    store.failure,
  ])
  store.failure = undefined
  const next = sequence.next('s')
  store.release()
  expect(await next).toBe(1)
})

test('too many waiting callers are refused', async () => {
  const store = new HeldStore()
  const sequence = createSegmentedSequence({ store, maxWaiting: 2 })
  const waiting = Promise.all([sequence.next('s'), sequence.next('s')])
  await expect(sequence.next('s')).rejects.toThrow(OverloadedError)
  store.release()
  expect(await waiting).toEqual([1, 2])
})

test('segments of a busy stream grow to the maximum, those of a quiet one shrink to the minimum', async () => {
  const clock = new VirtualClock()
  const store = new CountingStore()
  const sequence = createSegmentedSequence({ store, clock, minSegment: 4, maxSegment: 32, segmentLastsMs: 1000 })
  for (let number = 0; number < 4 + 8 + 16 + 32 + 32; number++) await sequence.next('s')
  expect(store.asked).toEqual([4, 8, 16, 32, 32])
  while (store.asked.length < 9) {
    await clock.advance(10_000)
    await sequence.next('s')
  }
  expect(store.asked.slice(5)).toEqual([16, 8, 4, 4])
})

test('another process in between costs the rest of a segment, never the order', async () => {
  const store = new CountingStore()
  const mine = createSegmentedSequence({ store, minSegment: 10, maxSegment: 10 })
  const other = createSegmentedSequence({ store, minSegment: 10, maxSegment: 10 })
  expect(await mine.next('s')).toBe(1)
  expect(await other.next('s')).toBe(11)
  expect(await mine.reserve('s', 10)).toEqual({ first: 21, last: 30 })
  expect(await other.next('s')).toBe(12)
})

test('streams beyond the bound are forgotten, oldest first, and lose only the rest of their segment', async () => {
  const store = new CountingStore()
  const sequence = createSegmentedSequence({ store, minSegment: 10, maxSegment: 10, maxStreams: 2 })
  for (const stream of ['a', 'b', 'a', 'c']) await sequence.next(stream)
  expect(await sequence.next('a')).toBe(3)
  expect(await sequence.next('b')).toBe(11)
})

test('numbers of the embedded store go on after a restart and never repeat', async () => {
  using folder = temporaryFolder()
  const numbers: number[] = []
  for (let run = 0; run < 3; run++) {
    const engine = SqliteEngine.open({ path: `${folder.path}/data.db` })
    const sequence = createSegmentedSequence({ store: createEmbeddedSegmentStore({ engine }) })
    for (let call = 0; call < 20; call++) numbers.push(await sequence.next('s'))
    await engine.close()
  }
  expect(numbers).toEqual([...new Set(numbers)].toSorted((left, right) => left - right))
})
