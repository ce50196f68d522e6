import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { defineContract } from '@parlance/testing'
import type { Journal, NewEntry, StoredEntry } from '../journal.ts'

const entry = (text: string, repeatKey?: string): NewEntry => ({
  payload: Buffer.from(text),
  ...(repeatKey === undefined ? {} : { repeatKey }),
})
const numbered = (count: number, prefix = 'e'): NewEntry[] =>
  Array.from({ length: count }, (_, index) => entry(`${prefix}${index + 1}`))
const textsOf = (entries: readonly StoredEntry[]): string[] =>
  entries.map(({ seq, payload }) => `${seq}:${Buffer.from(payload).toString()}`)
const headOf = async (journal: Journal, stream: string): Promise<number> => (await journal.heads([stream]))[0]!.head

/** What every driver of {@link Journal} must do. */
export const journalContract = defineContract<Journal>()('Journal', {
  'numbers begin at 1 and have no gap, over calls and within them': async (journal) => {
    const first = await journal.append('s', numbered(3))
    const second = await journal.append('s', numbered(2, 'f'))
    deepEqual(
      [...first, ...second],
      [1, 2, 3, 4, 5].map((seq) => ({ seq, repeated: false })),
    )
    deepEqual(textsOf(await journal.read('s', 1, 5)), ['1:e1', '2:e2', '3:e3', '4:f1', '5:f2'])
  },
  'every stream counts for itself': async (journal) => {
    await journal.append('a', numbered(3))
    deepEqual(await journal.append('b', numbered(1)), [{ seq: 1, repeated: false }])
    deepEqual(await journal.heads(['b', 'never', 'a']), [
      { head: 1, floor: 0 },
      { head: 0, floor: 0 },
      { head: 3, floor: 0 },
    ])
  },
  'appending nothing stores nothing': async (journal) => {
    deepEqual(await journal.append('s', []), [])
    equal(await headOf(journal, 's'), 0)
  },
  'concurrent appends share no number and leave none out, each call in one piece': async (journal) => {
    const calls = await Promise.all(
      Array.from({ length: 30 }, (_, call) => journal.append('s', numbered((call % 3) + 1, `c${call}.`))),
    )
    const seqs = calls.flat().map(({ seq }) => seq)
    deepEqual(
      seqs.toSorted((left, right) => left - right),
      seqs.map((_, index) => index + 1),
    )
    for (const call of calls) ok(call.every(({ seq }, index) => seq === call[0]!.seq + index))
    const stored = textsOf(await journal.read('s', 1, seqs.length))
    calls.forEach((call, index) =>
      call.forEach(({ seq }, position) => equal(stored[seq - 1], `${seq}:c${index}.${position + 1}`)),
    )
  },
  'an entry that comes again gets the number of the first, and is stored once': async (journal) => {
    await journal.append('s', [entry('a', 'key-a'), entry('b', 'key-b')])
    deepEqual(await journal.append('s', [entry('b again', 'key-b'), entry('c', 'key-c'), entry('a again', 'key-a')]), [
      { seq: 2, repeated: true },
      { seq: 3, repeated: false },
      { seq: 1, repeated: true },
    ])
    deepEqual(textsOf(await journal.read('s', 1, 9)), ['1:a', '2:b', '3:c'])
  },
  'repeats are recognised within one call and among concurrent calls': async (journal) => {
    deepEqual(await journal.append('s', [entry('a', 'k'), entry('a', 'k')]), [
      { seq: 1, repeated: false },
      { seq: 1, repeated: true },
    ])
    const results = await Promise.all(Array.from({ length: 5 }, () => journal.append('s', [entry('b', 'l')])))
    deepEqual(
      results.flat().map(({ seq }) => seq),
      [2, 2, 2, 2, 2],
    )
    equal(results.flat().filter(({ repeated }) => !repeated).length, 1)
    equal(await headOf(journal, 's'), 2)
  },
  'the same repeat key in two streams is two entries': async (journal) => {
    await journal.append('a', [entry('a', 'k')])
    deepEqual(await journal.append('b', [entry('b', 'k')]), [{ seq: 1, repeated: false }])
  },
  'entries without a repeat key are never repeats': async (journal) => {
    const same = entry('same')
    deepEqual(
      (await journal.append('s', [same, same, same])).map(({ seq, repeated }) => [seq, repeated]),
      [
        [1, false],
        [2, false],
        [3, false],
      ],
    )
  },
  'a range is ascending, whatever the calls that stored it, and leaves out what is not there': async (journal) => {
    for (const size of [1, 4, 2, 5]) await journal.append('s', numbered(size))
    const seqs = async (first: number, last: number, limit?: number) =>
      (await journal.read('s', first, last, limit)).map(({ seq }) => seq)
    deepEqual(await seqs(4, 9), [4, 5, 6, 7, 8, 9])
    deepEqual(await seqs(6, 6), [6])
    deepEqual(await seqs(11, 99), [11, 12])
    deepEqual(await seqs(-5, 2), [1, 2])
    deepEqual(await seqs(13, 20), [])
    deepEqual(await seqs(9, 4), [])
    deepEqual(await seqs(3, 12, 4), [3, 4, 5, 6])
    deepEqual(await journal.read('never', 1, 10), [])
  },
  'a read is cut by its bytes, but never to nothing': async (journal) => {
    const sizes = [400, 400, 400, 3000, 1, 900]
    await journal.append(
      's',
      sizes.slice(0, 2).map((size) => ({ payload: new Uint8Array(size) })),
    )
    await journal.append(
      's',
      sizes.slice(2).map((size) => ({ payload: new Uint8Array(size) })),
    )
    const seqs = async (first: number, maxBytes: number, limit?: number) =>
      (await journal.read('s', first, 9, limit, maxBytes)).map(({ seq }) => seq)
    deepEqual(await seqs(1, 1000), [1, 2])
    deepEqual(await seqs(1, 1200), [1, 2, 3])
    deepEqual(await seqs(1, 1200, 2), [1, 2])
    deepEqual(await seqs(4, 1000), [4])
    deepEqual(await seqs(5, 901), [5, 6])
    deepEqual(await seqs(5, 1), [5])
    deepEqual(await seqs(7, 1000), [])
    for (const unusable of [0, -1, 1.5]) await rejects(seqs(1, unusable), { code: 'CORE_INVALID_ARGUMENT' })
  },
  'single entries are read by their numbers: ascending, each once, without those that are not there': async (
    journal,
  ) => {
    for (const size of [1, 400, 2, 300]) await journal.append('s', numbered(size, `${size}.`))
    deepEqual(textsOf(await journal.readMany('s', [703, 2, 404, 403, 2, 250, 1])), [
      '1:1.1',
      '2:400.1',
      '250:400.249',
      '403:2.2',
      '404:300.1',
      '703:300.300',
    ])
    deepEqual(textsOf(await journal.readMany('s', [0, -3, 704, 5000])), [])
    deepEqual(await journal.readMany('s', []), [])
    deepEqual(await journal.readMany('never', [1]), [])
    const all = Array.from({ length: 703 }, (_, index) => index + 1)
    deepEqual(
      (await journal.readMany('s', all.toReversed())).map(({ seq }) => seq),
      all,
    )
    const refused = { code: 'CORE_INVALID_ARGUMENT' }
    await rejects(journal.readMany('s', [1.5]), refused)
    await rejects(
      journal.readMany(
        's',
        Array.from({ length: 10_001 }, () => 1),
      ),
      refused,
    )
  },
  'payloads come back byte for byte: empty, binary, large': async (journal) => {
    const payloads = [
      new Uint8Array(0),
      Uint8Array.from({ length: 256 }, (_, index) => index),
      Buffer.alloc(500_000, 7),
    ]
    await journal.append(
      's',
      payloads.map((payload, index) => ({ payload, ...(index === 1 ? { repeatKey: 'ключ' } : {}) })),
    )
    const stored = await journal.read('s', 1, 3)
    stored.forEach(({ payload }, index) => ok(Buffer.from(payload).equals(payloads[index]!), `payload ${index}`))
    equal(stored.length, 3)
  },
  'a long append is stored whole': async (journal) => {
    const appended = await journal.append('s', numbered(1500))
    deepEqual(
      appended.map(({ seq }) => seq),
      Array.from({ length: 1500 }, (_, index) => index + 1),
    )
    deepEqual(textsOf(await journal.read('s', 700, 702)), ['700:e700', '701:e701', '702:e702'])
    equal((await journal.read('s', 1, 1500, 1500)).length, 1500)
  },
  'heads of many streams come in the order asked, with repetitions': async (journal) => {
    const streams = Array.from({ length: 300 }, (_, index) => `s${index}`)
    await Promise.all(streams.map((stream, index) => journal.append(stream, numbered((index % 3) + 1))))
    const heads = await journal.heads([...streams.toReversed(), 's0', 's0'])
    deepEqual(
      heads.map(({ head }) => head),
      [...streams.map((_, index) => (index % 3) + 1).toReversed(), 1, 1],
    )
  },
  'what cannot be accepted is refused and stores nothing': async (journal) => {
    const refused = { code: 'CORE_INVALID_ARGUMENT' }
    await rejects(journal.append('', numbered(1)), refused)
    await rejects(journal.append('a\0b', numbered(1)), refused)
    await rejects(journal.append('s'.repeat(513), numbered(1)), refused)
    await rejects(journal.append('s', [entry('a'), entry('b', '')]), refused)
    await rejects(journal.append('s', [entry('a'), entry('b', 'k'.repeat(513))]), refused)
    await rejects(journal.append('s', [entry('a'), { payload: 'text' as unknown as Uint8Array }]), refused)
    await rejects(journal.read('s', 1, 2, 0), refused)
    await rejects(journal.read('s', 1.5, 2), refused)
    equal(await headOf(journal, 's'), 0)
  },
})
