import { closeCodes } from '@parlance/gateway'
import { runSeed, seededRandom, until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Site } from './harness.ts'
import { clientFrame, RawClient } from './raw-client.ts'

let site: Site
const ended: number[] = []
beforeEach(async () => {
  ended.length = 0
  site = await Site.open({
    limits: { frameBytes: 1_000, closeMs: 100 },
    ops: { echo: (_, { data }) => data },
    onClose: (_, code) => void ended.push(code),
  })
})
afterEach(() => site.close())

const ping = clientFrame('{"op":"echo","id":1,"data":1}')

describe('what a client must not send is answered with a close code', () => {
  const cases: Record<string, [Buffer, number]> = {
    'an unmasked frame': [clientFrame('{"op":"echo"}', { isMasked: false }), 1002],
    'a reserved opcode': [clientFrame('', { opcode: 3 }), 1002],
    'a continuation of nothing': [clientFrame('x', { opcode: 0 }), 1002],
    'a fragmented control frame': [Buffer.from([0x09, 0x80, 0, 0, 0, 0]), 1002],
    'text that is not UTF-8': [clientFrame(Buffer.from([0xff, 0xfe])), 1007],
    'a frame above the limit': [clientFrame('x'.repeat(1_001)), 1009],
    'a frame that only claims to be large': [clientFrame('x', { claimedLength: 2 ** 40 }), 1009],
    'a close code that must not be sent': [clientFrame(Buffer.from([0x03, 0xed]), { opcode: 8 }), 1002],
    'binary where the codec wants text': [clientFrame('{"op":"echo"}', { opcode: 2 }), closeCodes.undecodable],
    'text that is not JSON': [clientFrame('{'), closeCodes.undecodable],
    'JSON that is no request': [clientFrame('[1]'), closeCodes.undecodable],
    'an op that nobody serves': [clientFrame('{"op":"nonsense","id":1}'), closeCodes.unknownOp],
    'an op named like a property of every object': [clientFrame('{"op":"constructor"}'), closeCodes.unknownOp],
  }
  for (const [what, [bytes, code]] of Object.entries(cases))
    it(what, async () => {
      const client = await RawClient.upgraded(site.port, 'ann')
      client.write(ping, bytes, ping)
      expect(await client.closesWith()).toBe(code)
      await until('the session has ended', () => ended.length === 1)
      expect(site.gateway.sessionCount).toBe(0)
      client.destroy()
    })
})

it('an unknown op can be answered instead', async () => {
  const polite = await Site.open({ unknownOp: 'reply' })
  const ann = await polite.connect('ann')
  expect((await ann.ask('nonsense')).error).toMatchObject({ code: 'GATEWAY_UNKNOWN_OP' })
  expect(polite.gateway.sessionCount).toBe(1)
  await polite.close()
})

it('who sends what cannot be read is told why before the close, if the application wants it', async () => {
  let shallFail = false
  const polite = await Site.open({
    undecodableFarewell: (error) => {
      if (shallFail) throw new Error('no words')
      return { op: 'unreadable', data: (error as Error).name }
    },
  })
  const told = await polite.connect('ann')
  told.webSocket.send('[]')
  expect(await told.closed).toMatchObject({ code: closeCodes.undecodable, received: 1 })
  expect(told.received).toEqual([{ op: 'unreadable', data: 'UndecodableError' }])
  shallFail = true
  const untold = await polite.connect('ann')
  untold.webSocket.send('[]')
  expect(await untold.closed).toMatchObject({ code: closeCodes.undecodable, received: 0 })
  await polite.close()
})

it('a fragmented message is one message, with control frames in between', async () => {
  const client = await RawClient.upgraded(site.port, 'ann')
  const first = clientFrame('{"op":"ec')
  first[0] = 0x01
  client.write(first, clientFrame('hi', { opcode: 9 }), clientFrame('ho","id":1,"data":2}', { opcode: 0 }))
  await until('it is answered', () => client.frames.length === 2)
  expect(client.frames.map(({ payload }) => payload.toString())).toEqual(['hi', '{"op":"echo","id":1,"data":2}'])
  client.destroy()
})

it('bytes that come one by one are as good as all at once', async () => {
  const client = await RawClient.upgraded(site.port, 'ann')
  client.socket.setNoDelay()
  for (const byte of ping) {
    client.write(Buffer.from([byte]))
    await new Promise((resolve) => void setImmediate(resolve))
  }
  await until('it is answered', () => client.frames.length === 1)
  client.destroy()
})

it('a connection that is reset, at any moment, leaves nothing behind and disturbs nobody', async () => {
  const bob = await site.connect('bob')
  for (let cut = 0; cut <= ping.length; cut += 5) {
    const client = await RawClient.upgraded(site.port, 'ann')
    client.write(ping, ping.subarray(0, cut))
    client.socket.resetAndDestroy()
    await site.gateway.deliver(['ann', 'bob'], { op: 'push' })
  }
  await until('only bob is left', () => site.gateway.sessionCount === 1)
  expect(await bob.ask('echo', 1)).toMatchObject({ data: 1 })
})

it('a client that ends its half of the connection without a close frame has ended its session', async () => {
  const client = await RawClient.upgraded(site.port, 'ann')
  client.socket.end()
  await until('the session has ended', () => ended.length === 1)
  expect(ended).toEqual([1006])
})

it('a client that says goodbye is answered in kind', async () => {
  const ann = await site.connect('ann')
  ann.webSocket.close(4321, 'bye')
  expect(await ann.closed).toMatchObject({ code: 4321 })
  await until('the session has ended', () => ended.length === 1)
  expect(ended).toEqual([4321])
})

it('random bytes end at most the connection they came on', async () => {
  const random = seededRandom(runSeed())
  const bob = await site.connect('bob')
  for (let round = 0; round < 60; round++) {
    const client = await RawClient.upgraded(site.port, 'ann')
    const parts = Array.from({ length: 1 + random.int(5) }, () =>
      random.pick([
        () => random.bytes(random.int(300)),
        () => clientFrame(random.bytes(random.int(200)), { opcode: random.int(16), isMasked: random.int(4) > 0 }),
        () => ping,
        () => ping.subarray(0, random.int(ping.length)),
      ])(),
    )
    client.write(...parts)
    client.socket.end()
    await until(`the connection ends (seed ${random.seed})`, () => client.isClosed)
  }
  await until('only bob is left', () => site.gateway.sessionCount === 1)
  expect(await bob.ask('echo', 'still here')).toMatchObject({ data: 'still here' })
})

it('a message that cannot be encoded fails the delivery, or closes with the internal code where it is an answer', async () => {
  const odd = await Site.open({ ops: { odd: () => 1n } })
  const ann = await odd.connect('ann')
  await expect(odd.gateway.deliver(['ann'], { op: 'x', data: 1n })).rejects.toThrow(TypeError)
  ann.send({ op: 'odd', id: 1 })
  expect(await ann.closed).toMatchObject({ code: closeCodes.internal, received: 0 })
  await odd.close()
})
