import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createGateway, json } from '@parlance/gateway'
import { until } from '@parlance/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { identify, type TestGateway } from './harness.ts'
import { RawClient } from './raw-client.ts'

let server: Server
let live: TestGateway
const gateways: TestGateway[] = []
const urls: string[] = []
const clients: RawClient[] = []

const gateway = (): TestGateway => {
  const made = createGateway({
    codecs: [json],
    authenticate: (request) => {
      urls.push(request.url.href)
      return identify(request)
    },
  })
  gateways.push(made)
  return made
}

beforeEach(async () => {
  urls.length = 0
  server = createServer((_, response) => void response.end('http'))
  live = gateway()
  live.attach(server, { path: '/live/' })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await Promise.all(gateways.splice(0).map((one) => one.stop(1_000)))
  if (!server.listening) return
  server.closeAllConnections()
  await new Promise<void>((resolve) => void server.close(() => resolve()))
})

const upgrade = async (target: string): Promise<RawClient> => {
  const client = new RawClient((server.address() as AddressInfo).port)
  clients.push(client)
  client.upgrade(target)
  await until('something happens', () => client.isClosed || client.head !== '')
  return client
}

it.each([
  '/',
  '/lively?user=ann',
  '//live?user=ann',
  'http://x/',
  'http://x',
  'http://x?user=ann',
  'http://x/lively?user=ann',
  'ftp://x/live?user=ann',
])('an upgrade below no path is refused, never left without anybody: %s', async (target) => {
  const client = await upgrade(target)
  await until('the socket is destroyed', () => client.isClosed)
  expect(client.head).toMatch(/^HTTP\/1\.1 40[04] /)
  await live.stop(1_000)
  // Node's server waits for every socket that was not destroyed, and cannot close those that were taken over.
  await new Promise<void>((resolve) => void server.close(() => resolve()))
  expect(urls).toEqual([])
})

it.each(['http://x/live?user=ann', 'HTTPS://x:1/live/deeper?user=ann', 'ws://x/live/../live?user=ann'])(
  'an address in its absolute form is read as its path: %s',
  async (target) => {
    const client = await upgrade(target)
    expect(client.head).toContain('101 Switching')
    expect(urls).toEqual([new URL(target.slice(target.indexOf('/live')), 'http://localhost').href])
    expect(live.sessionsOf('ann')).toHaveLength(1)
  },
)

it('of two gateways of one server the one with the longest path takes the client, and only that', async () => {
  const root = gateway()
  root.attach(server)
  const deep = gateway()
  const detach = deep.attach(server, { path: '/live/deep' })
  const three = [await upgrade('/live/deep?user=a'), await upgrade('/live?user=a'), await upgrade('/?user=a')]
  expect(three.map(({ head }) => head.slice(9, 12))).toEqual(['101', '101', '101'])
  expect([deep, live, root].map((one) => one.sessionsOf('a').length)).toEqual([1, 1, 1])
  expect(server.listenerCount('upgrade')).toBe(1)
  detach()
  await upgrade('/live/deep?user=b')
  expect(live.sessionsOf('b')).toHaveLength(1)
})
