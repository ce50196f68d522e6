import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { UnknownOpError } from '@parlance/gateway'
import {
  type Admission,
  closeCodes,
  createGateway,
  json,
  type JsonMessage,
  type JsonRequest,
  onePerDevice,
  type RegisteredSession,
  type SessionRegistry,
} from '@parlance/gateway'
import { createInProcessRegistry } from '@parlance/gateway/embedded'
import { until, VirtualClock } from '@parlance/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { identify, Site, type TestOptions } from './harness.ts'
import { RawClient } from './raw-client.ts'

let site: Site
afterEach(() => site.close())

const open = async (options: TestOptions = {}): Promise<Site> => (site = await Site.open(options))

/** A gateway whose handshake gives what the test says. */
const openWith = async (
  handshake: () => Admission<JsonRequest, JsonMessage> | Promise<Admission<JsonRequest, JsonMessage>>,
  options: TestOptions = {},
): Promise<Site> => (site = await Site.around(createGateway({ ...options, handshake })))

const statusOf = async (path: string): Promise<string> => {
  const client = new RawClient(site.port)
  client.upgrade(path)
  await until('the socket is closed', () => client.isClosed)
  return `${client.head.split('\r\n')[0]} | ${client.body.toString().trim()}`
}

const accept = (subject: string): Admission<JsonRequest, JsonMessage> => ({
  kind: 'accept',
  identity: { subject, device: 'web', credential: 'c' },
  codec: json,
  greeting: json.encode({ op: 'welcome' }),
})

/** A registry that does not finish registering before the test says so. */
function slowRegistry() {
  const registry = createInProcessRegistry()
  let go!: () => void
  const gate = new Promise<void>((resolve) => (go = resolve))
  const register = registry.register.bind(registry)
  const slow: SessionRegistry = Object.assign(registry, {
    async register(session: RegisteredSession) {
      const before = await register(session)
      await gate
      return before
    },
  })
  return { registry: slow, go }
}

describe('a client is connected', () => {
  it('when it is known, with the first codec', async () => {
    await open()
    const ann = await site.connect('ann')
    expect(site.gateway.sessionsOf('ann')).toMatchObject([{ subject: 'ann', device: 'web', isOpen: true, codec: json }])
    expect(ann.webSocket.protocol).toBe('')
  })

  it('with the codec it names as subprotocol', async () => {
    await open()
    const ann = await site.connect('ann', { codec: 'lossy' })
    expect(ann.webSocket.protocol).toBe('lossy')
    expect(site.gateway.sessionsOf('ann')[0]!.codec.name).toBe('lossy')
  })

  it('and finds the attributes of its admission', async () => {
    await openWith(
      () => ({ ...accept('ann'), attributes: { background: true } }) as Admission<JsonRequest, JsonMessage>,
    )
    await site.connect('ann')
    expect(site.gateway.sessionsOf('ann')[0]!.attributes.get('background')).toBe(true)
  })

  it('and is greeted before anything else, with what was pushed while it was being registered right behind', async () => {
    const { registry, go } = slowRegistry()
    await openWith(() => accept('ann'), {
      registry,
      onOpen: (session) => void session.send({ op: 'opened' }),
    })
    const ann = site.dial('/')
    await until('it is registered', async () => (await registry.sessionsOf(['ann']))[0]!.length === 1)
    expect(await site.gateway.deliver(['ann'], { op: 'early' })).toBe(1)
    go()
    await ann.receives(3)
    expect(ann.ops()).toEqual(['welcome', 'early', 'opened'])
  })

  it('only after it is registered: who delivers once the greeting is seen reaches it, every time', async () => {
    await openWith(() => accept('ann'))
    for (let round = 1; round <= 100; round++) {
      const ann = site.dial('/')
      await ann.opened
      expect(await site.gateway.deliver(['ann'], { op: 'first' })).toBe(round)
      await ann.receives(2)
      expect(ann.ops().slice(0, 2)).toEqual(['welcome', 'first'])
    }
  })

  it('and a kick during its registration ends it right after the greeting', async () => {
    const { registry, go } = slowRegistry()
    await openWith(() => accept('ann'), { registry })
    const ann = site.dial('/')
    await until('it is registered', async () => (await registry.sessionsOf(['ann']))[0]!.length === 1)
    await site.gateway.kick('ann', { farewell: { op: 'out' }, code: 4500, reason: 'revoked' })
    go()
    expect(await ann.closed).toMatchObject({ code: 4500, received: 2 })
    expect(ann.ops()).toEqual(['welcome', 'out'])
  })
})

