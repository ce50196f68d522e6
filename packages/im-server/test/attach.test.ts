import type { IncomingMessage, RequestListener } from 'node:http'
import { once } from 'node:events'
import { connect } from 'node:net'
import { temporaryFolder, type TemporaryFolder, until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { createImServer, type ImServer, type ImServerOptions } from '../src/index.ts'
import { HostApp } from './support/host-app.ts'

let folder: TemporaryFolder
const hosts: HostApp[] = []
const servers: ImServer[] = []

beforeEach(() => {
  folder = temporaryFolder()
})

afterEach(async () => {
  for (const host of hosts.splice(0)) await host.stop()
  for (const im of servers.splice(0)) await im.stop(1_000)
  folder.remove()
})

async function startIm(options: ImServerOptions = {}): Promise<ImServer> {
  const im = await createImServer({ dataDir: folder.path, logLevel: 'silent', ...options }, {})
  servers.push(im)
  return im
}

async function startHost(listener: RequestListener, isSecure = false): Promise<HostApp> {
  const host = await HostApp.start(listener, isSecure)
  hosts.push(host)
  return host
}

/** Says what it was asked for. */
const echo: RequestListener = (request, response) =>
  void response.writeHead(request.url === '/' ? 200 : 404).end(`host: ${request.method} ${request.url}`)

const op = { operationID: 'op' }
const adminToken = async (host: HostApp, im: ImServer, path: string) => {
  const body = { secret: im.adminSecret, userID: im.config.adminID }
  return (await host.call(`${path}/auth/get_admin_token`, { headers: op, body })).json
}

describe.each([
  ['http', false],
  ['https', true],
])('attached to a server of %s', (_, isSecure) => {
  it('answers below its path, and nothing else', async () => {
    const im = await startIm()
    const asked: string[] = []
    const host = await startHost((request, response) => {
      asked.push(request.url!)
      echo(request, response)
    }, isSecure)
    im.attach(host.server, { path: '/chat' })
    expect(await adminToken(host, im, '/chat')).toMatchObject({ errCode: 0 })
    expect(await host.call('/chat/healthz', { method: 'GET' })).toMatchObject({
      status: 200,
      text: '{"status":"alive"}',
    })
    expect(await host.call('/chat/nothing')).toMatchObject({ status: 404, json: { errCode: 1004 } })
    expect(await host.call('/chat')).toMatchObject({ status: 404, json: { errCode: 1004 } })
    expect(await host.call('/chat/auth/get_admin_token', { method: 'OPTIONS' })).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-origin': '*' },
    })
    expect(asked).toEqual([])
    for (const path of [
      '/',
      '/chats/healthz',
      '/healthz',
      '/auth/get_admin_token',
      '/a/chat/healthz',
      '//chat/healthz',
    ])
      expect(await host.call(path)).toMatchObject({ text: `host: POST ${path}` })
    expect(await host.call('/missing')).toMatchObject({ status: 404, text: 'host: POST /missing' })
  })
})

