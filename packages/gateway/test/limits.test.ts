import { InvalidArgumentError } from '@parlance/core'
import { createGateway, json } from '@parlance/gateway'
import { until, VirtualClock } from '@parlance/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { identify, Site, type TestOptions } from './harness.ts'
import { clientFrame, RawClient } from './raw-client.ts'

let site: Site
const open = async (options: TestOptions): Promise<Site> => (site = await Site.open(options))
afterEach(() => site.close())

describe('requests in flight', () => {
  it('are bounded: the others wait unread, and are then begun in order of arrival', async () => {
    const begun: unknown[] = []
    const answers: (() => void)[] = []
    await open({
      limits: { requestsInFlight: 3, framesPerSecond: 10_000 },
      ops: {
        hold: (_, { data }) => {
          begun.push(data)
          return new Promise<void>((resolve) => void answers.push(resolve))
        },
      },
    })
    const ann = await site.connect('ann')
    const all = Array.from({ length: 100 }, (_, n) => n)
    for (const n of all) ann.send({ op: 'hold', id: n, data: n })
    // A ping travels behind the requests; it comes back only when the server reads on.
    let isRead = false
    ann.webSocket.once('pong', () => (isRead = true))
    await until('three have begun', () => begun.length >= 3)
    ann.webSocket.ping()
    expect(begun).toEqual([0, 1, 2])
    answers[1]!()
    await until('another one has begun', () => begun.length === 4)
    expect(isRead).toBe(false)
    await until('all are answered', () => {
      for (const answer of answers) answer()
      return ann.received.length === 100
    })
    expect(begun).toEqual(all)
    await until('the socket is read again', () => isRead)
  })

  it('that waited and are answered at once are each handled once, in order', async () => {
    const begun: unknown[] = []
    let release!: () => void
    await open({
      limits: { requestsInFlight: 1 },
      ops: {
        hold: () => new Promise<void>((resolve) => (release = resolve)),
        echo: (_, { data }) => (begun.push(data), data),
      },
    })
    const ann = await RawClient.upgraded(site.port, 'ann')
    const echoes = Array.from({ length: 20 }, (_, n) => clientFrame(JSON.stringify({ op: 'echo', id: n, data: n })))
    ann.write(clientFrame('{"op":"hold","id":"h"}'), ...echoes)
    await until('the first has begun', () => release)
    release()
    await until('all are answered', () => ann.frames.length >= 21)
    expect(begun).toEqual(Array.from({ length: 20 }, (_, n) => n))
    expect(ann.frames).toHaveLength(21)
    ann.destroy()
  })

  it('of handlers that answer at once never stop the reading', async () => {
    await open({ limits: { requestsInFlight: 1, framesPerSecond: 10_000 }, ops: { echo: (_, { data }) => data } })
    const ann = await site.connect('ann')
    for (let n = 0; n < 500; n++) ann.send({ op: 'echo', id: n, data: n })
    await ann.receives(500)
    expect(ann.received.map(({ data }) => data)).toEqual(Array.from({ length: 500 }, (_, n) => n))
  })
})

describe('a rate', () => {
  const counting = async (limits: TestOptions['limits']) => {
    const clock = new VirtualClock()
    const seen: unknown[] = []
    await open({ clock, limits: { ...limits }, ops: { tell: (_, { data }) => void seen.push(data) } })
    return { clock, seen }
  }

  it('of frames is kept by not reading, and nothing is lost', async () => {
    const { clock, seen } = await counting({ framesPerSecond: 10, burstMs: 1_000 })
    const ann = await site.connect('ann')
    for (let n = 0; n < 40; n++) ann.send({ op: 'tell', data: n })
    // The bucket holds ten; the eleventh overdraws it by a tenth of a second.
    await until('the burst is used up', () => seen.length === 11)
    await clock.advance(99)
    expect(seen).toHaveLength(11)
    await clock.advance(1)
    await until('the next is read', () => seen.length === 12)
    for (let tenths = 1; tenths <= 28; tenths++) {
      await clock.advance(100)
      await until('the next is read', () => seen.length === 12 + tenths)
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, n) => n))
  })

  it('of bytes is kept too', async () => {
    const { clock, seen } = await counting({ bytesPerSecond: 10_000, burstMs: 1_000 })
    const ann = await site.connect('ann')
    ann.send({ op: 'tell', data: 'x'.repeat(15_000) })
    ann.send({ op: 'tell', data: 'small' })
    await until('the large one came', () => site.gateway.sessionCount === 1)
    await clock.advance(400)
    expect(seen).not.toContain('small')
    await clock.advance(700)
    await until('the small one came', () => seen.includes('small'))
  })

  it('counts pings', async () => {
    const { clock, seen } = await counting({ framesPerSecond: 5, burstMs: 1_000 })
    const ann = await RawClient.upgraded(site.port, 'ann')
    ann.write(
      ...Array.from({ length: 20 }, () => clientFrame('', { opcode: 9 })),
      clientFrame('{"op":"tell","data":1}'),
    )
    await until('the pings are answered', () => ann.frames.filter(({ opcode }) => opcode === 10).length === 20)
    expect(seen).toEqual([])
    await clock.advance(5_000)
    await until('the request is read', () => seen.length === 1)
    ann.destroy()
  })
})

describe('limits', () => {
  it('are refused when they make no sense', async () => {
    await open({})
    const make = (limits: TestOptions['limits']) => () =>
      createGateway({ authenticate: identify, codecs: [json], limits: { ...limits } })
    expect(make({ frameBytes: 0 })).toThrow(InvalidArgumentError)
    expect(make({ connections: Number.NaN })).toThrow('limits.connections is NaN; give a number above 0')
    expect(make({ bufferedBytes: 100, hardBufferedBytes: 99 })).toThrow('hardBufferedBytes')
    expect(make({ pingAfterMs: 2_000, idleTimeoutMs: 2_000 })).toThrow('pingAfterMs')
  })
})
