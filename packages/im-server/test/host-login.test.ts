import type { IncomingMessage } from 'node:http'
import { systemClock } from '@parlance/core'
import { contentTypes } from '@parlance/openim-protocol'
import { temporaryFolder, type TemporaryFolder, until, VirtualClock } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Authenticate, createImServer, type ImServer } from '../src/index.ts'
import { HostApp } from './support/host-app.ts'

let folder: TemporaryFolder
let host: HostApp
let im: ImServer

beforeEach(() => {
  folder = temporaryFolder()
})

afterEach(async () => {
  vi.restoreAllMocks()
  await host.stop()
  await im.stop(1_000)
  folder.remove()
})

async function start(authenticate?: Authenticate, isSecure = false, publicURL?: string): Promise<void> {
  im = await createImServer({ dataDir: folder.path, logLevel: 'silent', authenticate, publicURL }, {})
  host = await HostApp.start((_request, response) => void response.writeHead(404).end('host'), isSecure)
  im.attach(host.server, { path: '/chat' })
}

const byCookie: Authenticate = ({ headers }: IncomingMessage) => {
  const userID = /user=(\w+)/.exec(headers.cookie ?? '')?.[1]
  return userID === 'null' ? null : userID
}

const session = async (headers: Record<string, string> = {}, body: unknown = { platformID: 5 }) =>
  (await host.call('/chat/auth/session', { headers, body })).json

describe('a session by the login of the host', () => {
  it('is for who is signed in there: the user is made, and the token is good', async () => {
    await start(byCookie)
    const { errCode, data } = await session({ cookie: 'user=ada' })
    expect({ errCode, data }).toMatchObject({
      errCode: 0,
      data: { userID: 'ada', apiAddr: `http://${host.authority}/chat`, wsAddr: `ws://${host.authority}/chat` },
    })
    expect(data['expireTimeSeconds']).toBeGreaterThan(0)
    const headers = { operationID: 'op', token: data['token'] as string }
    const { json } = await host.call('/chat/user/get_users_info', { headers, body: { userIDs: ['ada'] } })
    expect(json).toMatchObject({ errCode: 0, data: { usersInfo: [{ userID: 'ada', nickname: 'ada', faceURL: '' }] } })
  })

  it('is for nobody who is not, and never for the administrator', async () => {
    await start(byCookie)
    expect(await session()).toMatchObject({ errCode: 1002 })
    expect(await session({ cookie: 'user=null' })).toMatchObject({ errCode: 1002 })
    expect(await session({ cookie: 'user=imAdmin' })).toMatchObject({ errCode: 1002 })
    expect(await session({ cookie: 'user=ada' }, { platformID: 10 })).toMatchObject({ errCode: 1002 })
    expect(await session({ cookie: 'user=ada' }, { platformID: 12 })).toMatchObject({ errCode: 1001 })
    expect(await session({ cookie: 'user=ada' }, {})).toMatchObject({ errCode: 1001 })
  })

  it('is not there without such a login', async () => {
    await start()
    expect((await host.call('/chat/auth/session', { body: { platformID: 5 } })).status).toBe(404)
  })

  it('carries the profile: made with it, changed with it, and left alone without it', async () => {
    let profile: object = { nickname: 'Ada', faceURL: 'face' }
    await start(() => ({ userID: 'ada', ...profile }))
    const row = () => im.repositories.users.get({ userID: 'ada' })
    await session()
    expect(await row()).toMatchObject({ nickname: 'Ada', faceURL: 'face' })
    profile = { nickname: 'A. L.' }
    await session()
    expect(await row()).toMatchObject({ nickname: 'A. L.', faceURL: 'face' })
    profile = { nickname: '', faceURL: '' }
    await session()
    expect(await row()).toMatchObject({ nickname: '', faceURL: '' })
    profile = {}
    await session()
    expect(await row()).toMatchObject({ nickname: '', faceURL: '' })
  })

  it('begins for a new user on several devices at once', async () => {
    await start(byCookie)
    const answers = await Promise.all(
      [1, 2, 3, 5, 7].map((platformID) => session({ cookie: 'user=ada' }, { platformID })),
    )
    expect(answers.map(({ errCode }) => errCode)).toEqual([0, 0, 0, 0, 0])
  })

  it('says where the page that asks reaches the server', async () => {
    await start(byCookie, true)
    expect((await session({ cookie: 'user=ada' })).data).toMatchObject({
      apiAddr: `https://${host.authority}/chat`,
      wsAddr: `wss://${host.authority}/chat`,
    })
    const proxied = {
      cookie: 'user=ada',
      'sec-fetch-site': 'same-origin',
      origin: 'https://chat.example',
      host: 'inner:3000',
    }
    expect((await session(proxied)).data).toMatchObject({
      apiAddr: 'https://chat.example/chat',
      wsAddr: 'wss://chat.example/chat',
    })
  })

  it('says the public address where one is set', async () => {
    await start(byCookie, false, 'https://chat.example/im/')
    expect((await session({ cookie: 'user=ada' })).data).toMatchObject({
      apiAddr: 'https://chat.example/im',
      wsAddr: 'wss://chat.example/im',
    })
  })

  it('names the other port where the server listens on two', async () => {
    await start(byCookie)
    const { api, ws } = await im.listen({ apiPort: 0, wsPort: 0 })
    const response = await fetch(`${api}/auth/session`, {
      method: 'POST',
      headers: { cookie: 'user=ada' },
      body: JSON.stringify({ platformID: 5 }),
    })
    expect(await response.json()).toMatchObject({ errCode: 0, data: { apiAddr: api, wsAddr: ws } })
  })
})

