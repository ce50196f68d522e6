import { until } from '@parlance/testing'
import fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import { Site, type TestOptions } from './harness.ts'

let site: Site
afterEach(() => site.close())

const requestKey: NonNullable<TestOptions['requestKey']> = ({ id }) => (id === undefined ? undefined : String(id))

/** A site with an op `hold`, whose requests are answered when the test says so. */
async function openHolding() {
  const answers = new Map<string | number, () => void>()
  site = await Site.open({
    requestKey,
    ops: { hold: (_, { id }) => new Promise<void>((resolve) => void answers.set(id!, resolve)) },
  })
  return {
    answers,
    begun: (count: number) => until(`${count} requests have begun`, () => answers.size === count),
  }
}

it('what a request caused reaches its session after the answer, and the others at once', async () => {
  const { answers, begun } = await openHolding()
  const [ann, ann2] = [await site.connect('ann'), await site.connect('ann')]
  ann.send({ op: 'hold', id: 7 })
  await begun(1)
  const [session] = site.gateway.sessionsOf('ann')
  const after = { sessionId: session!.id, requestKey: '7' }
  expect(await site.gateway.deliver(['ann'], { op: 'caused' }, { after })).toBe(2)
  expect(await site.gateway.deliver(['ann'], { op: 'next' })).toBe(2)
  await ann2.receives(2)
  expect(ann2.ops()).toEqual(['caused', 'next'])
  expect(session!.bufferedBytes).toBeGreaterThan(0)
  session!.send({ op: 'direct' })
  await ann.receives(1)
  answers.get(7)!()
  await ann.receives(4)
  expect(ann.ops()).toEqual(['direct', 'hold', 'caused', 'next'])
})

it('does not wait for a request that is answered already, is unknown, or belongs to another session', async () => {
  const { answers, begun } = await openHolding()
  const [ann, bob] = [await site.connect('ann'), await site.connect('bob')]
  ann.send({ op: 'hold', id: 1 })
  await begun(1)
  answers.get(1)!()
  await ann.receives(1)
  bob.send({ op: 'hold', id: 2 })
  await begun(2)
  const sessionId = site.gateway.sessionsOf('ann')[0]!.id
  for (const key of ['1', '2', 'unknown'])
    await site.gateway.deliver(['ann'], { op: key }, { after: { sessionId, requestKey: key } })
  await ann.receives(4)
  expect(ann.ops()).toEqual(['hold', '1', '2', 'unknown'])
  answers.get(2)!()
})

it('two requests with the same key are both answered before what they caused', async () => {
  const begun: (() => void)[] = []
  site = await Site.open({
    requestKey: () => 'same',
    ops: { hold: () => new Promise<void>((resolve) => void begun.push(resolve)) },
  })
  const ann = await site.connect('ann')
  ann.send({ op: 'hold', id: 1 })
  ann.send({ op: 'hold', id: 2 })
  await until('both have begun', () => begun.length === 2)
  const after = { sessionId: site.gateway.sessionsOf('ann')[0]!.id, requestKey: 'same' }
  await site.gateway.deliver(['ann'], { op: 'caused' }, { after })
  begun[1]!()
  await ann.receives(1)
  begun[0]!()
  await ann.receives(3)
  expect(ann.received.map(({ op, id }) => id ?? op)).toEqual([2, 1, 'caused'])
})

it('whatever the interleaving, pushes come in the order of their deliveries and none before the answer it waits for', async () => {
  const { answers } = await openHolding()
  const ann = await site.connect('ann')
  const sessionId = site.gateway.sessionsOf('ann')[0]!.id
  let id = 0
  const requests = 4
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.record({ push: fc.nat(requests) }), fc.record({ answer: fc.nat(requests - 1) })), {
        maxLength: 20,
      }),
      async (steps) => {
        answers.clear()
        ann.received.length = 0
        const ids = Array.from({ length: requests }, () => ++id)
        for (const one of ids) ann.send({ op: 'hold', id: one })
        await until('all have begun', () => answers.size === requests)
        const pushes: { n: number; cause: number | undefined }[] = []
        for (const step of steps)
          if ('answer' in step) answers.get(ids[step.answer]!)!()
          else {
            const cause = ids[step.push]
            const after = { sessionId, requestKey: String(cause) }
            const push = { op: 'push', data: pushes.length }
            pushes.push({ n: pushes.length, cause })
            await site.gateway.deliver(['ann'], push, cause === undefined ? {} : { after })
          }
        for (const answer of answers.values()) answer()
        await ann.receives(requests + pushes.length)
        const came = ann.received
        expect(came.filter(({ op }) => op === 'push').map(({ data }) => data)).toEqual(pushes.map(({ n }) => n))
        for (const { n, cause } of pushes) {
          if (cause === undefined) continue
          const answered = came.findIndex((message) => message.id === cause)
          expect(answered).toBeLessThan(came.findIndex(({ op, data }) => op === 'push' && data === n))
        }
      },
    ),
    { numRuns: 60 },
  )
})
