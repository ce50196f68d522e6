import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { type TemporaryFolder, temporaryFolder, until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { singleConversationID } from '@parlance/openim-protocol'
import { ApiClient } from './support/api-client.ts'
import { RawClient } from './support/raw-client.ts'
import { freePort, ServerProcess } from './support/server-process.ts'

/** Runs a server that cannot start, and returns what it said. */
async function refusedStart(dataDir: string, environment: NodeJS.ProcessEnv = {}, ports?: { api: number; ws: number }) {
  const server = new ServerProcess(
    dataDir,
    ports?.api ?? (await freePort()),
    ports?.ws ?? (await freePort()),
    environment,
  )
  const { code } = await server.ended()
  const lines = server.output.trim().split('\n')
  return { code, lines }
}

describe('the server process', () => {
  let folder: TemporaryFolder

  beforeEach(() => {
    folder = temporaryFolder()
  })

  afterEach(() => folder.remove())

  it('prints its addresses and where the admin secret lies, never the secret', async () => {
    const server = await ServerProcess.start(folder.path, { PARLANCE_SECRET: '' })
    await until('it has said everything', () => server.output.includes('Ctrl-C'))
    expect(server.output).toContain(server.api)
    expect(server.output).toContain(server.ws)
    expect(server.output).toContain(join(folder.path, 'admin.secret'))
    await server.stop()
  })

  it('says its addresses in one line of JSON to whoever starts it in the background', async () => {
    const server = await ServerProcess.start(folder.path, { PARLANCE_READY: 'json' })
    const line = await until('it has said everything', () => /^.*\n/.exec(server.output)?.[0])
    expect(JSON.parse(line)).toEqual({
      parlance: 'ready',
      roles: ['all'],
      addresses: { api: server.api, ws: server.ws },
    })
    await server.stop()
    expect(server.output).toBe(`${line}Parlance has stopped.\n`)
  })

  it('a graceful stop answers what is in flight, closes everything and exits with 0', async () => {
    const server = await ServerProcess.start(folder.path)
    const admin = await ApiClient.admin(server.api, server.secret)
    await admin.register('ada', 'bob')
    const ada = await RawClient.connect({ ws: server.ws, userID: 'ada', token: await admin.userToken('ada', 5) })
    const sends = Array.from({ length: 200 }, (_, index) => ada.send(ada.text(`m${index}`, { recvID: 'bob' })))
    await sends[0]
    server.signal('SIGTERM')
    const outcomes = await Promise.allSettled(sends)
    const answered = outcomes.filter(({ status }) => status === 'fulfilled').length
    expect(await server.ended()).toEqual({ code: 0, signal: null })
    expect(server.output).toContain('Parlance has stopped.')
    await server.restart()
    const again = await RawClient.connect({ ws: server.ws, userID: 'ada', token: await admin.userToken('ada', 5) })
    const stored = await again.pullAll(singleConversationID('ada', 'bob'))
    expect(stored.length).toBeGreaterThanOrEqual(answered)
    expect(answered).toBe(200)
    again.close()
    await server.stop()
  })

  it('a signal that comes twice, as with Ctrl-C in a terminal, is one stop', async () => {
    const server = await ServerProcess.start(folder.path)
    for (let time = 0; time < 3; time++) server.signal('SIGINT')
    expect(await server.ended()).toEqual({ code: 0, signal: null })
    expect(server.output).toContain('Parlance has stopped.')
  })

  it('a signal while it waits for services that are not there ends it, with 0', async () => {
    const nowhere = `127.0.0.1:${await freePort()}`
    const server = new ServerProcess(folder.path, await freePort(), await freePort(), {
      PARLANCE_MONGO_URL: `mongodb://${nowhere}`,
      PARLANCE_REDIS_URL: `redis://${nowhere}`,
      PARLANCE_KAFKA_BROKERS: nowhere,
      PARLANCE_START_WAIT_MS: '600000',
    })
    await until('it waits', () =>
      ['MongoDB', 'Redis', 'Kafka'].every((name) => server.output.includes(`waiting for ${name}`)),
    )
    server.signal('SIGTERM')
    expect(await server.ended()).toEqual({ code: 0, signal: null })
    expect(server.output).toContain('Parlance has stopped.')
  })

  it('a signal while it starts ends it, with 0, and the data folder is free', async () => {
    const server = new ServerProcess(folder.path, await freePort(), await freePort())
    await until('it has begun', () => existsSync(join(folder.path, 'parlance.db')))
    server.signal('SIGTERM')
    expect(await server.ended()).toEqual({ code: 0, signal: null })
    expect(server.output).toContain('Parlance has stopped.')
    await server.restart()
    await server.stop()
  })

  it('a port in use: one line with the cure, and exit code 1', async () => {
    const occupant = createServer()
    const port = await new Promise<number>((resolve) => {
      occupant.listen(0, '127.0.0.1', () => resolve((occupant.address() as { port: number }).port))
    })
    const { code, lines } = await refusedStart(folder.path, {}, { api: port, ws: await freePort() })
    occupant.close()
    expect(code).toBe(1)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(
      new RegExp(`cannot listen on 127.0.0.1:${port}: another program has it.*PARLANCE_API_PORT`),
    )
  })

  it('a data folder held by another server: one line with the cure', async () => {
    const first = await ServerProcess.start(folder.path)
    const { code, lines } = await refusedStart(folder.path)
    expect(code).toBe(1)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/already open.*PARLANCE_DATA_DIR/)
    await first.stop()
  })

  it('a data folder that cannot be written: one line with the cure', async () => {
    const taken = join(folder.path, 'taken')
    mkdirSync(taken)
    // A folder where the file should be is in the way for every user, root included.
    mkdirSync(join(taken, 'parlance.db'))
    chmodSync(taken, 0o500)
    const { code, lines } = await refusedStart(taken)
    chmodSync(taken, 0o700)
    expect(code).toBe(1)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/cannot be written.*PARLANCE_DATA_DIR/)
  })

  it('wrong settings: one line that names the setting, never its value', async () => {
    const { code, lines } = await refusedStart(folder.path, { PARLANCE_SECRET: 'tooshort', PARLANCE_LOG_LEVEL: 'loud' })
    expect(code).toBe(1)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('PARLANCE_SECRET')
    expect(lines[0]).toContain('PARLANCE_LOG_LEVEL')
    expect(lines[0]).not.toContain('tooshort')
  })

  it('listening beyond loopback without a secret of its own is refused', async () => {
    const { code, lines } = await refusedStart(folder.path, { PARLANCE_SECRET: '', PARLANCE_HOST: '0.0.0.0' })
    expect(code).toBe(1)
    expect(lines[0]).toMatch(/needs an admin secret.*PARLANCE_SECRET/)
  })
})
