import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createImServer } from '@parlance/im-server'
import express from 'express'
import { Logins } from './logins.ts'

/** An application with a login of its own, and chat below /chat on the same port. */
export async function start({ dataDir, port }: { dataDir: string; port: number }) {
  const logins = new Logins()
  const app = express()
  app.use(express.json())
  app.get('/', (_request, response) => void response.send('<h1>The shop</h1>'))
  app.post('/login', (request, response) => {
    const { name } = request.body as { name: string }
    response.setHeader('set-cookie', logins.begin(name)).json({ name })
  })
  app.get('/me', (request, response) => {
    const name = logins.nameOf(request)
    response.status(name === undefined ? 401 : 200).json({ name })
  })

  // embed:start
  const authenticate = (request: IncomingMessage) => logins.nameOf(request)
  const im = await createImServer({ dataDir, authenticate, logLevel: 'warn' })
  const server = createServer(app)
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