describe('pages of other sites', () => {
  const cases: readonly (readonly [string, (authority: string) => Record<string, string>, number])[] = [
    ['the host’s own page', (own) => ({ origin: `http://${own}`, 'sec-fetch-site': 'same-origin' }), 0],
    ['the host’s own page in an older browser', (own) => ({ origin: `http://${own}` }), 0],
    ['no browser at all', () => ({}), 0],
    ['another site', () => ({ origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' }), 1002],
    ['another site in an older browser', () => ({ origin: 'http://evil.example' }), 1002],
    ['a sibling of the host', () => ({ origin: 'http://127.0.0.1', 'sec-fetch-site': 'same-site' }), 1002],
    ['a sibling in an older browser', () => ({ origin: 'http://127.0.0.1' }), 1002],
    ['a page without an origin', () => ({ origin: 'null' }), 1002],
    ['an address that was typed', (own) => ({ origin: `http://${own}`, 'sec-fetch-site': 'none' }), 1002],
    ['an origin that is none', () => ({ origin: 'javascript:0' }), 1002],
  ]

  it.each(cases)('%s', async (_who, headers, errCode) => {
    const asked: IncomingMessage[] = []
    await start((request) => {
      asked.push(request)
      return 'ada'
    })
    const answer = await session(headers(host.authority))
    expect(answer).toMatchObject({ errCode })
    expect(asked.length).toBe(errCode === 0 ? 1 : 0)
  })
})

describe('a login of the host that fails', () => {
  const broken: readonly (readonly [string, () => unknown])[] = [
    [
      'throws',
      () => {
        throw new Error('password of the database: hunter2')
      },
    ],
    ['rejects', () => Promise.reject(new Error('password of the database: hunter2'))],
    ['gives an id that is too long', () => 'x'.repeat(65)],
    ['gives an empty id', () => ''],
    ['gives an id with control characters', () => 'a\nb'],
    ['gives no string', () => ({ userID: 7 })],
    ['gives a name that is too long', () => ({ userID: 'ada', nickname: 'x'.repeat(257) })],
  ]

  it.each(broken)('%s: 500, and nothing of the reason', async (_how, authenticate) => {
    await start(authenticate as Authenticate)
    const { status, text, json } = await host.call('/chat/auth/session', { body: { platformID: 5 } })
    expect({ status, json }).toMatchObject({ status: 200, json: { errCode: 500, errDlt: 'internal error' } })
    expect(text).not.toContain('hunter2')
    expect((await im.repositories.users.get({ userID: 'ada' })) === undefined).toBe(true)
  })

  it('that never decides is given up after 10 s', async () => {
    let isAsked = false
    await start(() => {
      isAsked = true
      return new Promise<never>(() => undefined)
    })
    const clock = new VirtualClock()
    vi.spyOn(systemClock, 'after').mockImplementation((delayMs, task) => clock.after(delayMs, task))
    const answer = session()
    await until('it is asked', () => isAsked)
    await clock.advance(9_999)
    await clock.advance(1)
    expect(await answer).toMatchObject({ errCode: 1801 })
  })
})

describe('what the program does without HTTP', () => {
  it('registers users and sends messages in their name', async () => {
    await start()
    await im.ensureUser({ userID: 'ada', nickname: 'Ada' })
    await im.ensureUser({ userID: 'bob' })
    await im.ensureUser({ userID: 'ada', nickname: 'A.' })
    expect(await im.repositories.users.get({ userID: 'ada' })).toMatchObject({ nickname: 'A.' })
    const message = { sendID: 'ada', recvID: 'bob', content: { content: 'hello' }, contentType: contentTypes.text }
    const { serverMsgID } = await im.sendMessage({ ...message, sessionType: 1 })
    expect(serverMsgID).not.toBe('')
    await expect(im.ensureUser({ userID: 'imAdmin' })).rejects.toMatchObject({ errCode: 1002 })
    await expect(im.ensureUser({ userID: '' })).rejects.toMatchObject({ errCode: 1001 })
    await expect(im.sendMessage({ ...message, sendID: 'eve', sessionType: 1 })).rejects.toMatchObject({ errCode: 1101 })
    await expect(im.sendMessage({ ...message, recvID: 'eve', sessionType: 1 })).rejects.toMatchObject({ errCode: 1101 })
    await expect(im.sendMessage({ ...message, sessionType: 2 })).rejects.toMatchObject({ errCode: 1001 })
  })

  it('notifies only who is there', async () => {
    await start()
    await im.ensureUser({ userID: 'ada' })
    const of = { key: 'order', data: '{}' }
    await im.sendNotification({ ...of, to: { userID: 'ada' } })
    await expect(im.sendNotification({ ...of, to: { userID: 'eve' } })).rejects.toMatchObject({ errCode: 1101 })
    await expect(im.sendNotification({ ...of, to: { groupID: 'g' } })).rejects.toMatchObject({ errCode: 1201 })
    await expect(im.sendNotification({ ...of, sendID: 'eve', to: { userID: 'ada' } })).rejects.toMatchObject({
      errCode: 1101,
    })
    await expect(im.sendNotification({ ...of, key: '', to: { userID: 'ada' } })).rejects.toMatchObject({
      errCode: 1001,
    })
    await expect(im.sendNotification({ ...of, data: 'x'.repeat(32_769), to: { userID: 'ada' } })).rejects.toMatchObject(
      { errCode: 1001 },
    )
  })
})
