import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { type TemporaryFolder, temporaryFolder } from '@parlance/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../src/config-error.ts'
import { hasDemo, readConfig } from '../src/config.ts'
import { ApiClient } from './support/api-client.ts'
import { signInToDemo } from './support/demo-sign-in.ts'
import { RawClient } from './support/raw-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

/** A GET as it is written here: fetch would tidy the path and add headers. */
const ask = (api: string, path: string, headers: Record<string, string> = {}) =>
  new Promise<{ readonly status: number | undefined; readonly text: string }>((resolve, reject) => {
    request(api, { path, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => void chunks.push(chunk))
      response.once('end', () => resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }))
    })
      .once('error', reject)
      .end()
  })

describe('whether there is a demo', () => {
  const secret = 'a secret for tests only'

  it.each([
    ['auto, with a page, on loopback', { page: 'p' }, true],
    ['auto, without a page', {}, false],
    ['on, without a page', { demo: 'on' as const }, true],
    ['off, with a page', { demo: 'off' as const, page: 'p' }, false],
    ['auto, with a page, on ::1', { page: 'p', host: '::1' }, true],
    ['auto, with a page, beyond loopback', { page: 'p', host: '0.0.0.0', secret }, false],
    [
      'auto, with a page, on a name that only begins like loopback',
      { page: 'p', host: '127.0.0.1.evil.org', secret },
      false,
    ],
  ])('%s', (_case, options, isServed) => {
    expect(hasDemo(readConfig(options, {}))).toBe(isServed)
  })

  it('on beyond loopback is refused with the cure, also when a secret is set', () => {
    const read = (): unknown => readConfig({ host: '0.0.0.0', secret }, { PARLANCE_DEMO: 'on' })
    expect(read).toThrow(ConfigError)
    expect(read).toThrow(/PARLANCE_DEMO.*never served on 0\.0\.0\.0.*off, or listen on 127\.0\.0\.1/)
  })

  it('anything else is refused by name', () => {
    expect(() => readConfig({}, { PARLANCE_DEMO: 'yes' })).toThrow(/demo \(PARLANCE_DEMO\)/)
  })
})

describe("the demo's sign-in", () => {
  let server: TestServer

  beforeAll(async () => {
    server = await startServer({ demo: 'on' })
    await server.admin.register('real')
  })
  afterAll(() => server.stop())

  const signIn = (body: object, headers?: Record<string, string>) => signInToDemo(server.api, body, headers)

  it('makes an account and answers with what an SDK logs in with', async () => {
    const { errCode, data } = await signIn({ userID: 'ada', nickname: 'Ada' })
    expect(errCode).toBe(0)
    expect(data).toMatchObject({ userID: 'ada', platformID: 5, apiAddr: server.api, wsAddr: server.ws })
    const client = await RawClient.connect({ ws: data.wsAddr, userID: 'ada', token: data.token })
    client.close()
    const infos = await new ApiClient(data.apiAddr, data.token).must('/user/get_users_info', { userIDs: ['ada'] })
    expect(infos.data).toMatchObject({ usersInfo: [{ userID: 'ada', nickname: 'Ada', appMangerLevel: 0 }] })
  })

  it('signs the same account in again, on the device asked for; its name stays its own', async () => {
    await signIn({ userID: 'ada', nickname: 'Ada' })
    const { data } = await signIn({ userID: 'ada', nickname: 'Somebody else', platformID: 7 })
    expect(data).toMatchObject({ userID: 'ada', platformID: 7 })
    expect(await server.im.repositories.users.get({ userID: 'ada' })).toMatchObject({ nickname: 'Ada' })
  })

  it('makes one account when many sign in at the same moment', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => signIn({ userID: 'crowd' })))
    expect(answers.map(({ errCode }) => errCode)).toEqual(Array.from({ length: 8 }, () => 0))
  })

  it.each(['imAdmin', 'real'])('never signs in as %s, and gives no mark away', async (userID) => {
    expect(await signIn({ userID })).toMatchObject({
      errCode: 1002,
      errDlt: expect.stringContaining('no demo account'),
    })
    expect(await server.im.repositories.demoUsers.get({ userID })).toBeUndefined()
  })

  it('an account whose owner writes what it likes into its profile becomes no demo account', async () => {
    const token = await server.admin.userToken('real', 5)
    const userInfo = { userID: 'real', ex: '{"demo":true}', nickname: 'demo' }
    await new ApiClient(server.api, token).must('/user/update_user_info_ex', { userInfo })
    expect(await signIn({ userID: 'real' })).toMatchObject({ errCode: 1002 })
  })

  it.each([
    ['a name that was pointed at this machine', { host: 'evil.org:80', origin: 'http://evil.org:80' }],
    ['a name that only begins like loopback', { host: '127.0.0.1.evil.org', origin: 'http://127.0.0.1.evil.org' }],
    ['a host that is no host', { host: '127.0.0.1@evil.org', origin: 'http://evil.org' }],
    ['an unspecified address', { host: '0.0.0.0', origin: 'http://0.0.0.0' }],
    ['another site', { origin: 'https://evil.org' }],
    ['another page of this machine', { origin: 'http://127.0.0.1:3000' }],
    ['a page with the same name under TLS', { origin: 'https://127.0.0.1' }],
    ['a sandboxed page', { origin: 'null' }],
    ['no page', { origin: '' }],
    ['a proxy', { 'x-forwarded-for': '10.0.0.1' }],
    ['another proxy', { forwarded: 'for=10.0.0.1' }],
  ])('refuses %s', async (_case, headers) => {
    expect(await signIn({ userID: 'ada' }, headers)).toMatchObject({ errCode: 1002 })
  })

  it.each([
    ['an id that is too long', { userID: 'a'.repeat(65) }],
    ['an id with control characters', { userID: 'a\nb' }],
    ['no id', { nickname: 'Ada' }],
    ['a nickname that is too long', { userID: 'ada', nickname: 'a'.repeat(65) }],
    ['a platform that is none', { userID: 'ada', platformID: 12 }],
  ])('refuses %s', async (_case, body) => {
    expect(await signIn(body)).toMatchObject({ errCode: 1001 })
  })

  it('gives nobody the admin platform', async () => {
    expect(await signIn({ userID: 'ada', platformID: 10 })).toMatchObject({ errCode: 1002 })
  })

  it('is not there when the demo is off', async () => {
    const other = await startServer({ demo: 'off' })
    const answer = await fetch(`${other.api}/demo/sign_in`, { method: 'POST', body: '{"userID":"ada"}' })
    expect(answer.status).toBe(404)
    await other.stop()
  })
})

