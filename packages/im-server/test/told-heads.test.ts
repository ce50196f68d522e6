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

it('remembers the newest, and no more than there is room for, however much is told at once', () => {
  const heads = new RecentlyToldHeads(new VirtualClock(), 100)
  for (let at = 0; at < 1_000; at++) heads.tell(`session ${at % 10}`, `stream ${at}`, { subject: 'bob', head: at })
  const known = Array.from({ length: 1_000 }, (_, at) => heads.toldOf(`stream ${at}`)).map((told) => told !== undefined)
  expect(known.slice(950)).not.toContain(false)
  expect(known.filter(Boolean).length).toBeLessThanOrEqual(100)
})
