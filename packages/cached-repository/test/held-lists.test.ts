import { defineEntity, field, type RowInput } from '@parlance/cached-repository'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { openHouse } from './open-house.ts'

const seats = defineEntity('seat', {
  fields: {
    hallID: field.string(),
    seatID: field.string(),
    rank: field.number(),
    name: field.string(),
    isFree: field.boolean(),
    since: field.date(),
    note: field.string(),
  },
  key: ['hallID', 'seatID'],
  views: (v) => ({
    ofHall: v.rows({ by: 'hallID', order: { rank: 'desc', name: 'asc', isFree: 'desc', since: 'asc' } }),
    byName: v.rows({ by: 'hallID', order: { name: 'desc' }, where: { isFree: true } }),
    plain: v.rows({ by: 'hallID' }),
    free: v.count({ by: ['hallID', 'isFree'] }),
  }),
})

type Seat = RowInput<{
  hallID: string
  seatID: string
  rank: number
  name: string
  isFree: boolean
  since: Date
  note: string
}>

/** Texts whose order by code points is not that of their UTF-16 units, among others. */
const text = fc.constantFrom('', 'a', 'B', 'é', '\uffee', '🎉', '🎉a', '\ue000', 'ab')
const seat = fc.record({
  hallID: fc.constantFrom('h', 'i'),
  seatID: text.map((name) => `s${name}`),
  rank: fc.constantFrom(-1.5, 0, 2, 10),
  name: text,
  isFree: fc.boolean(),
  since: fc.constantFrom(new Date(0), new Date(-5), new Date(10_000)),
  note: fc.constantFrom('x', 'y'),
})
const write = fc.record({ isDelete: fc.boolean(), seat })

/** Everything embedded, with a log of what the store was asked for. */
function counted() {
  const asked: string[] = []
  const house = openHouse(({ store }) => ({
    store: {
      soleWriter: store.soleWriter,
      open: (schema) => store.open(schema),
      getMany: (schema, keys) => store.getMany(schema, keys),
      keysOf: (schema, view, by, range) => {
        asked.push(view)
        return store.keysOf(schema, view, by, range)
      },
      countOf: (schema, view, by) => {
        asked.push(`${view} count`)
        return store.countOf(schema, view, by)
      },
      apply: (writes, effects) => store.apply(writes, effects),
      waitingSpreads: (afterID, limit) => store.waitingSpreads(afterID, limit),
      spread: (waiting, rows, limit, batchOf) => store.spread(waiting, rows, limit, batchOf),
    },
  }))
  return { house, repository: house.repositories.of(seats), asked }
}

it('held lists and counts follow every write, in the order of the store, and are not read again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(write, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), async (steps) => {
      const { house, repository, asked } = counted()
      const read = async (level: 'local' | 'store'): Promise<unknown[]> =>
        Promise.all(
          ['h', 'i'].flatMap((hallID) => [
            ...(['ofHall', 'byName', 'plain'] as const).flatMap((view) => [
              repository[view].keys({ hallID }, { read: level }),
              repository[view]({ hallID }, { read: level }),
              repository[view].page({ hallID }, { offset: 1, limit: 2 }, { read: level }),
            ]),
            repository.free({ hallID, isFree: true }, { read: level }),
          ]),
        )
      try {
        await read('local')
        for (const step of steps) {
          const held = await repository.ofHall.keys({ hallID: 'h' })
          const copy = [...held]
          await house.repositories.together((together) => {
            for (const { isDelete, seat: row } of step)
              if (isDelete) together.delete(seats, { hallID: row.hallID, seatID: row.seatID })
              else together.put(seats, row)
          })
          expect(held).toEqual(copy)
          asked.length = 0
          const local = await read('local')
          expect(asked).toEqual([])
          expect(local).toEqual(await read('store'))
        }
      } finally {
        await house.close()
        house.folder.remove()
      }
    }),
    { numRuns: 30 },
  )
})

it('a list that is being loaded while a write happens is loaded again', async () => {
  const { house, repository } = counted()
  const row: Seat = { hallID: 'h', seatID: 's', rank: 1, name: '', isFree: true, since: new Date(0), note: '' }
  const loading = repository.ofHall.keys({ hallID: 'h' })
  const [, before] = await Promise.all([repository.put(row), loading])
  expect(before.length).toBeLessThanOrEqual(1)
  expect(await repository.ofHall.keys({ hallID: 'h' })).toEqual([{ hallID: 'h', seatID: 's' }])
  await house.close()
  house.folder.remove()
})

it('many writes at once leave one list that is right', async () => {
  const { house, repository, asked } = counted()
  const row = (at: number): Seat => ({
    hallID: 'h',
    seatID: `s${at}`,
    rank: at % 7,
    name: '',
    isFree: at % 2 === 0,
    since: new Date(at),
    note: '',
  })
  await repository.putMany(Array.from({ length: 500 }, (_, at) => row(at)))
  await repository.ofHall.keys({ hallID: 'h' })
  asked.length = 0
  await Promise.all(
    Array.from({ length: 200 }, async (_, at) => {
      if (at % 3 === 0) await repository.delete({ hallID: 'h', seatID: `s${at}` })
      else if (at % 3 === 1) await repository.patch({ hallID: 'h', seatID: `s${at}` }, { rank: 99 })
      else await repository.insert(row(1_000 + at))
      await repository.ofHall.keys({ hallID: 'h' })
    }),
  )
  expect(asked).toEqual([])
  expect(await repository.ofHall.keys({ hallID: 'h' })).toEqual(
    await repository.ofHall.keys({ hallID: 'h' }, { read: 'store' }),
  )
  await house.close()
  house.folder.remove()
})
