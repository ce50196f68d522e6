import { VirtualClock } from '@parlance/testing'
import { expect, it } from 'vitest'
import { Recent } from '../src/recent.ts'

it('an answer is shared by those who ask at the same time, and for a while after', async () => {
  const clock = new VirtualClock()
  let asked = 0
  const recent = new Recent(() => Promise.resolve(++asked), clock, 1_000)
  expect(await Promise.all([recent.get(), recent.get()])).toEqual([1, 1])
  await clock.advance(999)
  expect(await recent.get()).toBe(1)
  await clock.advance(1)
  expect(await recent.get()).toBe(2)
})

it('a question that hangs is not asked again beside it, and its age counts from the question', async () => {
  const clock = new VirtualClock()
  const answers: ((answer: string) => void)[] = []
  const recent = new Recent(() => new Promise<string>((resolve) => answers.push(resolve)), clock, 1_000)
  const first = recent.get()
  await clock.advance(5_000)
  const second = recent.get()
  expect(answers).toHaveLength(1)
  answers[0]!('late')
  expect(await Promise.all([first, second])).toEqual(['late', 'late'])
  void recent.get()
  expect(answers).toHaveLength(2)
})

it('a failure is not kept', async () => {
  let asked = 0
  const recent = new Recent(
    async () => {
      if (++asked === 1) throw new Error('the first one fails')
      return asked
    },
    new VirtualClock(),
    1_000,
  )
  await expect(recent.get()).rejects.toThrow('the first one fails')
  expect(await recent.get()).toBe(2)
})
