import { once } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { createImServer } from '@parlance/im-server'
import { Hono } from 'hono'
import { Logins } from './logins.ts'

/** An application with a login of its own, and chat below /chat on the same port. */
export async function start({ dataDir, port }: { dataDir: string; port: number }) {
  const logins = new Logins()
  const app = new Hono()
  app.get('/', (context) => context.html('<h1>The shop</h1>'))
  app.post('/login', async (context) => {
    const { name } = await context.req.json<{ name: string }>()
    context.header('set-cookie', logins.begin(name))
    return context.json({ name })
  })
  app.get('/me', (context) => {
    const name = logins.nameOf({ headers: { cookie: context.req.header('cookie') } })
    return context.json({ name }, name === undefined ? 401 : 200)
  })

  // embed:start
  const authenticate = (request: IncomingMessage) => logins.nameOf(request)
  const im = await createImServer({ dataDir, authenticate, logLevel: 'warn' })
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  im.attach(server, { path: '/chat' })
  // embed:end
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const stop = async (): Promise<void> => {
    await im.stop()
    await new Promise((resolve) => void server.close(resolve))
  }
  return { url, stop }
}
