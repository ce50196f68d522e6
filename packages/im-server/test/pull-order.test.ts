import { singleConversationID } from '@parlance/openim-protocol'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Addresses } from '../src/domain/messages/addresses.ts'
import { Marks } from '../src/domain/messages/marks.ts'
import { Puller } from '../src/domain/messages/puller.ts'
import { type ImWorld, imWorld } from './support/im-world.ts'

const conversationID = singleConversationID('alice', 'bob')
let world: ImWorld

beforeEach(async () => {
  world = await imWorld()
  await world.register('alice', 'bob')
  for (let count = 0; count < 4; count++) await world.send('alice', { userID: 'bob' })
})
afterEach(() => world.close())

it.each([0, 1] as const)('messages pulled by their numbers rise, also when order %i is asked for', async (order) => {
  const { repositories } = world
  const puller = new Puller(repositories, new Addresses(repositories), new Marks(repositories))
  const [pulled] = await puller.bySeqs('bob', [{ conversationID, seqs: [3, 1, 4, 2] }], order)
  expect(pulled!.entries.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
})
