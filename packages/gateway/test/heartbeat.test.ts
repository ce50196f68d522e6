import { closeCodes, createGateway, json } from '@parlance/gateway'
import { settle, until, VirtualClock } from '@parlance/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { identify, Site } from './harness.ts'
import { clientFrame, RawClient } from './raw-client.ts'

let site: Site
let clock: VirtualClock
const heard: unknown[] = []

beforeEach(async () => {
  heard.length = 0
  clock = new VirtualClock()
  site = await Site.open({
    clock,
    limits: { pingAfterMs: 10_000, idleTimeoutMs: 30_000, closeMs: 200, requestsInFlight: 1 },
    ops: { note: (_, { data }) => void heard.push(data), hang: () => new Promise(() => undefined) },
  })
})
afterEach(() => site.close())

it('quiet connections are pinged, and their pongs keep them', async () => {
  const ann = await site.connect('ann')
  await clock.advance(9_000)
  expect(ann.pings).toBe(0)
  for (let seconds = 0; seconds < 120; seconds += 10) {
    await clock.advance(10_000)
    const expected = ann.pings
    await until('the ping came', () => ann.pings >= Math.max(1, expected))
    await settle()
  }
  expect(ann.pings).toBeGreaterThanOrEqual(8)
  expect(site.gateway.sessionCount).toBe(1)
})

it('codecs that want no pings get none', async () => {
  const ann = await site.connect('ann', { codec: 'quiet' })
  await clock.advance(29_000)
  expect(await site.gateway.deliver(['ann'], { op: 'last' })).toBe(1)
  await ann.receives(1)
  expect(ann.pings).toBe(0)
})

it('a connection from which nothing comes is closed, and cut off if it is dead', async () => {
  const dead = await RawClient.upgraded(site.port, 'ann')
  await clock.advance(29_000)
  expect(site.gateway.sessionCount).toBe(1)
  await clock.advance(1_000)
  expect(await dead.closesWith()).toBe(closeCodes.idle)
  expect(dead.frames.filter(({ opcode }) => opcode === 9)).toHaveLength(2)
  await until('it is cut off', () => dead.isClosed)
  await until('its session is gone', () => site.gateway.sessionCount === 0)
})

it('any frame proves life: a message, a ping, a pong', async () => {
  const ann = await RawClient.upgraded(site.port, 'ann', 'quiet')
  await clock.advance(20_000)
  ann.write(clientFrame('{"op":"note"}'))
  await until('it was read', () => heard.length === 1)
  await clock.advance(20_000)
  ann.write(clientFrame('', { opcode: 9 }))
  await until('it was answered', () => ann.frames.length === 1)
  await clock.advance(20_000)
  ann.write(clientFrame('', { opcode: 10 }), clientFrame('', { opcode: 9 }))
  await until('both were read', () => ann.frames.length === 2)
  await clock.advance(29_000)
  expect(site.gateway.sessionCount).toBe(1)
  ann.destroy()
})

it('a connection that the gateway itself does not read is not called silent', async () => {
  const ann = await site.connect('ann')
  ann.send({ op: 'hang', id: 1 })
  ann.send({ op: 'hang', id: 2 })
  await until('reading has paused', () => heard.length === 0)
  await settle()
  await clock.advance(120_000)
  expect(site.gateway.sessionCount).toBe(1)
})

it('a session ends when its credential expires, also while it is not being read', async () => {
  const start = clock.now()
  const expiries = { a: start + 5_000, b: start + 7_000, c: undefined }
  const local = await Site.around(
    createGateway({
      clock,
      limits: { requestsInFlight: 1 },
      ops: { hang: () => new Promise(() => undefined) },
      expiredFarewell: { op: 'expired' },
      handshake: (request) => {
        const identity = identify(request)!
        const expiresAtMs = expiries[identity.subject as keyof typeof expiries]
        return { kind: 'accept', identity, codec: json, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) }
      },
    }),
  )
  const timers = clock.pendingCount
  const [a, b, c] = [await local.connect('a'), await local.connect('b'), await local.connect('c')]
  b.send({ op: 'hang', id: 1 })
  b.send({ op: 'hang', id: 2 })
  await settle()
  expect(clock.pendingCount).toBe(timers)
  await clock.advance(4_000)
  expect(local.gateway.sessionCount).toBe(3)
  await clock.advance(1_000)
  expect(await a.closed).toMatchObject({ code: closeCodes.expired, received: 1 })
  expect(a.ops()).toEqual(['expired'])
  await clock.advance(2_000)
  expect(await b.closed).toMatchObject({ code: closeCodes.expired })
  await clock.advance(20_000)
  expect(local.gateway.sessionsOf('c')).toHaveLength(1)
  expect(c.ops()).toEqual([])
  await local.close()
})

it('one timer serves all connections', async () => {
  const before = clock.pendingCount
  for (let n = 0; n < 20; n++) await site.connect(`user${n}`)
  expect(clock.pendingCount).toBe(before)
})

it('a session that does not finish is closed all the same', async () => {
  const ann = await site.connect('ann')
  ann.send({ op: 'hang', id: 1 })
  ann.send({ op: 'note', data: 'unread' })
  await settle()
  await clock.advance(1)
  site.gateway.sessionsOf('ann')[0]!.finish(4500, 'enough')
  await clock.advance(1_000)
  expect(await ann.closed).toMatchObject({ code: 4500 })
})

it('a session that is closed while it is not being read still sees its peer leave', async () => {
  const patient = await Site.open({
    limits: { requestsInFlight: 1, closeMs: 600_000 },
    ops: { hang: () => new Promise(() => undefined) },
  })
  const ann = await patient.connect('ann')
  let isRead = false
  ann.webSocket.once('pong', () => (isRead = true))
  ann.send({ op: 'hang', id: 1 })
  ann.send({ op: 'hang', id: 2 })
  await settle()
  ann.webSocket.ping()
  await settle()
  expect(isRead).toBe(false)
  patient.gateway.sessionsOf('ann')[0]!.close(4500, 'enough')
  expect(await ann.closed).toMatchObject({ code: 4500 })
  await until('its session is gone', () => patient.gateway.sessionCount === 0)
  await patient.close()
})
