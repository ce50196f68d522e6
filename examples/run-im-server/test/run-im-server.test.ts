import { temporaryFolder } from '@parlance/testing'
import { expect, it } from 'vitest'
import { exchangeAMessage } from '../src/exchange-a-message.ts'

it('brings a message from one user to another', async () => {
  using folder = temporaryFolder()
  const lines: string[] = []
  await exchangeAMessage(folder.path, (line) => lines.push(line))
  expect(lines).toEqual([
    'ada and bob are connected',
    "ada's message is durable: true",
    'bob is pushed si_ada_bob #1 from ada: {"content":"Hello, Bob!"}',
  ])
})
