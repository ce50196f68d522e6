import { temporaryFolder } from '@parlance/testing'
import { expect, it } from 'vitest'
import { keepTheBooks } from '../src/keep-the-books.ts'

it('books every order once and in order, also those published while the ledger was away', async () => {
  using folder = temporaryFolder()
  const lines: string[] = []
  await keepTheBooks(folder.path, (line) => lines.push(line))
  expect(lines).toEqual([
    'published two orders: durable, although nobody consumes them yet',
    '  booked A-1: 12.5 €',
    '  booked A-2: 3 €',
    'published one while the ledger was away',
    '  booked A-3: 40 €',
  ])
})
