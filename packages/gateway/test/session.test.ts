import { InvalidArgumentError } from '@parlance/core'
import { settle, until } from '@parlance/testing'
import { afterEach, expect, it } from 'vitest'
import { Site, type TestOptions } from './harness.ts'

let site: Site
const open = async (options: TestOptions = {}): Promise<Site> => (site = await Site.open(options))
afterEach(() => site.close())

it('answers a request with what its handler returns, now or later', async () => {
  await open({
    ops: {
      now: (_, { data }) => ({ echo: data }),
      later: async (session) => session.subject,
      nothing: () => undefined,
    },
  })
  const ann = await site.connect('ann')
  expect(await ann.ask('now', 5)).toEqual({ op: 'now', id: 1, data: { echo: 5 } })
  expect(await ann.ask('later')).toEqual({ op: 'later', id: 2, data: 'ann' })
  expect(await ann.ask('nothing')).toEqual({ op: 'nothing', id: 3, data: null })
})

it('answers with the error of a handler, and hides foreign ones', async () => {
  await open({
    ops: {
      refused: () => {
        throw new InvalidArgumentError('too short')
      },
      broken: async () => {
        throw new Error('password=secret')
      },
    },
  })
  const ann = await site.connect('ann')
  expect((await ann.ask('refused')).error).toEqual({
    code: 'CORE_INVALID_ARGUMENT',
    message: 'too short',
    retryable: false,
  })
  expect((await ann.ask('broken')).error).toEqual({ code: 'INTERNAL', message: 'internal error', retryable: false })
})

it('delivers to every session of a subject, once, and to nobody else', async () => {
  await open()
  const [ann1, ann2, bob] = [await site.connect('ann'), await site.connect('ann'), await site.connect('bob')]
  expect(await site.gateway.deliver(['ann', 'nobody', 'ann'], { op: 'price', data: 1 })).toBe(2)
  expect(await site.gateway.deliver(new Set(['bob']), { op: 'last' })).toBe(1)
  await Promise.all([ann1.receives(1), ann2.receives(1), bob.receives(1)])
  expect([ann1.ops(), ann2.ops(), bob.ops()]).toEqual([['price'], ['price'], ['last']])
})

it('leaves out whom except and only leave out', async () => {
  await open()
  const [web, phone] = [
    await site.connect('ann', { query: '&device=web' }),
    await site.connect('ann', { query: '&device=phone' }),
  ]
  expect(await site.gateway.deliver(['ann'], { op: 'a' }, { except: ({ device }) => device === 'web' })).toBe(1)
  expect(await site.gateway.deliver(['ann'], { op: 'b' }, { only: ({ device }) => device === 'web' })).toBe(1)
  await Promise.all([web.receives(1), phone.receives(1)])
  expect([web.ops(), phone.ops()]).toEqual([['b'], ['a']])
})

it('writes what was queued and then closes', async () => {
  await open({
    ops: {
      leave: (session) => {
        for (let n = 0; n < 50; n++) session.send({ op: 'word', data: n })
        session.close(4500, 'goodbye')
        expect(session.send({ op: 'too late' })).toBe(false)
      },
    },
  })
  const ann = await site.connect('ann')
  ann.send({ op: 'leave', id: 1 })
  expect(await ann.closed).toEqual({ code: 4500, reason: 'goodbye', received: 50 })
  await until('nobody is left', () => site.gateway.sessionCount === 0)
})

it('finishes: what is being handled is answered before the close', async () => {
  await open({
    ops: {
      logout: async (session) => {
        session.finish(4501, 'logged out')
        await settle()
        return 'bye'
      },
    },
  })
  const ann = await site.connect('ann')
  ann.send({ op: 'logout', id: 1 })
  expect(await ann.closed).toEqual({ code: 4501, reason: 'logged out', received: 1 })
  expect(ann.received).toEqual([{ op: 'logout', id: 1, data: 'bye' }])
})

it('finishes only when all that is being handled is answered, and takes nothing new', async () => {
  const answers: (() => void)[] = []
  await open({ ops: { hold: () => new Promise<void>((resolve) => void answers.push(resolve)) } })
  const ann = await site.connect('ann')
  for (const id of [1, 2]) ann.send({ op: 'hold', id })
  await until('both have begun', () => answers.length === 2)
  const [session] = site.gateway.sessionsOf('ann')
  session!.finish(4501, 'logged out')
  ann.send({ op: 'hold', id: 3 })
  answers[1]!()
  await ann.receives(1)
  expect(session!.isOpen).toBe(true)
  answers[0]!()
  expect(await ann.closed).toMatchObject({ code: 4501, received: 2 })
  expect(answers).toHaveLength(2)
})

it('an answer that comes after the close goes nowhere', async () => {
  let answer!: () => void
  await open({ ops: { hold: () => new Promise<void>((resolve) => (answer = resolve)) }, requestKey: () => 'key' })
  const ann = await site.connect('ann')
  ann.send({ op: 'hold', id: 1 })
  await until('it has begun', () => answer)
  const [session] = site.gateway.sessionsOf('ann')
  const after = { sessionId: session!.id, requestKey: 'key' }
  await site.gateway.deliver(['ann'], { op: 'held' }, { after })
  expect(session!.bufferedBytes).toBeGreaterThan(0)
  session!.close(4500, 'over')
  expect(session!.bufferedBytes).toBe(0)
  answer()
  expect(await ann.closed).toMatchObject({ code: 4500, received: 0 })
})

it('a kicked client gets the farewell and then the close, every time', async () => {
  await open()
  for (let round = 0; round < 100; round++) {
    const ann = await site.connect('ann', { query: `&device=d${round % 3}` })
    await site.connect('bob')
    const kicked = await site.gateway.kick('ann', {
      match: { devices: [`d${round % 3}`] },
      farewell: { op: 'kicked', data: round },
      code: 4502,
      reason: 'revoked',
    })
    expect(kicked).toBe(1)
    expect(await ann.closed).toEqual({ code: 4502, reason: 'revoked', received: 1 })
    expect(ann.received).toEqual([{ op: 'kicked', data: round }])
  }
  expect(site.gateway.sessionsOf('ann')).toEqual([])
  await until('only the others are left', () => site.gateway.sessionCount === 100)
})

it('refuses a close code that must not be sent', async () => {
  await open()
  await site.connect('ann')
  await expect(site.gateway.kick('ann', { code: 1006, reason: '' })).rejects.toThrow(InvalidArgumentError)
})
