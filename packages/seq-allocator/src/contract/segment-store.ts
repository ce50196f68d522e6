import { deepEqual, equal, rejects } from 'node:assert/strict'
import { defineContract } from '@parlance/testing'
import type { SegmentStore } from '../segments.ts'

/** What every driver of {@link SegmentStore} must do. */
export const segmentStoreContract = defineContract<SegmentStore>()('SegmentStore', {
  'the first number of a stream is 1, and segments follow each other': async (store) => {
    deepEqual(await store.reserve('s', 10), { first: 1, last: 10 })
    deepEqual(await store.reserve('s', 1), { first: 11, last: 11 })
    deepEqual(await store.reserve('other', 5), { first: 1, last: 5 })
  },
  'concurrent reservations never overlap': async (store) => {
    const ranges = await Promise.all(Array.from({ length: 40 }, (_, index) => store.reserve('s', (index % 7) + 1)))
    const numbers = ranges.flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, index) => first + index),
    )
    equal(new Set(numbers).size, numbers.length)
    ranges.forEach(({ first, last }, index) => equal(last - first + 1, (index % 7) + 1))
  },
  'what is no stream or no count is refused': async (store) => {
    const refused = { code: 'CORE_INVALID_ARGUMENT' }
    await rejects(store.reserve('', 1), refused)
    for (const count of [0, -1, 1.5, Number.NaN, 1_000_001]) await rejects(store.reserve('s', count), refused)
    deepEqual(await store.reserve('s', 1), { first: 1, last: 1 })
  },
})