describe('what runs on the host', () => {
  it('no listener sees our requests, whenever it came, and each one sees its own', async () => {
    const im = await startIm()
    const seen: string[] = []
    const host = await startHost(echo)
    host.server.on('request', (request: IncomingMessage) => {
      seen.push(`before ${request.url}`)
      request.resume()
    })
    im.attach(host.server, { path: '/chat' })
    host.server.on('request', (request: IncomingMessage) => void seen.push(`after ${request.url}`))
    expect(await adminToken(host, im, '/chat')).toMatchObject({ errCode: 0 })
    await host.call('/own')
    expect(seen).toEqual(['before /own', 'after /own'])
  })

  it('a host that decides about Expect: 100-continue does not decide for us', async () => {
    const im = await startIm()
    const host = await startHost(echo)
    const decided: string[] = []
    host.server.on('checkContinue', (request: IncomingMessage, response) => {
      decided.push(request.url!)
      response.writeHead(417).end()
    })
    im.attach(host.server, { path: '/chat' })
    const headers = { ...op, expect: '100-continue' }
    const body = { secret: im.adminSecret, userID: im.config.adminID }
    expect((await host.call('/chat/auth/get_admin_token', { headers, body })).json).toMatchObject({ errCode: 0 })
    expect((await host.call('/own', { headers, body })).status).toBe(417)
    expect(decided).toEqual(['/own'])
  })

  it('its own WebSockets stay its own', async () => {
    const im = await startIm()
    const host = await startHost(echo)
    const sockets = new WebSocketServer({ noServer: true })
    host.server.on('upgrade', (request, socket, head) => {
      if (request.url === '/live') sockets.handleUpgrade(request, socket, head, (ws) => ws.send('live'))
    })
    im.attach(host.server, { path: '/chat' })
    const firstOf = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://${host.authority}${path}`)
        socket.once('error', reject)
        socket.once('message', (text: Buffer) => {
          resolve(text.toString())
          socket.close()
        })
        socket.once('unexpected-response', (_request, response) => {
          response.once('data', (text: Buffer) => resolve(text.toString()))
        })
      })
    expect(await firstOf('/live')).toBe('live')
    expect(await firstOf('/chat')).toContain('"errCode":1602')
    expect(await firstOf('/chat/')).toContain('"errCode":1602')
    sockets.close()
  })
})

