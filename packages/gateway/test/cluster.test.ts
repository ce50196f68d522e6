import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { InvalidArgumentError } from '@parlance/core'
import { openRedis, redisCommand } from '@parlance/engines/redis'
import {
  closeCodes,
  createGatewayClient,
  type NodeClient,
  NodeGoneError,
  type NodeLink,
  NodeUnreachableError,
  onePerDevice,
  type SessionRegistry,
} from '@parlance/gateway'
import { createInProcessRegistry, InProcessNetwork } from '@parlance/gateway/embedded'
import { createNodeClient, createNodeHost } from '@parlance/gateway/link'
import { createRedisSessionRegistry } from '@parlance/gateway/redis'
import { serviceURL, startProgram, until, VirtualClock } from '@parlance/testing'
import { WebSocket } from 'ws'
import { afterEach, describe, expect, it } from 'vitest'
import { Client, Site, type TestOptions } from './harness.ts'
import { TcpProxy } from './tcp-proxy.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

/** What the processes of a cluster stand on: each is given its own. */
interface Ground {
  open(): Promise<{ registry: SessionRegistry; link: NodeLink }>
}

const secret = 'a secret of enough bytes'
const redisURL = serviceURL('redis')

function oneProcess(): Ground {
  const registry = createInProcessRegistry()
  const network = new InProcessNetwork()
  return { open: async () => ({ registry, link: network.open(() => registry.nodes()) }) }
}

function manyProcesses(leaseMs = 10_000, prefix = `test:${randomUUID()}:`): Ground {
  return {
    async open() {
      const redis = await openRedis({ url: redisURL!, prefix })
      const registry = createRedisSessionRegistry({ redis, leaseMs })
      const host = await createNodeHost({ secret })
      const client = createNodeClient({ secret, nodes: () => registry.nodes() })
      closing.push(async () => {
        await Promise.all([client.stop(), host.stop(1)])
        await registry.stop()
        await redis.close()
      })
      return { registry, link: { host, client } }
    },
  }
}

/** Gateways that share a registry and reach one another. */
async function cluster(ground: Ground, ...options: TestOptions[]) {
  const sites: Site[] = []
  for (const [index, more] of options.entries()) {
    const site = await Site.open({ node: `n${index + 1}`, ...(await ground.open()), ...more })
    closing.push(() => site.close())
    sites.push(site)
  }
  return sites as [Site, Site]
}

const grounds = [
  ['in one process', oneProcess, true],
  ['over Redis and direct links', () => manyProcesses(), redisURL !== undefined],
] as const

