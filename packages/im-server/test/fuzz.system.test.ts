import type { FrameDialect } from '@parlance/openim-protocol'
import { runSeed, seededRandom, temporaryFolder } from '@parlance/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { report } from './support/report.ts'
import { populate } from './support/api-samples.ts'
import { ApiClient } from './support/api-client.ts'
import { FuzzConnection } from './support/fuzz-connection.ts'
import { FuzzFrames } from './support/fuzz-frames.ts'
import { FuzzHttp } from './support/fuzz-http.ts'
import { imWorld } from './support/im-world.ts'
import { HealthyPair } from './support/healthy-pair.ts'
import { Mutator } from './support/mutator.ts'
import { ServerProcess } from './support/server-process.ts'

const frameCount = Number(process.env['PARLANCE_FUZZ_FRAMES'] ?? 85_000)
const bodyCount = Number(process.env['PARLANCE_FUZZ_BODIES'] ?? 15_000)
const connectionsOfDialect = 3
const burstCount = 64
const bodiesAtOnce = 16
/** How many frames and bodies lie between two messages of somebody who does nothing wrong. */
const healthyEvery = 500

const dialects: readonly FrameDialect[] = [
  { sdkType: 'js' },
  { sdkType: 'js', compression: 'gzip' },
  { sdkType: 'go' },
  { sdkType: 'go', compression: 'gzip' },
]
const platformID = 5

describe('a server under mutated input', () => {
  const seed = runSeed()
  let server: ServerProcess

  afterEach(() => server.stop())

  it(`survives ${frameCount} frames and ${bodyCount} HTTP bodies, and answers all that can be read (PARLANCE_SEED=${seed})`, async () => {
    using folder = temporaryFolder()
    server = await ServerProcess.start(folder.path)
    const { pid } = server
    const admin = await ApiClient.admin(server.api, server.secret)
    const users = dialects.flatMap((_, index) =>
      Array.from({ length: connectionsOfDialect }, (_unused, at) => `f${index}${at}`),
    )
    await admin.register(...users, 'alice', 'bob', 'carol')
    const groupID = await admin.createGroup(users[0]!, users.slice(1))
    await admin.must('/group/create_group', {
      ownerUserID: 'alice',
      memberUserIDs: ['bob'],
      groupInfo: { groupID: 'g', groupName: 'g', groupType: 2 },
    })
    const healthy = await HealthyPair.connect(server.ws, admin)

    const connections = await Promise.all(
      users.map(async (userID, index) => {
        const dialect = dialects[Math.floor(index / connectionsOfDialect)]!
        const token = await admin.userToken(userID, platformID)
        const mutator = new Mutator(seededRandom(seed + index))
        return {
          frames: new FuzzFrames(mutator, dialect, { userID, peers: users, groupID }),
          connection: new FuzzConnection({ ws: server.ws, userID, token, platformID, dialect }),
        }
      }),
    )
    const secret = { secret: server.secret, userID: 'imAdmin' }
    const { token: adminToken } = (
      await new ApiClient(server.api).must<{ token: string }>('/auth/get_admin_token', secret)
    ).data
    const aliceToken = await admin.userToken('alice', platformID)
    const loginOfAlice = new URLSearchParams({
      sendID: 'alice',
      token: aliceToken,
      platformID: String(platformID),
      operationID: 'noise',
      isBackground: 'false',
    })
    const world = await imWorld()
    await populate(world)
    const callers = Array.from({ length: bodiesAtOnce }, (_, index) => {
      const mutator = new Mutator(seededRandom(seed - 1 - index))
      return new FuzzHttp(mutator, {
        api: server.api,
        ws: `${server.ws}/?${loginOfAlice}`,
        tokens: [adminToken, aliceToken],
        world,
      })
    })

    let done = 0
    let checked = 0
    const problems = (): string[] => [
      ...connections.flatMap(({ connection }) => connection.problems),
      ...callers.flatMap((caller) => caller.problems),
    ]
    const account = async (count: number): Promise<void> => {
      done += count
      if (done - checked < healthyEvery) return
      checked = done
      await healthy.exchange()
    }
    const mayGoOn = (): boolean => problems().length === 0 && server.exit === undefined

    // Every writer has a share of its own, so that the seed alone decides what is written.
    const writeFrames = connections.map(async ({ frames, connection }) => {
      for (let left = Math.ceil(frameCount / connections.length); left > 0 && mayGoOn();) {
        const written = await connection.burst(() => frames.next(), Math.min(burstCount, left))
        left -= written
        await account(written)
      }
      connection.close()
    })
    const writeBodies = callers.map(async (caller) => {
      for (let left = Math.ceil(bodyCount / callers.length); left > 0 && mayGoOn(); left--) {
        await caller.one()
        await account(1)
      }
      caller.close()
    })
    await Promise.all([...writeFrames, ...writeBodies])
    await world.close()

    // Nothing was unforeseen: no rejection that nobody handles, no request that failed by a defect.
    const unforeseen = server.output.split('\n').filter((line) => /"level":[56]0|unhandled|uncaught/i.test(line))
    expect({ problems: problems(), unforeseen }, `PARLANCE_SEED=${seed}`).toEqual({ problems: [], unforeseen: [] })
    expect({ exit: server.exit, pid: server.pid }).toEqual({ exit: undefined, pid })
    expect(done).toBeGreaterThanOrEqual(frameCount + bodyCount)
    await healthy.exchange()
    healthy.close()
    expect((await fetch(`${server.api}/readyz`)).status).toBe(200)
    const answers = connections.reduce((sum, { connection }) => sum + connection.answerCount, 0)
    const closes = connections.reduce((sum, { connection }) => sum + connection.closeCount, 0)
    const codes = callers.reduce((sums, caller) => {
      for (const [code, count] of caller.codes) sums.set(code, (sums.get(code) ?? 0) + count)
      return sums
    }, new Map<number, number>())
    const told = [...codes].toSorted(([one], [other]) => one - other).map(([code, count]) => `${code}×${count}`)
    const aborted = callers.reduce((sum, caller) => sum + caller.abortedCount, 0)
    report(
      `fuzz: PARLANCE_SEED=${seed}, ${frameCount} frames: ${answers} answered, ${closes} connections closed; ${bodyCount} bodies: ${told.join(' ')}, ${aborted} cut off; ${healthy.sent} healthy messages`,
    )
  })
})
