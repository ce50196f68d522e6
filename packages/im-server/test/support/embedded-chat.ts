import { temporaryFolder, type TemporaryFolder } from '@parlance/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SdkClient } from './sdk-client.ts'

/** An application that runs. */
export interface RunningApp {
  readonly url: string
  stop(): Promise<void>
}

interface Envelope {
  readonly errCode: number
  readonly data: { userID: string; token: string; apiAddr: string; wsAddr: string; expireTimeSeconds: number }
}

/** What every application with chat below /chat must show, whatever framework it runs on. */
export function embeddedChat(start: (options: { dataDir: string; port: number }) => Promise<RunningApp>): void {
  describe('an application with chat below /chat', () => {
    let folder: TemporaryFolder
    let app: RunningApp
    const clients: SdkClient[] = []

    beforeAll(async () => {
      folder = temporaryFolder()
      app = await start({ dataDir: folder.path, port: 0 })
    })

    afterAll(() => folder.remove())

    const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(app.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
    const cookieOf = async (name: string): Promise<string> =>
      (await post('/login', { name })).headers.getSetCookie()[0]!.split(';')[0]!
    const session = async (headers: Record<string, string>, platformID = 5): Promise<Envelope> =>
      (await (await post('/chat/auth/session', { platformID }, headers)).json()) as Envelope
    const chatAs = async (name: string, platformID = 5): Promise<SdkClient> => {
      const { errCode, data } = await session({ cookie: await cookieOf(name) }, platformID)
      expect(errCode).toBe(0)
      const client = await SdkClient.login({ ...data, platformID })
      clients.push(client)
      return client
    }

    it('serves its own pages, its own login and its own 404', async () => {
      expect(await (await fetch(`${app.url}/`)).text()).toContain('The shop')
      expect((await fetch(`${app.url}/me`)).status).toBe(401)
      const me = await fetch(`${app.url}/me`, { headers: { cookie: await cookieOf('ada') } })
      expect(await me.json()).toMatchObject({ name: 'ada' })
      for (const path of ['/missing', '/auth/session', '/chats']) {
        const missing = await post(path, {})
        expect(missing.status, path).toBe(404)
        expect(await missing.text(), path).not.toContain('RecordNotFoundError')
      }
    })

    it('answers below /chat by itself', async () => {
      expect((await fetch(`${app.url}/chat/healthz`)).status).toBe(200)
      expect(await (await post('/chat/missing', {})).json()).toMatchObject({ errCode: 1004 })
    })

    it('begins a session for who is signed in, and only on its own pages', async () => {
      const cookie = await cookieOf('ada')
      expect(await session({})).toMatchObject({ errCode: 1002 })
      expect(await session({ cookie: 'session=nonsense' })).toMatchObject({ errCode: 1002 })
      expect(await session({ cookie, origin: 'https://elsewhere.example' })).toMatchObject({ errCode: 1002 })
      expect(await session({ cookie, origin: app.url }, 7)).toMatchObject({
        errCode: 0,
        data: { userID: 'ada', apiAddr: `${app.url}/chat`, wsAddr: `${app.url.replace('http', 'ws')}/chat` },
      })
    })

    it('lets unmodified SDKs chat over its port', async () => {
      const [ada, bob, bobsPhone] = await Promise.all([chatAs('ada'), chatAs('bob'), chatAs('bob', 2)])
      await ada.send('hello bob', { recvID: 'bob' })
      await Promise.all([bob.message('hello bob'), bobsPhone.message('hello bob')])
      await bob.send('hello ada', { recvID: 'ada' })
      await ada.message('hello ada')
      const afresh = await chatAs('ada', 7)
      expect(await afresh.history('si_ada_bob')).toEqual(['hello bob', 'hello ada'])
    })

    it('stops with clients connected, and keeps what was said', async () => {
      await app.stop()
      for (const client of clients.splice(0)) client.giveUp()
      await expect(fetch(`${app.url}/`)).rejects.toThrow()
      app = await start({ dataDir: folder.path, port: 0 })
      const ada = await chatAs('ada')
      expect(await ada.history('si_ada_bob')).toEqual(['hello bob', 'hello ada'])
      await ada.logout()
      await app.stop()
    })
  })
}