for (const [place, groundOf, isThere] of grounds)
  describe.skipIf(!isThere)(`nodes ${place}`, () => {
    it('a kick reaches sessions on every node, with the farewell, and counts them', async () => {
      const [here, there] = await cluster(groundOf(), {}, {})
      const [near, far, other] = [await here.connect('ann'), await there.connect('ann'), await there.connect('bob')]
      const farewell = { op: 'out', data: { why: ['revoked'] } }
      expect(await here.gateway.kick('ann', { farewell, code: 4500, reason: 'revoked' })).toBe(2)
      for (const client of [near, far]) {
        expect(await client.closed).toEqual({ code: 4500, reason: 'revoked', received: 1 })
        expect(client.received).toEqual([farewell])
      }
      expect(there.gateway.sessionsOf('bob')).toHaveLength(1)
      expect(other.received).toEqual([])
    })

    it('a kick names sessions by data, and leaves the others', async () => {
      const [here, there] = await cluster(groundOf(), {}, {})
      const enter = (site: Site, device: string, credential: string) =>
        site.connect('ann', { query: `&device=${device}&credential=${credential}` })
      for (const site of [here, there]) for (const device of ['web', 'phone']) await enter(site, device, `${device}-1`)
      await enter(there, 'web', 'web-2')
      const out = { code: 4500, reason: '' }
      expect(
        await here.gateway.kick('ann', { match: { devices: ['web'], exceptCredentials: ['web-2'] }, ...out }),
      ).toBe(2)
      expect(
        await here.gateway.kick('ann', { match: { devices: ['web'], exceptCredentials: ['web-2'] }, ...out }),
      ).toBe(0)
      const [first] = there.gateway.sessionsOf('ann')
      expect(await here.gateway.kick('ann', { match: { sessions: [first!.id] }, ...out })).toBe(1)
      expect(await here.gateway.kick('ann', { match: { credentials: ['phone-1', 'web-1'] }, ...out })).toBe(1)
      expect(await here.gateway.kick('ann', { match: { exceptDevices: ['web'] }, ...out })).toBe(0)
      const [last] = there.gateway.sessionsOf('ann')
      expect(last).toMatchObject({ credential: 'web-2' })
      expect(await here.gateway.kick('ann', { match: { exceptSessions: [last!.id] }, ...out })).toBe(0)
      expect(await here.gateway.kick('ann', out)).toBe(1)
    })

    it('a session replaced by one on another node is ended there, with its farewell', async () => {
      const options = { devicePolicy: onePerDevice, replacedFarewell: { op: 'replaced' } }
      const [here, there] = await cluster(groundOf(), options, options)
      const old = await here.connect('ann', { query: '&credential=1' })
      await there.connect('ann', { query: '&credential=2' })
      expect(await old.closed).toMatchObject({ code: closeCodes.replaced, received: 1 })
      expect(old.ops()).toEqual(['replaced'])
      await until('it is gone everywhere', async () => (await there.gateway.presence.of(['ann']))[0]!.length === 1)
      expect(there.gateway.sessionsOf('ann')).toHaveLength(1)
    })

    it('a process without sessions kicks and asks for presence just the same', async () => {
      const ground = groundOf()
      const both = await cluster(ground, {}, {})
      const { registry, link } = await ground.open()
      const control = createGatewayClient({ registry, client: link.client })
      const clients = await Promise.all(both.map((site) => site.connect('ann')))
      const [sessions] = await control.presence.of(['ann'])
      expect(sessions!.map(({ node }) => node).toSorted()).toEqual(['n1', 'n2'])
      await expect(control.kick('ann', { code: 1006, reason: '' })).rejects.toThrow(InvalidArgumentError)
      expect(await control.kick('ann', { farewell: { op: 'out' }, code: 4500, reason: '' })).toBe(2)
      for (const one of clients) expect(await one.closed).toMatchObject({ code: 4500, received: 1 })
      control.stop()
    })

    it('presence is told across nodes, and a node that stops takes its sessions along', async () => {
      const presence = {
        message: (subject: string, sessions: readonly unknown[]) => ({ op: subject, data: sessions.length }),
      }
      const [here, there] = await cluster(groundOf(), { presence }, { presence })
      const watcher = await here.connect('watcher')
      await here.gateway.presence.subscribe(here.gateway.sessionsOf('watcher')[0]!, ['ann'])
      await there.connect('ann')
      await watcher.receives(1)
      await there.gateway.stop()
      await watcher.receives(2)
      expect(watcher.received.map(({ data }) => data)).toEqual([1, 0])
      expect((await here.gateway.presence.of(['ann']))[0]).toEqual([])
    })

    it('a farewell that cannot travel is refused', async () => {
      const [here, there] = await cluster(groundOf(), {}, {})
      await there.connect('ann')
      const farewell = { op: 'out', data: () => 1 }
      await expect(here.gateway.kick('ann', { farewell, code: 4500, reason: '' })).rejects.toThrow(InvalidArgumentError)
    })
  })

it('without a link, whoever is on another node cannot be kicked, and the caller is told', async () => {
  const registry = createInProcessRegistry()
  registry.join({ name: 'other', incarnation: '1', address: '' })
  await registry.register({ id: 'x', node: 'other', subject: 'ann', device: 'web', credential: 'c' })
  const alone = await Site.open({ registry })
  closing.push(() => alone.close())
  const near = await alone.connect('ann')
  await expect(alone.gateway.kick('ann', { code: 4500, reason: '' })).rejects.toThrow(NodeUnreachableError)
  expect(await near.closed).toMatchObject({ code: 4500 })
})