describe('the page', () => {
  let folder: TemporaryFolder
  let server: TestServer

  beforeAll(async () => {
    folder = temporaryFolder()
    const page = join(folder.path, 'page')
    for (const name of ['sdk', 'assets']) mkdirSync(join(page, name), { recursive: true })
    writeFileSync(join(folder.path, 'secret.txt'), 'outside')
    writeFileSync(join(page, 'index.html'), '<!doctype html>')
    writeFileSync(join(page, '.hidden'), 'hidden')
    writeFileSync(join(page, 'sdk/core.wasm'), Buffer.from('0061736d01000000', 'hex'))
    writeFileSync(join(page, 'assets/app-BxY12_-a.js'), 'export {}')
    server = await startServer({ page })
  })
  afterAll(async () => {
    await server.stop()
    folder.remove()
  })

  const get = (path: string, init: RequestInit = {}) => fetch(server.api + path, init)

  it('is served at /, with what protects it', async () => {
    const answer = await get('/')
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe('<!doctype html>')
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('cache-control')).toBe('no-cache')
    const policy = answer.headers.get('content-security-policy')!
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval';")
    expect(policy).not.toContain('unsafe-inline')
    expect(policy).toContain(`connect-src 'self' ${server.ws};`)
  })

  it('a file that carries the hash of its content is kept for ever, and types are told', async () => {
    expect((await get('/assets/app-BxY12_-a.js')).headers.get('cache-control')).toContain('immutable')
    expect((await get('/assets/app-BxY12_-a.js')).headers.get('content-type')).toMatch(/^text\/javascript/)
    expect((await get('/sdk/core.wasm')).headers.get('content-type')).toBe('application/wasm')
    expect((await get('/sdk/core.wasm')).headers.get('cache-control')).toBe('no-cache')
  })

  it('HEAD answers like GET, without the body', async () => {
    const [head, whole] = [await get('/sdk/core.wasm', { method: 'HEAD' }), await get('/sdk/core.wasm')]
    expect(head.status).toBe(200)
    expect(await head.text()).toBe('')
    for (const name of ['etag', 'content-length', 'content-type'])
      expect(head.headers.get(name)).toBe(whole.headers.get(name))
    expect(head.headers.get('content-length')).toBe('8')
  })

  it('what the client has already is not sent again', async () => {
    const etag = (await get('/')).headers.get('etag')!
    expect(await ask(server.api, '/', { 'if-none-match': etag })).toEqual({ status: 304, text: '' })
    expect(await ask(server.api, '/', { 'if-none-match': '"other"' })).toMatchObject({ status: 200 })
  })

  it.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/sdk/..%2f..%2fsecret.txt',
    '/..%5csecret.txt',
    '/%00',
    '/%',
    '/.hidden',
    '/sdk',
    '/sdk/',
    '/absent',
    '//etc/passwd',
  ])('%s is not there', async (path) => {
    const { status, text } = await ask(server.api, path)
    expect({ status, text }).toEqual({ status: 404, text: 'There is no such page.\n' })
  })

  it('takes nothing away from the API and the probes', async () => {
    expect(await (await get('/healthz')).json()).toEqual({ status: 'alive' })
    expect((await get('/user/get_users_info')).status).toBe(405)
    expect((await get('/', { method: 'POST' })).status).toBe(404)
  })
})

describe('a page', () => {
  const servers: TestServer[] = []
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop()
  })

  it('that is not there is refused at start, with the cure', async () => {
    const folder = temporaryFolder()
    const start = startServer({ page: folder.path })
    await expect(start).rejects.toThrow(ConfigError)
    await expect(start).rejects.toThrow(/index\.html.*PARLANCE_PAGE/)
    folder.remove()
  })

  it('is not needed: / says what answers there', async () => {
    const server = await startServer()
    servers.push(server)
    const answer = await fetch(`${server.api}/`)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toMatch(/^This is a Parlance IM server: .*\n$/)
    expect((await fetch(`${server.api}/elsewhere`)).status).toBe(404)
  })
})
