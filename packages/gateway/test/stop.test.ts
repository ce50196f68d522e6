import { closeCodes, createGateway, type SessionRegistry } from '@parlance/gateway'
import { createInProcessRegistry } from '@parlance/gateway/embedded'
import { settle, until, VirtualClock } from '@parlance/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Site } from './harness.ts'
import { RawClient } from './raw-client.ts'

let site: Site
let clock: VirtualClock
let answers: (() => void)[]
const registry = createInProcessRegistry()

beforeEach(async () => {
  clock = new VirtualClock()
  answers = []
  site = await Site.open({
    clock,
    registry,
    ops: { hold: () => new Promise<string>((resolve) => void answers.push(() => resolve('done'))) },
  })
})
afterEach(() => site.close())

it('sends everybody away with a code that makes them come back, and leaves nothing', async () => {
  const clients = await Promise.all(Array.from({ length: 50 }, (_, n) => site.connect(`user${n}`)))
  await site.gateway.deliver(
    clients.map((_, n) => `user${n}`),
    { op: 'last words' },
  )
  const stopped = site.gateway.stop(10_000)
  await clock.advance(1_000)
  await stopped
  for (const client of clients) {
    expect(await client.closed).toMatchObject({ code: closeCodes.draining, received: 1 })
  }
  expect(site.gateway.sessionCount).toBe(0)
  expect((await registry.sessionsOf(clients.map((_, n) => `user${n}`))).flat()).toEqual([])
  expect(clock.pendingCount).toBe(0)
  expect(site.server.listenerCount('upgrade')).toBe(0)
})

it('does not send everybody away at once', async () => {
  await Promise.all(Array.from({ length: 100 }, (_, n) => site.connect(`user${n}`)))
  const open = (): number => Array.from({ length: 100 }, (_, n) => site.gateway.sessionsOf(`user${n}`)).flat().length
  const stopped = site.gateway.stop(10_000)
  expect(open()).toBe(80)
  await clock.advance(20)
  expect(open()).toBe(60)
  await clock.advance(1_000)
  await stopped
})

it('answers what is being handled first', async () => {
  const ann = await site.connect('ann')
  ann.send({ op: 'hold', id: 1 })
  await until('the request has begun', () => answers.length === 1)
  let isStopped = false
  const stopped = site.gateway.stop(10_000).then(() => (isStopped = true))
  await clock.advance(2_000)
  expect(isStopped).toBe(false)
  answers[0]!()
  expect(await ann.closed).toMatchObject({ code: closeCodes.draining, received: 1 })
  expect(ann.received).toEqual([{ op: 'hold', id: 1, data: 'done' }])
  await stopped
})

it('refuses new clients meanwhile', async () => {
  const ann = await site.connect('ann')
  ann.send({ op: 'hold', id: 1 })
  await until('the request has begun', () => answers.length === 1)
  const stopped = site.gateway.stop(10_000)
  const late = new RawClient(site.port)
  late.upgrade('/?user=bob')
  await until('it is refused', () => late.isClosed)
  expect(late.head).toContain('503 Service Unavailable')
  answers[0]!()
  await stopped
})

it('cuts off at the deadline what does not end', async () => {
  const silent = await RawClient.upgraded(site.port, 'ann')
  silent.socket.pause()
  const hanging = await site.connect('bob')
  hanging.send({ op: 'hold', id: 1 })
  const undecided = new RawClient(site.port)
  await until('the request has begun', () => answers.length === 1)
  const stopped = site.gateway.stop(3_000)
  await clock.advance(2_999)
  expect(site.gateway.sessionCount).toBeGreaterThan(0)
  await clock.advance(1)
  await stopped
  expect(site.gateway.sessionCount).toBe(0)
  expect(clock.pendingCount).toBe(0)
  undecided.destroy()
  silent.destroy()
})

it('does not wait for a request to the last moment: its client is told to come back', async () => {
  const ann = await site.connect('ann')
  ann.send({ op: 'hold', id: 1 })
  await until('the request has begun', () => answers.length === 1)
  const stopped = site.gateway.stop(20_000)
  await clock.advance(14_000)
  expect(site.gateway.sessionsOf('ann')).toHaveLength(1)
  await clock.advance(1_000)
  expect(await ann.closed).toMatchObject({ code: closeCodes.draining, received: 0 })
  await stopped
})

it('cuts off at the deadline who is not let in yet', async () => {
  let isAsked = false
  const undecided = await Site.around(
    createGateway({
      clock,
      handshake: () => {
        isAsked = true
        return new Promise(() => undefined)
      },
    }),
  )
  const client = new RawClient(undecided.port)
  client.upgrade('/')
  await until('it is being decided about', () => isAsked)
  const stopped = undecided.gateway.stop(3_000)
  await clock.advance(3_000)
  await stopped
  await until('it is cut off', () => client.isClosed)
  expect(client.head).toBe('')
  await undecided.close()
})

it('is over only when the registry has forgotten its sessions, within the deadline', async () => {
  let forget!: () => void
  const slow: SessionRegistry = Object.assign(createInProcessRegistry(), {
    unregister: () => new Promise<void>((resolve) => (forget = resolve)),
  })
  const local = await Site.open({ registry: slow })
  await local.connect('ann')
  let isStopped = false
  const stopped = local.gateway.stop().then(() => (isStopped = true))
  await until('the session is being forgotten', () => forget)
  await settle()
  expect(isStopped).toBe(false)
  forget()
  await stopped
  await local.close()
})

it('stops once, however often it is asked, and also when nobody was there', async () => {
  const first = site.gateway.stop(1_000)
  expect(site.gateway.stop(1)).toBe(first)
  await first
  expect(await site.gateway.deliver(['ann'], { op: 'nobody' })).toBe(0)
  expect(clock.pendingCount).toBe(0)
})
