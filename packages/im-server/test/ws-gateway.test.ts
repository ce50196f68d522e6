import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { noMetrics, silentLogger } from '@parlance/core'
import { errorCodes, opCodes, platformIDs } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ImGateway } from '../src/composition/tokens.ts'
import { createImGateway } from '../src/ws/gateway.ts'
import { SyncingSessions } from '../src/domain/messages/syncing-sessions.ts'
import { adminUserID, type ImWorld, imWorld } from './support/im-world.ts'
import { RawClient } from './support/raw-client.ts'

let world: ImWorld
let gateway: ImGateway
let server: Server

beforeEach(async () => {
  world = await imWorld()
  const { tokens, clock } = world
  gateway = createImGateway({
    tokens,
    clock,
    logger: silentLogger,
    metrics: noMetrics,
    syncingSessions: new SyncingSessions(clock),
  })
  server = createServer()
  gateway.attach(server)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  const stopped = gateway.stop(1_000)
  await world.clock.advance(1_000)
  await stopped
  await new Promise<void>((resolve) => void server.close(() => resolve()))
  await world.close()
})

const connect = (userID: string, token: string, platformID: number = platformIDs.web): Promise<RawClient> =>
  RawClient.connect({ ws: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, userID, token, platformID })

describe('a token that is withdrawn while its device connects', () => {
  const { web } = platformIDs

  /** Does something between the admission of a device and the registration of its session: no kick can find it there. */
  const meanwhile = (work: () => Promise<unknown>): void => {
    const { tokens } = world
    const keepOnly = tokens.keepOnly.bind(tokens)
    vi.spyOn(tokens, 'keepOnly').mockImplementationOnce(async (...given) => {
      await keepOnly(...given)
      await work()
    })
  }

  it('by a forced logout ends the session as kicked', async () => {
    const { token } = await world.tokens.issue('ada', web)
    meanwhile(() => world.tokens.forceLogout('ada', web))
    const client = await connect('ada', token)
    expect(await until('it is closed', () => client.closed)).toMatchObject({ code: 3502 })
    expect(client.frames.map(({ op }) => op)).toEqual([opCodes.kickOnlineMsg])
    expect(gateway.sessionsOf('ada')).toEqual([])
  })

  it('by a newer login ends the session as kicked, and leaves the newer one alone', async () => {
    const { token } = await world.tokens.issue('ada', web)
    let newer: RawClient | undefined
    meanwhile(async () => {
      newer = await connect('ada', (await world.tokens.issue('ada', web)).token)
    })
    const older = await connect('ada', token)
    expect(await until('it is closed', () => older.closed)).toMatchObject({ code: 3502 })
    expect(older.frames.map(({ op }) => op)).toEqual([opCodes.kickOnlineMsg])
    expect(gateway.sessionsOf('ada')).toHaveLength(1)
    expect(newer).toMatchObject({ frames: [], closed: undefined })
    newer!.close()
  })
})

it('back ends that share an administrator keep their sessions, whichever of them connects', async () => {
  const clients: RawClient[] = []
  for (let backEnd = 0; backEnd < 3; backEnd++) {
    const { token } = await world.tokens.issue(adminUserID, platformIDs.admin)
    clients.push(await connect(adminUserID, token, platformIDs.admin))
  }
  expect(gateway.sessionsOf(adminUserID)).toHaveLength(3)
  for (const client of clients) {
    expect(client).toMatchObject({ frames: [], closed: undefined })
    client.close()
  }
})

it('a session does not outlive its token: it is told so, and its client hears 1501 when it comes back', async () => {
  const { token, expireTimeSeconds } = await world.tokens.issue('ada', platformIDs.web)
  const { expiresAtSeconds } = await world.tokens.verify(token)
  expect(expiresAtSeconds * 1000 - world.clock.now()).toBeLessThanOrEqual(expireTimeSeconds * 1000)
  // The sweep of the gateway comes every second: 90 days of it would take long.
  vi.spyOn(world.clock, 'now').mockReturnValue(expiresAtSeconds * 1000 - 1)
  const client = await connect('ada', token)
  await world.clock.advance(2_000)
  expect(client).toMatchObject({ frames: [], closed: undefined })
  vi.spyOn(world.clock, 'now').mockReturnValue(expiresAtSeconds * 1000)
  await world.clock.advance(1_000)
  expect(await until('it is closed', () => client.closed)).toMatchObject({ code: 3503 })
  expect(client.frames).toMatchObject([{ op: 3001, errCode: errorCodes.TokenExpiredError }])
  await expect(connect('ada', token)).rejects.toThrow('1501')
})
