import { InvalidArgumentError } from '@parlance/core'
import { createGateway, json, type Session, TooManySubscriptionsError } from '@parlance/gateway'
import { createInProcessRegistry } from '@parlance/gateway/embedded'
import { until } from '@parlance/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { identify, Site } from './harness.ts'

let site: Site
let encoded = 0
const counted = { ...json, encode: (message: Parameters<typeof json.encode>[0]) => (encoded++, json.encode(message)) }

beforeEach(async () => {
  encoded = 0
  site = await Site.open({
    limits: { presenceSubscriptions: 3, presenceSubscriptionBytes: 64 },
    presence: {
      message: (subject, sessions) =>
        subject === 'secret' ? undefined : { op: 'presence', data: [subject, sessions.map(({ device }) => device)] },
    },
    ops: { unwatch: (session, { data }) => site.gateway.presence.unsubscribe(session, data as string[]) },
  })
})
afterEach(() => site.close())

const sessionOf = (subject: string) => site.gateway.sessionsOf(subject)[0]!

it('who watches is told when sessions come and go, and who does not is not', async () => {
  const [watcher, other] = [await site.connect('watcher'), await site.connect('other')]
  expect(await site.gateway.presence.subscribe(sessionOf('watcher'), ['ann', 'other'])).toMatchObject([
    [],
    [{ subject: 'other', device: 'web' }],
  ])
  const phone = await site.connect('ann', { query: '&device=phone' })
  await watcher.receives(1)
  await site.connect('ann', { query: '&device=web' })
  await watcher.receives(2)
  phone.webSocket.close()
  await watcher.receives(3)
  expect(watcher.received.map(({ data }) => data)).toEqual([
    ['ann', ['phone']],
    ['ann', ['phone', 'web']],
    ['ann', ['web']],
  ])
  expect(other.received).toEqual([])
})

it('changes within a tick are one message with the last state', async () => {
  const registry = createInProcessRegistry()
  const shared = await Site.open({
    registry,
    presence: { message: (subject, sessions) => ({ op: subject, data: sessions.length }) },
  })
  const watcher = await shared.connect('watcher')
  await shared.gateway.presence.subscribe(shared.gateway.sessionsOf('watcher')[0]!, ['ann', 'bob'])
  registry.join({ name: 'other', incarnation: '1', address: '' })
  const elsewhere = (subject: string, id: string) => ({ id, node: 'other', subject, device: 'web', credential: 'c' })
  const changes = ['1', '2', '3'].map((id) => registry.register(elsewhere('ann', id)))
  changes.push(registry.register(elsewhere('bob', '4')))
  await Promise.all(changes)
  await watcher.receives(2)
  await registry.unregister(elsewhere('ann', '1'))
  await watcher.receives(3)
  expect(watcher.received).toEqual([
    { op: 'ann', data: 3 },
    { op: 'bob', data: 1 },
    { op: 'ann', data: 2 },
  ])
  await shared.close()
})

it('the message is encoded once for all watchers of a codec', async () => {
  const shared = await Site.around(
    createGateway({
      authenticate: identify,
      codecs: [counted],
      presence: { message: (subject) => ({ op: 'presence', data: subject }) },
    }),
  )
  const watchers = await Promise.all(Array.from({ length: 10 }, (_, n) => shared.connect(`w${n}`)))
  for (let n = 0; n < 10; n++) await shared.gateway.presence.subscribe(shared.gateway.sessionsOf(`w${n}`)[0]!, ['ann'])
  encoded = 0
  await shared.connect('ann')
  await Promise.all(watchers.map((watcher) => watcher.receives(1)))
  expect(encoded).toBe(1)
  await shared.close()
})

it('nobody is told what the application does not want to tell', async () => {
  const watcher = await site.connect('watcher')
  await site.gateway.presence.subscribe(sessionOf('watcher'), ['secret', 'ann'])
  await site.connect('secret')
  await site.connect('ann')
  await watcher.receives(1)
  expect(watcher.received).toEqual([{ op: 'presence', data: ['ann', ['web']] }])
})

it('who unsubscribes is told nothing any more', async () => {
  const [watcher, second] = [await site.connect('watcher'), await site.connect('second')]
  await site.gateway.presence.subscribe(sessionOf('watcher'), ['ann', 'bob'])
  await site.gateway.presence.subscribe(sessionOf('second'), ['ann', 'bob'])
  await watcher.ask('unwatch', ['ann', 'never watched'])
  await site.connect('ann')
  await site.connect('bob')
  await second.receives(2)
  await watcher.receives(2)
  expect(watcher.ops()).toEqual(['unwatch', 'presence'])
})

it('a session watches a bounded number of subjects; one too many subscribes to none', async () => {
  const watcher = await site.connect('watcher')
  const session = sessionOf('watcher')
  await site.gateway.presence.subscribe(session, ['a', 'b'])
  await site.gateway.presence.subscribe(session, ['a', 'b'])
  await expect(site.gateway.presence.subscribe(session, ['c', 'd'])).rejects.toThrow(TooManySubscriptionsError)
  await site.connect('c')
  site.gateway.presence.unsubscribe(session, ['a'])
  await site.gateway.presence.subscribe(session, ['c', 'd'])
  await site.connect('d')
  await watcher.receives(1)
  expect(watcher.received.map(({ data }) => data)).toEqual([['d', ['web']]])
})

it('the bytes of the names that a session watches are bounded too, not only their count', async () => {
  const watcher = await site.connect('watcher')
  const session = sessionOf('watcher')
  const wide = 'é'.repeat(16)
  await site.gateway.presence.subscribe(session, [wide])
  await site.gateway.presence.subscribe(session, [wide, wide])
  await expect(site.gateway.presence.subscribe(session, ['x'.repeat(33)])).rejects.toThrow(TooManySubscriptionsError)
  await site.gateway.presence.subscribe(session, ['x'.repeat(32)])
  site.gateway.presence.unsubscribe(session, [wide, wide, 'never watched'])
  await expect(site.gateway.presence.subscribe(session, ['y'.repeat(33)])).rejects.toThrow(TooManySubscriptionsError)
  await site.gateway.presence.subscribe(session, ['ann'])
  await site.connect('ann')
  await watcher.receives(1)
})

it('an ended session watches nothing, and its subscription after the end is none', async () => {
  const watcher = await site.connect('watcher')
  const session = sessionOf('watcher')
  await site.gateway.presence.subscribe(session, ['ann'])
  watcher.webSocket.terminate()
  await until('it has ended', () => !session.isOpen)
  expect(await site.gateway.presence.subscribe(session, ['ann'])).toEqual([[]])
  await site.connect('ann')
  expect((session as unknown as { watching: unknown }).watching).toBeUndefined()
})

it('refuses a session that is none of its own', async () => {
  const foreign = { id: 'x', subject: 'y' } as unknown as Session<never, never>
  await expect(site.gateway.presence.subscribe(foreign as never, ['ann'])).rejects.toThrow(InvalidArgumentError)
})
