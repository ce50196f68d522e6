import { VirtualClock } from '@parlance/testing'
import { expect, it } from 'vitest'
import { RecentlyToldHeads } from '../src/domain/messages/told-heads.ts'

it('remembers what sessions were told for half a minute at least and a whole one at most', async () => {
  const clock = new VirtualClock()
  const heads = new RecentlyToldHeads(clock)
  heads.tell('one', 's', { subject: 'bob', head: 3 })
  await clock.advance(29_000)
  heads.tell('two', 's', { subject: 'eve', head: 4 })
  await clock.advance(2_000)
  heads.tell('one', 's', { subject: 'bob', head: 5 })
  expect([...heads.toldOf('s')!]).toEqual([
    ['one', { subject: 'bob', head: 5 }],
    ['two', { subject: 'eve', head: 4 }],
  ])
  await clock.advance(30_000)
  expect([...heads.toldOf('s')!.keys()]).toEqual(['one'])
  await clock.advance(60_000)
  expect(heads.toldOf('s')).toBeUndefined()
})
