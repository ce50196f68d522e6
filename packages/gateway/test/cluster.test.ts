import { InvalidArgumentError } from '@parlance/core'
import { closeCodes, createGatewayClient, NodeUnreachableError, onePerDevice } from '@parlance/gateway'
import { createInProcessRegistry, InProcessNetwork } from '@parlance/gateway/embedded'
import { until } from '@parlance/testing'
import { afterEach, expect, it } from 'vitest'
import { Site, type TestOptions } from './harness.ts'

const sites: Site[] = []
afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.close()))
})

/** Gateways that share a registry and reach one another. */
async function cluster(...options: TestOptions[]) {
  const registry = createInProcessRegistry()
  const network = new InProcessNetwork()
  const nodes = () => registry.nodes()
  for (const [index, more] of options.entries())
    sites.push(await Site.open({ registry, node: `n${index + 1}`, link: network.open(nodes), ...more }))
  return { registry, client: network.openClient(nodes), sites: [...sites] as [Site, Site] }
}

it('a kick reaches sessions on every node, with the farewell, and counts them', async () => {
  const [here, there] = (await cluster({}, {})).sites
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
  const [here, there] = (await cluster({}, {})).sites
  const enter = (site: Site, device: string, credential: string) =>
    site.connect('ann', { query: `&device=${device}&credential=${credential}` })
  for (const site of [here, there]) for (const device of ['web', 'phone']) await enter(site, device, `${device}-1`)
  await enter(there, 'web', 'web-2')
  const out = { code: 4500, reason: '' }
  expect(await here.gateway.kick('ann', { match: { devices: ['web'], exceptCredentials: ['web-2'] }, ...out })).toBe(2)
  expect(await here.gateway.kick('ann', { match: { devices: ['web'], exceptCredentials: ['web-2'] }, ...out })).toBe(0)
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
  const [here, there] = (await cluster(options, options)).sites
  const old = await here.connect('ann', { query: '&credential=1' })
  await there.connect('ann', { query: '&credential=2' })
  expect(await old.closed).toMatchObject({ code: closeCodes.replaced, received: 1 })
  expect(old.ops()).toEqual(['replaced'])
  await until('it is gone everywhere', async () => (await there.gateway.presence.of(['ann']))[0]!.length === 1)
  expect(there.gateway.sessionsOf('ann')).toHaveLength(1)
})

it('a process without sessions kicks and asks for presence just the same', async () => {
  const { registry, client, sites: both } = await cluster({}, {})
  const control = createGatewayClient({ registry, client })
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
  const [here, there] = (await cluster({ presence }, { presence })).sites
  const watcher = await here.connect('watcher')
  await here.gateway.presence.subscribe(here.gateway.sessionsOf('watcher')[0]!, ['ann'])
  await there.connect('ann')
  await watcher.receives(1)
  await there.gateway.stop()
  await watcher.receives(2)
  expect(watcher.received.map(({ data }) => data)).toEqual([1, 0])
  expect((await here.gateway.presence.of(['ann']))[0]).toEqual([])
})

it('without a link, whoever is on another node cannot be kicked, and the caller is told', async () => {
  const { registry } = await cluster({})
  registry.join({ name: 'other', incarnation: '1', address: '' })
  await registry.register({ id: 'x', node: 'other', subject: 'ann', device: 'web', credential: 'c' })
  const alone = await Site.open({ registry })
  sites.push(alone)
  const near = await alone.connect('ann')
  await expect(alone.gateway.kick('ann', { code: 4500, reason: '' })).rejects.toThrow(NodeUnreachableError)
  expect(await near.closed).toMatchObject({ code: 4500 })
})

it('a farewell that cannot travel is refused', async () => {
  const [here, there] = (await cluster({}, {})).sites
  await there.connect('ann')
  const farewell = { op: 'out', data: () => 1 }
  await expect(here.gateway.kick('ann', { farewell, code: 4500, reason: '' })).rejects.toThrow(InvalidArgumentError)
})