describe('an upgrade that nobody makes', () => {
  const asks = async (im: ImServer, lines: readonly string[]): Promise<{ text: string; asked: string[] }> => {
    const asked: string[] = []
    const host = await startHost((request, response) => {
      asked.push(request.url!)
      echo(request, response)
    })
    im.attach(host.server, { path: '/chat' })
    const socket = connect(host.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => void (text += chunk.toString()))
    const closed = once(socket, 'close')
    socket.write([...lines, '', ''].join('\r\n'))
    await closed
    return { text, asked }
  }

  it.each([
    [
      'of HTTP/2',
      ['GET /own HTTP/1.1', 'Host: x', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AA'],
    ],
    ['to a WebSocket', ['GET /own HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket']],
  ])('%s is answered by the host, as without us', async (_what, lines) => {
    const { text, asked } = await asks(await startIm(), lines)
    expect(text).toMatch(/^HTTP\/1\.1 404 Not Found/)
    expect(text).toContain('host: GET /own')
    expect(asked).toEqual(['/own'])
  })

  it('is refused when it has a body, which nobody could read', async () => {
    const lines = [
      'POST /own HTTP/1.1',
      'Host: x',
      'Connection: Upgrade',
      'Upgrade: h2c',
      'Content-Length: 4',
      '',
      'body',
    ]
    const { text, asked } = await asks(await startIm(), lines)
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect(asked).toEqual([])
  })
})

describe('letting go', () => {
  it('leaves the host as it was', async () => {
    const im = await startIm()
    const host = await startHost(echo)
    const listeners = (): unknown[] => host.server.eventNames().map((name) => [name, host.server.listeners(name)])
    const before = listeners()
    const detach = im.attach(host.server, { path: '/chat' })
    detach()
    expect(listeners()).toEqual(before)
    expect(Object.hasOwn(host.server, 'emit')).toBe(false)
    expect(await host.call('/chat/healthz')).toMatchObject({ text: 'host: POST /chat/healthz' })
    im.attach(host.server, { path: '/im' })
    expect((await host.call('/im/healthz', { method: 'GET' })).status).toBe(200)
  })

  it('leaves alone what somebody wrapped around us', async () => {
    const im = await startIm()
    const host = await startHost(echo)
    const detach = im.attach(host.server, { path: '/chat' })
    const emit = host.server.emit.bind(host.server) as (event: string, ...values: unknown[]) => boolean
    let emitted = 0
    Object.assign(host.server, {
      emit: (event: string, ...values: unknown[]) => {
        emitted++
        return emit(event, ...values)
      },
    })
    detach()
    expect(await host.call('/chat/healthz')).toMatchObject({ text: 'host: POST /chat/healthz' })
    expect(emitted).toBeGreaterThan(0)
    im.attach(host.server, { path: '/chat' })
    expect((await host.call('/chat/healthz', { method: 'GET' })).status).toBe(200)
  })

  it('two servers share one host, each with a folder and a path of its own', async () => {
    const im = await startIm()
    const host = await startHost(echo)
    using other = temporaryFolder()
    const second = await createImServer({ dataDir: other.path, logLevel: 'silent' }, {})
    im.attach(host.server, { path: '/chat' })
    second.attach(host.server, { path: '/chat/inner/' })
    expect(await adminToken(host, second, '/chat/inner')).toMatchObject({ errCode: 0 })
    expect(await adminToken(host, im, '/chat')).toMatchObject({ errCode: 0 })
    expect(await adminToken(host, second, '/chat')).toMatchObject({ errCode: 1002 })
    await second.stop(1_000)
    expect((await host.call('/chat/healthz', { method: 'GET' })).status).toBe(200)
    expect((await host.call('/chat/inner/healthz', { method: 'GET' })).status).toBe(404)
  })

  it('stop answers what was begun, refuses what comes meanwhile, and leaves the host running', async () => {
    let decide!: (userID: string) => void
    const im = await startIm({ authenticate: () => new Promise<string>((resolve) => (decide = resolve)) })
    const host = await startHost(echo)
    im.attach(host.server, { path: '/chat' })
    const begun = host.call('/chat/auth/session', { body: { platformID: 5 } })
    await until('it is asked who is signed in', () => decide !== undefined)
    const stopping = im.stop(20_000)
    expect((await host.call('/chat/auth/session', { body: { platformID: 5 } })).json.errCode).toBe(1801)
    decide('ada')
    expect((await begun).json).toMatchObject({ errCode: 0, data: { userID: 'ada' } })
    await stopping
    expect(await host.call('/chat/healthz')).toMatchObject({ status: 404, text: 'host: POST /chat/healthz' })
    expect((await host.call('/')).status).toBe(200)
    expect(host.server.listening).toBe(true)
  })
})

describe('a path', () => {
  it.each(['', '/', 'chat', '/chat?x', '/chat//room', 'http://x/chat', '/ch at', '/*'])(
    '%j is refused',
    async (path) => {
      const im = await startIm()
      const host = await startHost(echo)
      expect(() => im.attach(host.server, { path })).toThrow(/path below the root: choose one like \/chat/)
    },
  )
})

describe('handle', () => {
  it('answers what is ours and does not touch what is not', async () => {
    const im = await startIm()
    const host = await startHost((request, response) => {
      if (im.handle(request, response, { path: '/chat' }) || im.handle(request, response)) return
      echo(request, response)
    })
    expect(await adminToken(host, im, '/chat')).toMatchObject({ errCode: 0 })
    expect(await adminToken(host, im, '')).toMatchObject({ errCode: 0 })
    expect((await host.call('/chat/nothing')).text).toBe('host: POST /chat/nothing')
    expect((await host.call('/other')).text).toBe('host: POST /other')
  })

  it('refuses nothing and answers nothing once the server stops', async () => {
    const im = await startIm()
    const host = await startHost((request, response) => {
      if (!im.handle(request, response)) echo(request, response)
    })
    await im.stop(1_000)
    expect((await host.call('/healthz', { method: 'GET' })).text).toBe('host: GET /healthz')
  })
})

it('who signs in without a password does not do so through somebody else’s server', async () => {
  const im = await startIm({ demo: 'on' })
  const host = await startHost((request, response) => {
    if (!im.handle(request, response)) echo(request, response)
  })
  im.attach(host.server, { path: '/chat' })
  const headers = { ...op, origin: `http://${host.authority}`, host: host.authority }
  const body = { userID: 'ada', nickname: '' }
  expect((await host.call('/chat/demo/sign_in', { headers, body })).status).toBe(404)
  expect((await host.call('/demo/sign_in', { headers, body })).text).toBe('host: POST /demo/sign_in')
  const { api } = await im.listen({ apiPort: 0, wsPort: 0 })
  const own = await fetch(`${api}/demo/sign_in`, {
    method: 'POST',
    headers: { ...op, origin: api },
    body: JSON.stringify(body),
  })
  expect(await own.json()).toMatchObject({ errCode: 0 })
})