describe('sessions that may have missed something', () => {
  /** A registry and a host whose calls the test makes. */
  async function open(options: TestOptions) {
    let lapse: (() => void) | undefined
    const registry = createInProcessRegistry()
    const join = registry.join.bind(registry)
    const observed: SessionRegistry = Object.assign(registry, {
      join: (node: Parameters<typeof join>[0]) => ((lapse = node.onLapsed), join(node)),
    })
    const site = await Site.open({ registry: observed, ...options })
    closing.push(() => site.close())
    return { site, lapse: () => lapse!() }
  }

  it('are told so, by the message of the application', async () => {
    const { site, lapse } = await open({ resyncMessage: { op: 'fetch' } })
    const clients = [await site.connect('ann'), await site.connect('bob')]
    lapse()
    await Promise.all(clients.map((client) => client.receives(1)))
    expect(clients.map((client) => client.ops())).toEqual([['fetch'], ['fetch']])
    expect(site.gateway.sessionCount).toBe(2)
  })

  it('or are closed with a code that makes them come back, spread over time', async () => {
    const clock = new VirtualClock()
    const { site, lapse } = await open({ clock, limits: { resyncMs: 1_000 } })
    const clients = await Promise.all(Array.from({ length: 50 }, (_, index) => site.connect(`user ${index}`)))
    lapse()
    const late = await site.connect('late')
    await until('some are closed', () => site.gateway.sessionCount < 51)
    expect(site.gateway.sessionCount).toBeGreaterThan(10)
    await clock.advance(1_000)
    for (const client of clients) expect(await client.closed).toMatchObject({ code: closeCodes.missed })
    expect(late.webSocket.readyState).toBe(WebSocket.OPEN)
  })
})

describe.skipIf(redisURL === undefined)('nodes in processes of their own', () => {
  const runTypeScript = fileURLToPath(new URL('../../../test/run-typescript.mjs', import.meta.url))
  const doomedScript = fileURLToPath(new URL('./child/hold-sessions.ts', import.meta.url))

  it('one that is killed is gone from presence, and from whoever calls it, within its lease', async () => {
    const leaseMs = 1_500
    const prefix = `test:${randomUUID()}:`
    const ground = manyProcesses(leaseMs, prefix)
    const presence = {
      message: (subject: string, sessions: readonly unknown[]) => ({ op: subject, data: sessions.length }),
    }
    const [here] = await cluster(ground, { presence })
    const doomed = startProgram(runTypeScript, doomedScript, redisURL!, prefix, secret, String(leaseMs))
    closing.push(() => doomed.kill())
    const port = await until('it listens', () => doomed.lines[0])
    const ann = new Client(new WebSocket(`ws://127.0.0.1:${port}/?user=ann`))
    await ann.opened
    const watcher = await here.connect('watcher')
    const found = await here.gateway.presence.subscribe(here.gateway.sessionsOf('watcher')[0]!, ['ann'])
    expect(found).toMatchObject([[{ node: 'doomed', subject: 'ann' }]])
    const { link, registry } = await ground.open()
    const payload = Buffer.from('there')
    expect(Buffer.from(await link.client.call('doomed', 'echo', payload)).toString()).toBe('there')

    await doomed.kill()
    const forever = { timeoutMs: Number.POSITIVE_INFINITY }
    const waiting = link.client.call('doomed', 'echo', payload, forever)
    const kick = here.gateway.kick('ann', { code: 4500, reason: '' })
    await expect(waiting).rejects.toThrow(NodeGoneError)
    expect(await kick).toBe(0)
    await watcher.receives(1)
    expect(watcher.received).toEqual([{ op: 'ann', data: 0 }])
    expect(await registry.sessionsOf(['ann'])).toEqual([[]])
  })

  it('one that is started again under its name is another one', async () => {
    const prefix = `test:${randomUUID()}:`
    const ground = manyProcesses(10_000, prefix)
    const { link, registry } = await ground.open()
    for (const user of ['ann', 'bob']) {
      const doomed = startProgram(runTypeScript, doomedScript, redisURL!, prefix, secret, '10000')
      closing.push(() => doomed.kill())
      const port = await until('it listens', () => doomed.lines[0])
      await new Client(new WebSocket(`ws://127.0.0.1:${port}/?user=${user}`)).opened
      expect((await registry.sessionsOf(['ann', 'bob'])).flat()).toMatchObject([{ subject: user, node: 'doomed' }])
      expect(Buffer.from(await link.client.call('doomed', 'echo', Buffer.from(user))).toString()).toBe(user)
      await doomed.kill()
    }
    const redis = await openRedis({ url: redisURL!, prefix })
    await redis.run(redisCommand('DEL', redis.name('gateway', 'nodes')))
    await redis.close()
  })
})

