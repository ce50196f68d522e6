import { closeCodes, type DevicePolicy, onePerDevice } from '@parlance/gateway'
import { until } from '@parlance/testing'
import { afterEach, expect, it } from 'vitest'
import { type Client, Site, type TestOptions } from './harness.ts'

let site: Site
const open = async (options: TestOptions): Promise<Site> => (site = await Site.open(options))
afterEach(() => site.close())

const enter = (device: string, credential: string): Promise<Client> =>
  site.connect('ann', { query: `&device=${device}&credential=${credential}` })

const credentials = (): string[] => site.gateway.sessionsOf('ann').map(({ device, credential }) => device + credential)

it('everybody may stay unless a policy is given', async () => {
  await open({})
  await enter('web', '1')
  await enter('web', '2')
  expect(credentials()).toEqual(['web1', 'web2'])
})

it('one credential per device: the older one goes, with a farewell and a code that keeps it away', async () => {
  await open({ devicePolicy: onePerDevice, replacedFarewell: { op: 'replaced' } })
  const old = await enter('web', '1')
  await enter('phone', '1')
  await enter('web', '2')
  expect(await old.closed).toMatchObject({ code: closeCodes.replaced, received: 1 })
  expect(old.ops()).toEqual(['replaced'])
  expect(credentials()).toEqual(['phone1', 'web2'])
  await until('the registry agrees', async () => (await site.gateway.presence.of(['ann']))[0]!.length === 2)
})

it('a reconnect with the same credential replaces nobody', async () => {
  await open({ devicePolicy: onePerDevice })
  await enter('web', '1')
  await enter('web', '1')
  expect(credentials()).toEqual(['web1', 'web1'])
})

it('a policy is data: it sees the others, oldest first, and makes room below the bound of sessions', async () => {
  const newestTwo: DevicePolicy = (_, existing) => existing.slice(0, Math.max(0, existing.length - 1))
  await open({ devicePolicy: newestTwo, limits: { sessionsPerSubject: 2 } })
  for (const credential of ['1', '2', '3', '4']) await enter('web', credential)
  expect(credentials()).toEqual(['web3', 'web4'])
})
