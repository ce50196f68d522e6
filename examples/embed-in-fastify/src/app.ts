import type { IncomingMessage } from 'node:http'
import { createImServer } from '@parlance/im-server'
import Fastify from 'fastify'
import { Logins } from './logins.ts'

/** An application with a login of its own, and chat below /chat on the same port. */
export async function start({ dataDir, port }: { dataDir: string; port: number }) {
  const logins = new Logins()
  const app = Fastify()
  app.get('/', (_request, reply) => reply.type('text/html').send('<h1>The shop</h1>'))
  app.post<{ Body: { name: string } }>('/login', (request, reply) => {
    const { name } = request.body
    return reply.header('set-cookie', logins.begin(name)).send({ name })
  })
  app.get('/me', (request, reply) => {
    const name = logins.nameOf(request)
    return reply.code(name === undefined ? 401 : 200).send({ name })
  })

  // embed:start
  const authenticate = (request: IncomingMessage) => logins.nameOf(request)
  const im = await createImServer({ dataDir, authenticate, logLevel: 'warn' })
  im.attach(app.server, { path: '/chat' })
  app.addHook('preClose', () => im.stop())
  // embed:end
  const url = await app.listen({ port, host: '127.0.0.1' })
  return { url, stop: () => app.close() }
}