describe('an admission that is to be confirmed', () => {
  /** Admits ann with what comes of asking again. */
  const admit = (confirm: () => Promise<boolean>): Admission<JsonRequest, JsonMessage> =>
    ({ ...accept('ann'), confirm }) as Admission<JsonRequest, JsonMessage>
  const options: TestOptions = { replacedFarewell: { op: 'out' } }

  it('is asked about when a kick would find the session, and before its client is told', async () => {
    let found: number | undefined
    let client: RawClient | undefined
    await openWith(
      () =>
        admit(async () => {
          found = site.gateway.sessionsOf('ann').length + (await site.gateway.presence.of(['ann']))[0]!.length
          expect(client!.head).toBe('')
          return true
        }),
      options,
    )
    client = new RawClient(site.port)
    client.upgrade('/')
    await until('it is greeted', () => client.frames.length === 1)
    expect(found).toBe(2)
    expect(site.gateway.sessionsOf('ann')).toHaveLength(1)
    client.destroy()
  })

  it('and is not any more ends in the farewell of the replaced, and replaces nobody', async () => {
    let isValid = true
    let credential = 0
    await openWith(
      () => ({
        ...admit(async () => isValid),
        identity: { subject: 'ann', device: 'web', credential: String(credential++) },
      }),
      { ...options, devicePolicy: onePerDevice },
    )
    const first = site.dial('/')
    await first.receives(1)
    isValid = false
    const second = site.dial('/')
    expect(await second.closed).toMatchObject({ code: closeCodes.replaced })
    expect(second.ops()).toEqual(['welcome', 'out'])
    expect(site.gateway.sessionsOf('ann')).toMatchObject([{ credential: '0' }])
    await until('it is unregistered', async () => (await site.gateway.presence.of(['ann']))[0]!.length === 1)
    expect(first.ops()).toEqual(['welcome'])
  })

  it('and is kicked meanwhile takes the place of nobody', async () => {
    let credential = 0
    await openWith(
      () => {
        const identity = { subject: 'ann', device: 'web', credential: String(credential++) }
        const confirm = async (): Promise<boolean> => {
          if (identity.credential === '0') return true
          const match = { credentials: ['1'] }
          await site.gateway.kick('ann', { match, farewell: { op: 'kicked' }, code: 4500, reason: 'revoked' })
          return true
        }
        return { ...admit(confirm), identity }
      },
      { ...options, devicePolicy: onePerDevice },
    )
    const first = site.dial('/')
    await first.receives(1)
    const second = site.dial('/')
    expect(await second.closed).toMatchObject({ code: 4500 })
    expect(second.ops()).toEqual(['welcome', 'kicked'])
    expect(site.gateway.sessionsOf('ann')).toMatchObject([{ credential: '0' }])
  })

  it('that cannot be asked about is refused with 500, and nothing of it is left', async () => {
    await openWith(() => admit(() => Promise.reject(new Error('the store is away'))), options)
    expect(await statusOf('/')).toBe('HTTP/1.1 500 Internal Server Error | the handshake failed')
    expect(site.gateway.sessionCount).toBe(0)
    await until('it is unregistered', async () => (await site.gateway.presence.of(['ann']))[0]!.length === 0)
  })
})

