import { rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { StopError, systemClock } from '@parlance/core'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { settle, type TemporaryFolder, temporaryFolder, until, VirtualClock } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createImServer, type ImServer } from '../src/index.ts'
import { ConfigError } from '../src/config-error.ts'

let folder: TemporaryFolder
const sockets: Socket[] = []

beforeEach(() => {
  folder = temporaryFolder()
})

afterEach(() => {
  vi.restoreAllMocks()
  for (const socket of sockets.splice(0)) socket.destroy()
  folder.remove()
})

const create = (): Promise<ImServer> => createImServer({ dataDir: folder.path, logLevel: 'silent' }, {})

/** Writes to an address and keeps the connection open for ever. */
const write = (address: string, ...lines: string[]): { answer: string } => {
  const heard = { answer: '' }
  const socket = connect(Number(new URL(address).port), '127.0.0.1')
  sockets.push(socket)
  socket.on('error', (error) => error)
  socket.on('data', (chunk) => void (heard.answer += chunk.toString()))
  socket.write([...lines, '', ''].join('\r\n'))
  return heard
}

describe('one request without a token cannot keep the server from stopping', () => {
  const targets = ['http://x/', 'http://x', 'https://x/?sendID=ada', '/', '/elsewhere']

  it.each([
    ['with a port for each', { apiPort: 0, wsPort: 0 }],
    ['with one port for both', undefined],
  ])('%s', async (_how, ports) => {
    const im = await create()
    // The same free port twice makes one listener serve both.
    const probe = await im.listen(ports ?? (await onePort()))
    const heard = targets.flatMap((target) =>
      [probe.api, probe.ws].map((address) =>
        write(address, `GET ${target} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket'),
      ),
    )
    await until('each is answered', () => heard.every(({ answer }) => answer.startsWith('HTTP/1.1 ')))
    await im.stop(2_000)
  })
})

async function onePort(): Promise<{ apiPort: number; wsPort: number }> {
  const other = temporaryFolder()
  const im = await createImServer({ dataDir: other.path, logLevel: 'silent' }, {})
  const { api } = await im.listen({ apiPort: 0, wsPort: 0 })
  await im.stop()
  other.remove()
  const port = Number(new URL(api).port)
  return { apiPort: port, wsPort: port }
}

it('stopping has one deadline for all: what connections use of it, the store has not', async () => {
  const clock = new VirtualClock()
  const im = await create()
  const { api } = await im.listen({ apiPort: 0, wsPort: 0 })
  write(api, 'POST /auth/parse_token HTTP/1.1', 'Host: x', 'Content-Length: 1000')
  await settle()
  const close = vi.spyOn(SqliteEngine.prototype, 'close').mockReturnValue(new Promise(() => undefined))
  vi.spyOn(systemClock, 'after').mockImplementation((delayMs, task) => clock.after(delayMs, task))
  let outcome: unknown
  im.stop(8_000).then(
    () => (outcome = 'stopped'),
    (error: unknown) => (outcome = error),
  )
  await clock.advance(5_999)
  expect(close).not.toHaveBeenCalled()
  await clock.advance(1)
  await until('the store is being closed', () => close.mock.calls.length > 0)
  expect(outcome).toBeUndefined()
  await clock.advance(2_000)
  expect(outcome).toBeInstanceOf(StopError)
  expect((outcome as StopError).message).toContain('storage')
  const [engine] = close.mock.contexts
  close.mockRestore()
  await (engine as SqliteEngine).close()
})

it('a start that fails after the store was opened closes it: the cured folder can be used at once', async () => {
  writeFileSync(join(folder.path, 'token.key'), '')
  await expect(create()).rejects.toThrow(ConfigError)
  rmSync(join(folder.path, 'token.key'))
  const im = await create()
  await im.stop()
})

it('a start that fails while the parts are started leaves no timer and no store behind', async () => {
  const clock = new VirtualClock()
  vi.spyOn(systemClock, 'after').mockImplementation((delayMs, task) => clock.after(delayMs, task))
  const dataDir = folder.path
  const failing = createImServer(
    {
      dataDir,
      logLevel: 'silent',
      faults: {
        engine: {
          beforeCommit() {
            throw new Error('the disk is full')
          },
        },
      },
    },
    {},
  )
  await expect(failing).rejects.toThrow()
  expect(clock.pendingCount).toBe(0)
  vi.restoreAllMocks()
  await (await create()).stop()
})
