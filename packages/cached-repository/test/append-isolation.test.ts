import { stream } from '@parlance/cached-repository'
import { json, type ReadRecord, topic } from '@parlance/notification-bus'
import { until } from '@parlance/testing'
import { expect, it } from 'vitest'
import { line, lines, passedOn, texts } from './lines.ts'
import { house, repository } from './lines-house.ts'
import { openHouse } from './open-house.ts'

const refused: [what: string, name: string, lineID: string, authorID: string][] = [
  ['a stream name that is too long', 'x'.repeat(449), 'id-long-name', 'a'],
  ['a stream name that is not well-formed', '\uD800', 'id-half-name', 'a'],
  ['an empty stream name', '', 'id-no-name', 'a'],
  ['an empty repeat key', 'bad', '', 'a'],
  ['a repeat key that is too long', 'bad', 'x'.repeat(513), 'a'],
  ['a value of a view that is too long', 'bad', 'id-long-value', 'x'.repeat(513)],
]
it.each(refused)('%s fails its own call, and no other of the same moment', async (_, name, lineID, authorID) => {
  const results = await Promise.allSettled([
    repository.append('s', [line('1')]),
    repository.append(name, [line('bad', authorID, lineID)]),
    repository.append('s', [line('2')]),
    repository.append('bad', [line('3')]),
  ])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  expect(texts(await repository.range('s', 1, 9))).toEqual(['1', '2'])
  expect(texts(await repository.range('bad', 1, 9))).toEqual(['3'])
})

it('takes the longest stream name, repeat key and value that it promises', async () => {
  const name = 'x'.repeat(448)
  const author = 'y'.repeat(512)
  await repository.append(name, [line('1', author), line('2', 'a', 'z'.repeat(512))])
  expect(await repository.lastBy([{ stream: name, value: author }])).toEqual([1])
})

it('an announcement that the log would refuse fails the calls it came from, and no other', async () => {
  const wide = topic<{ key: string; words: readonly string[] }>('wide.appended', {
    schema: json((value) => value as { key: string; words: readonly string[] }),
    key: (one) => one.key,
  })
  const kind = stream('wide', {
    codec: { encode: (word: string) => Buffer.from(word.slice(0, 9)), decode: (bytes) => String(bytes) },
    announce: {
      topic: wide,
      message: (name, _first, _last, words) => ({ key: words.includes('key') ? 'k'.repeat(1025) : name, words }),
    },
  })
  const words = house.repositories.ofStream(kind)
  const results = await Promise.allSettled([
    words.append('s', ['1']),
    words.append('s', ['x'.repeat(1_100_000)]),
    words.append('s', ['2']),
    words.append('t', ['3']),
    words.append('t', ['key']),
    words.append('u', ['4']),
  ])
  expect(
    results.map((one) => (one.status === 'fulfilled' ? one.value[0]!.seq : (one.reason as { code: string }).code)),
  ).toEqual([1, 'REPOSITORY_ANNOUNCEMENT', 2, 1, 'REPOSITORY_ANNOUNCEMENT', 1])
})

it('whatever the store refuses for good fails the calls it came from, and no other', async () => {
  const picky = openHouse(({ streams }) => ({
    streams: {
      ...passedOn(streams),
      append: (take) =>
        streams.append(() =>
          take().map((batch) => ({
            ...batch,
            effects: (appended) => {
              if (batch.entries.some(({ payload }) => String(payload).includes('odd'))) throw new TypeError('odd')
              return batch.effects(appended)
            },
          })),
        ),
    },
  }))
  const lineup = picky.repositories.ofStream(lines)
  const results = await Promise.allSettled(
    ['1', 'odd', '2'].flatMap((text) => [lineup.append('s', [line(text)]), lineup.append(`of ${text}`, [line(text)])]),
  )
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
    'fulfilled',
  ])
  expect(texts(await lineup.range('s', 1, 9))).toEqual(['1', '2'])
  await picky.close()
  picky.folder.remove()
})

it('announces a batch in consecutive parts when one message would be too large', async () => {
  const long = topic<{ first: number; last: number; causes: readonly string[] }>('long.appended', {
    schema: json((value) => value as { first: number; last: number; causes: readonly string[] }),
    key: () => 'k',
  })
  const kind = stream('long', {
    codec: { encode: (cause: string) => Buffer.from(cause.slice(0, 9)), decode: (bytes) => String(bytes) },
    announce: { topic: long, message: (_, first, last, causes) => ({ first, last, causes }) },
  })
  const seen: { first: number; last: number; causes: readonly string[] }[] = []
  await house.log.subscribe(
    'long.appended',
    'test',
    async (records: readonly ReadRecord[]) => {
      seen.push(...records.map(({ payload }) => long.schema.decode(payload)))
    },
    { maxBatch: 10 },
  )
  const causes = Array.from({ length: 7 }, (_, index) => String(index).repeat(400_000))
  const results = await Promise.all(causes.map((cause) => house.repositories.ofStream(kind).append('s', [cause])))
  expect(results.map(([one]) => one!.seq)).toEqual([1, 2, 3, 4, 5, 6, 7])
  await until('all rows were announced', () => seen.at(-1)?.last === 7)
  expect(seen.map(({ first, last }) => [first, last])).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
    [7, 7],
  ])
  expect(seen.flatMap((one) => one.causes)).toEqual(causes)
})