describe('a client is refused', () => {
  it('with 401 when nobody knows it', async () => {
    await open()
    expect(await statusOf('/')).toBe('HTTP/1.1 401 Unauthorized | not authenticated')
  })

  it('with the answer of the handshake', async () => {
    await openWith(() => ({
      kind: 'refuse',
      status: 200,
      headers: { 'Content-Type': 'application/json', 'X-Why': 'token' },
      body: '{"errCode":1501}',
    }))
    const client = new RawClient(site.port)
    client.upgrade('/')
    await until('the answer is complete', () => client.isClosed)
    expect(client.head).toContain('HTTP/1.1 200 OK')
    expect(client.head).toContain('X-Why: token')
    expect(client.body.toString()).toBe('{"errCode":1501}')
  })

  it('after the upgrade, with a message and a close code', async () => {
    await openWith(() => ({
      kind: 'refuse-after-upgrade',
      message: json.encode({ op: 'denied', data: 1506 }),
      closeCode: 4500,
      reason: 'kicked',
    }))
    const client = site.dial('/')
    expect(await client.closed).toEqual({ code: 4500, reason: 'kicked', received: 1 })
    expect(client.received).toEqual([{ op: 'denied', data: 1506 }])
    expect(site.gateway.sessionCount).toBe(0)
  })

  it('with 500 when the handshake throws or gives a malformed header', async () => {
    await openWith(() => {
      throw new Error('database password is 1234')
    })
    expect(await statusOf('/')).toBe('HTTP/1.1 500 Internal Server Error | the handshake failed')
    await site.close()
    await openWith(() => ({ kind: 'refuse', status: 401, headers: { 'X-Bad': 'a\r\nb' } }))
    const client = new RawClient(site.port)
    client.upgrade('/')
    await until('it is closed', () => client.isClosed)
    expect(client.head).not.toContain('X-Bad')
  })

  it('with 408 when the decision takes too long, and the handshake is told', async () => {
    const clock = new VirtualClock()
    let signal: AbortSignal | undefined
    site = await Site.around(
      createGateway({
        clock,
        limits: { handshakeMs: 3_000 },
        handshake: (request) => {
          signal = request.signal
          return new Promise(() => undefined)
        },
      }),
    )
    const answer = statusOf('/')
    await until('the handshake has begun', () => signal)
    expect(signal!.aborted).toBe(false)
    await clock.advance(3_000)
    expect(await answer).toBe('HTTP/1.1 408 Request Timeout | the handshake took too long')
    expect(signal!.aborted).toBe(true)
  })

  it('with 400 when it does not speak WebSocket, before anybody is asked who it is', async () => {
    let asked = 0
    site = await Site.around(
      createGateway({
        codecs: [json],
        authenticate: (request) => {
          asked++
          return identify(request)
        },
      }),
    )
    const client = new RawClient(site.port)
    client.socket.write(
      'GET /?user=ann HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 12\r\nSec-WebSocket-Key: bad\r\n\r\n',
    )
    await until('it is refused', () => client.isClosed)
    expect(client.head).toContain('400 Bad Request')
    expect(asked).toBe(0)
  })

  it('with 503 above the connections of the node, and let in again when one has left', async () => {
    await open({ limits: { connections: 2 } })
    const [ann] = [await site.connect('ann'), await site.connect('bob')]
    expect(await statusOf('/?user=eve')).toBe('HTTP/1.1 503 Service Unavailable | this node is full')
    ann.webSocket.close()
    await until('one has left', () => site.gateway.sessionCount === 1)
    await until('there is room', async () => !(await statusOf('/')).includes('full'))
    await site.connect('eve')
  })

  it('with 429 above the connections of its address', async () => {
    await open({
      limits: { connectionsPerAddress: 1 },
      addressOf: ({ headers, url }) => headers['x-forwarded-for']?.toString() ?? url!,
    })
    await site.connect('ann')
    await site.connect('bob')
    expect(await statusOf('/?user=ann')).toBe('HTTP/1.1 429 Too Many Requests | too many connections from this address')
  })

  it('with 429 above the sessions of its subject', async () => {
    await open({ limits: { sessionsPerSubject: 2 } })
    await site.connect('ann')
    await site.connect('ann')
    expect(await statusOf('/?user=ann')).toBe('HTTP/1.1 429 Too Many Requests | too many sessions')
    await site.connect('bob')
    expect(await site.gateway.presence.of(['ann', 'bob'])).toMatchObject([[{}, {}], [{}]])
  })

  it('with 503 when it cannot be registered, and nothing of it is left', async () => {
    const registry: SessionRegistry = Object.assign(createInProcessRegistry(), {
      register: async () => {
        throw new UnknownOpError('the registry is away')
      },
    })
    await open({ registry })
    expect(await statusOf('/?user=ann')).toBe('HTTP/1.1 503 Service Unavailable | sessions cannot be registered now')
    expect(site.gateway.sessionCount).toBe(0)
  })

  it('with 503 when the node begins to stop while it is being registered', async () => {
    const { registry, go } = slowRegistry()
    await openWith(() => accept('ann'), { registry })
    const answer = statusOf('/')
    await until('it is registered', async () => (await registry.sessionsOf(['ann']))[0]!.length === 1)
    const stopped = site.gateway.stop()
    go()
    expect(await answer).toBe('HTTP/1.1 503 Service Unavailable | this node is stopping')
    await stopped
    await until('it is unregistered', async () => (await registry.sessionsOf(['ann']))[0]!.length === 0)
  })

  it('with an answer of the application instead', async () => {
    await open({ refusalOf: (reason) => ({ status: 200, body: `refused: ${reason}` }), limits: { connections: 1 } })
    expect(await statusOf('/')).toBe('HTTP/1.1 200 OK | refused: unauthenticated')
    await until('there is room', async () => (await statusOf('/')).includes('unauthenticated'))
    await site.connect('ann')
    expect(await statusOf('/?user=bob')).toBe('HTTP/1.1 200 OK | refused: full')
  })
})

