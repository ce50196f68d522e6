import { Socket } from 'node:net'
import { createGateway, json, type SessionCodec } from '@parlance/gateway'
import fc from 'fast-check'
import { afterEach, expect, it, vi } from 'vitest'
import { identify, Site } from './harness.ts'
import { RawClient } from './raw-client.ts'

afterEach(() => vi.restoreAllMocks())

it('one message to many is encoded once per codec, and is one buffer for all sockets', async () => {
  const encodes = { a: 0, b: 0 }
  const codec = (name: 'a' | 'b'): SessionCodec<{ op: string }, { op: string }> => ({
    ...json,
    name,
    encode: (message) => (encodes[name]++, json.encode(message)),
  })
  const site = await Site.around(createGateway({ authenticate: identify, codecs: [codec('a'), codec('b')] }))
  const users = Array.from({ length: 60 }, (_, n) => `user${n}`)
  const clients = await Promise.all(users.map((user, n) => site.connect(user, { codec: n % 3 === 0 ? 'a' : 'b' })))
  const written = vi.spyOn(Socket.prototype, 'write')
  expect(await site.gateway.deliver(users, { op: 'marked message' })).toBe(60)
  expect(written).not.toHaveBeenCalled()
  await Promise.all(clients.map((client) => client.receives(1)))
  expect(encodes).toEqual({ a: 1, b: 1 })
  const frames = written.mock.calls
    .map(([chunk]) => chunk as Buffer)
    .filter((chunk) => chunk.includes('marked message'))
  expect(frames).toHaveLength(60)
  expect(new Set(frames).size).toBe(2)
  await site.close()
})

it('what a session is sent within a tick is written in one piece, in order', async () => {
  const site = await Site.open()
  const client = await RawClient.upgraded(site.port, 'ann')
  const [session] = site.gateway.sessionsOf('ann')
  const corked = vi.spyOn(Socket.prototype, 'cork')
  for (let n = 0; n < 20; n++)
    if (n % 2 === 0) session!.send({ op: String(n) })
    else await site.gateway.deliver(['ann'], { op: String(n) })
  await vi.waitFor(() => expect(client.frames).toHaveLength(20))
  expect(client.frames.map(({ payload }) => (JSON.parse(payload.toString()) as { op: string }).op)).toEqual(
    Array.from({ length: 20 }, (_, n) => String(n)),
  )
  expect(corked).toHaveBeenCalledTimes(1)
  client.destroy()
  await site.close()
})

it('messages of any length arrive as they were sent', async () => {
  const site = await Site.open()
  const ann = await site.connect('ann')
  const [session] = site.gateway.sessionsOf('ann')
  const lengths = fc.oneof(fc.constantFrom(0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537), fc.nat(200_000))
  await fc.assert(
    fc.asyncProperty(lengths, fc.boolean(), async (length, binary) => {
      const came = new Promise<[Buffer, boolean]>((resolve) => {
        ann.webSocket.removeAllListeners('message')
        ann.webSocket.once('message', (data: Buffer, isBinary: boolean) => resolve([data, isBinary]))
      })
      const payload = Buffer.alloc(length, 'aé')
      const whole = binary ? payload : Buffer.from(payload.toString())
      expect(session!.sendEncoded(whole, binary)).toBe(true)
      const [data, isBinary] = await came
      expect(isBinary).toBe(binary)
      expect(data.equals(whole)).toBe(true)
    }),
    { numRuns: 80 },
  )
  await site.close()
})
