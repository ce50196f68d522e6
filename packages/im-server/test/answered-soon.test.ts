import { VirtualClock } from '@parlance/testing'
import { expect, it } from 'vitest'
import { answeredSoon } from '../src/composition/answered-soon.ts'

it('a service that does not answer is named before whoever asks gives up, and one that does says it itself', async () => {
  const clock = new VirtualClock()
  const silent = answeredSoon(new Promise(() => undefined), clock)
  await clock.advance(2_000)
  expect(await silent).toEqual({ healthy: false, words: 'no answer within 2 s' })
  const well = { healthy: true, words: 'MongoDB answered in 1 ms' }
  expect(await answeredSoon(Promise.resolve(well), clock)).toBe(well)
  await expect(answeredSoon(Promise.reject(new Error('closed')), clock)).rejects.toThrow('closed')
})
