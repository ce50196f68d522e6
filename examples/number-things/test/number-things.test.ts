import { temporaryFolder } from '@parlance/testing'
import { expect, it } from 'vitest'
import { numberThings } from '../src/number-things.ts'

it('numbers without gaps, and stores a repeat once', async () => {
  using folder = temporaryFolder()
  const lines: string[] = []
  await numberThings(folder.path, (line) => lines.push(line))
  expect(lines).toEqual([
    'appended: 1, 2',
    'appended again: 1 (a repeat), 2 (a repeat), 3',
    '  1 deposit 100',
    '  2 withdraw 30',
    '  3 deposit 5',
    'invoices 1 to 100, then 101',
  ])
})
