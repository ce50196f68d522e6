import { defineEntity, field } from '@parlance/cached-repository'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type House, openHouse } from './open-house.ts'

const pages = defineEntity('page', {
  fields: { book: field.number(), nr: field.string({ max: 880 }), text: field.string() },
  key: ['book', 'nr'],
  views: (v) => ({ ofBook: v.rows({ by: 'book' }) }),
})
const maxBytes = 256 * 1024
const books = Array.from({ length: 20 }, (_, book) => book)
const rowsPerBook = 10

let house: House

beforeEach(() => {
  house = openHouse(() => ({ local: { maxBytes } }))
})
afterEach(async () => {
  await house.close()
  house.folder.remove()
})

const filled = async (nrLength: number, textLength: number) => {
  const repository = house.repositories.of(pages)
  await repository.insertMany(
    books.flatMap((book) =>
      Array.from({ length: rowsPerBook }, (_, nr) => ({
        book,
        nr: String(nr).padStart(nrLength, '0'),
        text: 'x'.repeat(textLength),
      })),
    ),
  )
  return repository
}

/** How many values are held after all were asked for again and again, so that none of them was used least recently. */
async function heldCount(ask: (book: number) => Promise<unknown>): Promise<number> {
  const last: unknown[] = []
  for (const most of books) for (let book = 0; book <= most; book++) last[book] = await ask(book)
  let count = 0
  for (const book of books.toReversed()) {
    if ((await ask(book)) !== last[book]) return count
    count++
  }
  return count
}

it('lists of rows in memory count with the rows they hold', async () => {
  const repository = await filled(1, 8_000)
  const held = await heldCount((book) => repository.ofBook({ book }))
  expect(held).toBeGreaterThan(0)
  expect(held * rowsPerBook * 8_000).toBeLessThanOrEqual(maxBytes)
})

it('lists of keys in memory count with the keys they hold', async () => {
  const repository = await filled(880, 1)
  const held = await heldCount((book) => repository.ofBook.keys({ book }))
  expect(held).toBeGreaterThan(0)
  expect(held * rowsPerBook * 2 * 880).toBeLessThanOrEqual(maxBytes)
})