it('a client that goes away while it is being registered leaves nothing behind', async () => {
  const { registry, go } = slowRegistry()
  await openWith(() => accept('ann'), { registry })
  const ann = new RawClient(site.port)
  ann.upgrade('/')
  await until('it is registered', async () => (await registry.sessionsOf(['ann']))[0]!.length === 1)
  ann.socket.resetAndDestroy()
  go()
  await until('it is unregistered', async () => (await registry.sessionsOf(['ann']))[0]!.length === 0)
  expect(site.gateway.sessionCount).toBe(0)
})

it('takes over upgrades below its path and leaves the others alone, until it is detached', async () => {
  await open()
  const server = createServer((_, response) => void response.end('http'))
  const detach = site.gateway.attach(server, { path: '/live' })
  const others: string[] = []
  server.on('upgrade', (request, socket) => {
    if (request.url!.startsWith('/live?') || request.url!.startsWith('/live/')) return
    others.push(request.url!)
    socket.destroy()
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const upgrade = async (path: string): Promise<RawClient> => {
    const client = new RawClient(port)
    client.upgrade(path)
    await until('something happens', () => client.isClosed || client.head !== '')
    return client
  }
  expect((await upgrade('/live?user=ann')).head).toContain('101 Switching')
  expect((await upgrade('/live/deeper?user=ann')).head).toContain('101 Switching')
  expect((await upgrade('/lively?user=ann')).head).toBe('')
  expect((await upgrade('/?user=ann')).head).toBe('')
  expect(others).toEqual(['/lively?user=ann', '/?user=ann'])
  expect(await (await fetch(`http://127.0.0.1:${port}/live`)).text()).toBe('http')
  detach()
  const count = server.listenerCount('upgrade')
  expect(count).toBe(1)
  await site.gateway.stop(1_000)
  server.closeAllConnections()
  await new Promise<void>((resolve) => void server.close(() => resolve()))
})