describe.skipIf(redisURL === undefined)('a link that is cut', () => {
  /** Two nodes, the second reached through a proxy. */
  async function behindProxy() {
    const ground = manyProcesses()
    const options = { devicePolicy: onePerDevice, replacedFarewell: { op: 'replaced' } }
    const [here] = await cluster(ground, options)
    const { registry, link } = await ground.open()
    const proxy = await TcpProxy.to(link.host.address)
    closing.push(() => proxy.close())
    const host = new Proxy(link.host, {
      get: (target, name) => {
        const value: unknown = name === 'address' ? proxy.address : Reflect.get(target, name)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    const there = await Site.open({ node: 'far', registry, link: { host, client: link.client }, ...options })
    closing.push(() => there.close())
    const caller: NodeClient = (await ground.open()).link.client
    return { here, there, proxy, host, caller }
  }

  it('in the middle of a kick loses nothing, and nobody is told twice', async () => {
    const { here, there, proxy } = await behindProxy()
    for (let round = 0; round < 10; round++) {
      const ann = await there.connect('ann')
      const kick = here.gateway.kick('ann', { farewell: { op: 'out', data: round }, code: 4500, reason: '' })
      if (round > 0) proxy.cutAfterBytes = round % 2 === 0 ? { toServer: 60 } : { toClient: 5 }
      expect(await kick).toBe(1)
      expect(await ann.closed).toMatchObject({ code: 4500, received: 1 })
    }
    expect(proxy.accepted).toBeGreaterThan(5)
  })

  it('does not keep a replaced session: it is ended once the node is reached again', async () => {
    const { here, there, proxy } = await behindProxy()
    const old = await there.connect('ann', { query: '&credential=1' })
    proxy.isDown = true
    proxy.cut()
    const refused = proxy.accepted
    await here.connect('ann', { query: '&credential=2' })
    await until('it was tried', () => proxy.accepted > refused)
    expect(old.received).toEqual([])
    proxy.isDown = false
    expect(await old.closed).toMatchObject({ code: closeCodes.replaced, received: 1 })
  })

  it('in the middle of deliveries: each reaches the sessions once, in order', async () => {
    const { there, proxy, host, caller } = await behindProxy()
    host.serve({
      deliver: async (payload) => {
        await there.gateway.deliver(['ann'], { op: 'news', data: Number(Buffer.from(payload).toString()) })
        return payload
      },
    })
    const ann = await there.connect('ann')
    const numbers = Array.from({ length: 200 }, (_, number) => number)
    const delivered: Promise<Uint8Array>[] = []
    for (const number of numbers) {
      const payload = Buffer.from(String(number))
      delivered.push(caller.call('far', 'deliver', payload, { timeoutMs: Number.POSITIVE_INFINITY }))
      if (number % 40 !== 20) continue
      proxy.cutAfterBytes = number % 80 === 20 ? { toServer: 150 } : { toClient: 70 }
      await until('it is cut', () => Object.values(proxy.cutAfterBytes).length === 0)
    }
    await Promise.all(delivered)
    await ann.receives(numbers.length)
    expect(ann.received.map(({ data }) => data)).toEqual(numbers)
  })
})
