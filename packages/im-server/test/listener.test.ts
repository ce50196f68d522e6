import { connect, type Socket } from 'node:net'
import { until } from '@parlance/testing'
import { afterEach, expect, it } from 'vitest'
import { defaultObjectLimits } from '../src/domain/objects/object-limits.ts'
import { ListenError, Listener } from '../src/listener.ts'

const logged: string[] = []
const note = (message: string): void => void logged.push(message)
const logger = { debug: note, info: note, warn: note, error: note }
const sockets: Socket[] = []

afterEach(() => {
  logged.length = 0
  for (const socket of sockets.splice(0)) socket.destroy()
})

/** Asks for an upgrade, and keeps the connection open for ever. */
function askForUpgrade(port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  socket.on('error', (error) => error)
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  return socket
}

it('closing ends when its time is over, also with a socket that Node has let go of', async () => {
  const listener = new Listener((_, response) => void response.end(), logger)
  let taken: unknown
  listener.server.on('upgrade', (_request, socket) => (taken = socket))
  const socket = askForUpgrade(await listener.listen('127.0.0.1', 0, 'PORT'))
  let isClosed = false
  socket.on('close', () => (isClosed = true))
  await until('the upgrade was taken', () => taken)
  const deadline = new AbortController()
  const closing = listener.close(deadline.signal)
  deadline.abort()
  await closing
  await until('its client is cut off', () => isClosed)
})

it('closing after the time was over cuts off at once', async () => {
  const listener = new Listener(() => undefined, logger)
  let taken: unknown
  listener.server.on('upgrade', (_request, socket) => (taken = socket))
  askForUpgrade(await listener.listen('127.0.0.1', 0, 'PORT'))
  await until('the upgrade was taken', () => taken)
  await listener.close(AbortSignal.abort())
  expect(listener.server.listening).toBe(false)
})

it('a connection that cannot be accepted is logged, each time, and ends nothing', async () => {
  const listener = new Listener((_, response) => void response.end('served'), logger)
  const port = await listener.listen('127.0.0.1', 0, 'PORT')
  for (let time = 0; time < 3; time++)
    listener.server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }))
  expect(logged).toHaveLength(3)
  expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('served')
  await listener.close(AbortSignal.abort())
})

it('a port in use is told with its setting', async () => {
  const first = new Listener(() => undefined, logger)
  const port = await first.listen('127.0.0.1', 0, 'PORT')
  const second = new Listener(() => undefined, logger)
  await expect(second.listen('127.0.0.1', port, 'THE_PORT')).rejects.toThrow(ListenError)
  await expect(second.listen('127.0.0.1', port, 'THE_PORT')).rejects.toThrow(/another program has it.*THE_PORT/)
  await first.close(AbortSignal.abort())
})

it('a form may take as long to arrive as its URL is good for', () => {
  expect(new Listener(() => undefined, logger).server.requestTimeout).toBeGreaterThanOrEqual(defaultObjectLimits.formMs)
})
