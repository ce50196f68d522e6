import { groupConversationID, platformIDs } from '@parlance/openim-protocol'
import { runSeed, seededRandom, until } from '@parlance/testing'
import { canStart } from '@parlance/testing/services'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createImServer, type ImServer } from '../src/index.ts'
import { ApiClient } from './support/api-client.ts'
import { walkCache } from './support/cache-walk.ts'
import { ListMirror } from './support/list-mirror.ts'
import { RawClient } from './support/raw-client.ts'
import { report } from './support/report.ts'
import { briefFaults, faultsOf, type StackFault } from './support/stack-faults.ts'
import { type Stack, startStack } from './support/stack.ts'
import { StackReader } from './support/stack-reader.ts'
import { StackCheck } from './support/stack-check.ts'
import { Talker } from './support/talker.ts'
import { declaredEntities, ViewAuditor, type AnyRepository } from './support/view-auditor.ts'

/** So many faults, one after the other; without it what fits into every run of the tests. `npm run faults -- 60` sets it. */
const given = process.env['PARLANCE_FAULT_RUNS']
const userIDs = ['u0', 'u1', 'u2', 'u3', 'u4']
const hasServices = canStart('mongo') && canStart('redis') && canStart('kafka')

interface FriendEntry {
  readonly friendUser: { readonly userID: string; readonly nickname: string }
}

/** What is asked for with every value that there is; of the others only what is cached. */
const audited = ['user', 'friend', 'group', 'group_member', 'conversation']

const friendList = {
  incremental: '/friend/get_incremental_friends',
  whole: '/friend/get_friend_list',
  entriesOf: (answer: Record<string, unknown>) => answer['friendsInfo'] as readonly FriendEntry[],
  idOf: ({ friendUser }: FriendEntry) => friendUser.userID,
}

const seed = runSeed()
const random = seededRandom(seed)
const faults = given === undefined ? briefFaults(random) : faultsOf(Number(given), random)

/** At once, for who watches, and in the report of the run. */
function say(line: string): void {
  process.stderr.write(`${line}\n`)
  report(line)
}

/** Each rename changes the lists of all friends and a group's members. */
const renamePauseMs = 250

/** A safety net; what it took is said. */
const flowLimitMs = 240_000

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

describe.skipIf(!hasServices)(`a server of ten processes, ${faults.length} faults under load, seed ${seed}`, () => {
  const check = new StackCheck()
  const talkers: Talker[] = []
  const readers: StackReader[] = []
  const mirrors: ListMirror<FriendEntry>[] = []
  const struck = new Map<string, number>()
  let stack: Stack
  /** Processes that join when all is over, and the first of them. */
  const joined: ImServer[] = []
  let im: ImServer
  let groupID: string
  let renames = 0

  const apiOf = async (index: number, userID?: string): Promise<ApiClient> => {
    const { api } = stack.of('api')[index % 2]!
    const admin = await ApiClient.admin(api, stack.secret)
    return userID === undefined ? admin : new ApiClient(api, await admin.userToken(userID, platformIDs.iOS))
  }

  beforeAll(async () => {
    const startedAt = performance.now()
    stack = await startStack()
    const admin = await apiOf(0)
    await admin.register(...userIDs)
    groupID = await admin.createGroup(userIDs[0]!, userIDs.slice(1))
    for (const userID of userIDs)
      await admin.must('/friend/import_friend', {
        ownerUserID: userID,
        friendUserIDs: userIDs.filter((other) => other !== userID),
      })
    for (const [at, userID] of userIDs.entries()) {
      const mirror = new ListMirror(await apiOf(at, userID), userID, friendList)
      mirrors.push(mirror)
      await mirror.sync()
    }
    const places = {
      apis: stack.of('api').map(({ api }) => api),
      gateways: stack.of('gateway').map(({ ws }) => ws),
      secret: stack.secret,
    }
    for (const userID of userIDs) {
      const others = userIDs.filter((other) => other !== userID)
      talkers.push(new Talker(userID, others, groupID, places, seededRandom(random.int(2 ** 32)), check))
    }
    for (const [at, userID] of userIDs.entries())
      readers.push(
        new StackReader(userID, async () => {
          const token = await (await apiOf(at)).userToken(userID, platformIDs.android)
          return { ws: stack.of('gateway')[at % 2]!.ws, token }
        }),
      )
    for (const talker of talkers) talker.start()
    await everythingFlows()
    say(`faults: seed ${seed}; ten processes, everything flows after ${seconds(performance.now() - startedAt)}`)
  }, 300_000)

  afterAll(async () => {
    for (const reader of readers) reader.close()
    await Promise.all(talkers.map((talker) => talker.stop()))
    for (const one of joined) await one.stop()
    await stack.stop()
  }, 300_000)

  /** Renames users all the while, which changes rows, lists of friends and the group's members. */
  async function renameUntil(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const userID = random.pick(userIDs)
      const nickname = `${userID} the ${++renames}.`
      await until(
        'a rename is taken',
        async () => {
          const own = await apiOf(random.int(2))
          return own.must('/user/update_user_info', { userInfo: { userID, nickname } })
        },
        120_000,
      )
      await new Promise((resolve) => void setTimeout(resolve, renamePauseMs))
    }
  }

  /** From now on: everybody's messages are taken, numbered, stored and pushed to others. */
  async function everythingFlows(): Promise<void> {
    const acknowledged = talkers.map(({ acknowledgedCount }) => acknowledgedCount)
    const sent = new Map(talkers.map(({ userID, sentCount }) => [userID, sentCount]))
    const isMissing = (talker: Talker, at: number): string[] => {
      const since = talker.acknowledgedCount - acknowledged[at]!
      if (since <= 5) return [`${talker.userID} had ${since} messages acknowledged, ${talker.state}`]
      return talker.hasHeardBehind(sent) ? [] : [`${talker.userID} was pushed nothing new, ${talker.state}`]
    }
    await until(
      'everything flows',
      () => {
        const missing = talkers.flatMap(isMissing)
        if (missing.length > 0) throw new Error(missing.join('; '))
        return true
      },
      flowLimitMs,
    )
  }

  /** Everybody reads on, until all that was acknowledged is there. */
  async function readOn(): Promise<void> {
    const owed = check.takeOwed()
    for (const [at, { conversations }] of talkers.entries())
      for (const { conversationID } of conversations)
        await readers[at]!.do(`reads what was acknowledged in ${conversationID}`, async (client) => {
          const read = await check.read(client, conversationID)
          return [...(owed.get(conversationID) ?? [])].every((id) => read.has(id))
        })
  }

  async function run(index: number, { name, components, strike }: StackFault): Promise<void> {
    let isOver = false
    const renaming = renameUntil(() => isOver)
    try {
      check.longestSilenceMs = 0
      const struckAt = performance.now()
      await strike(stack)
      const mendedAt = performance.now()
      await everythingFlows()
      const flowsAt = performance.now()
      await stack.ready()
      await readOn()
      for (const component of components) struck.set(component, (struck.get(component) ?? 0) + 1)
      say(
        `fault ${index + 1} of ${faults.length}, ${name}: runs again ${seconds(mendedAt - struckAt)} after the strike, everything flows ${seconds(flowsAt - mendedAt)} later; nothing acknowledged for at most ${seconds(check.longestSilenceMs)}; ${check.acknowledgedCount} acknowledged so far, all read by everybody, ${check.pushedCount} pushed`,
      )
      const contradictions = check.contradictions()
      for (const one of contradictions.slice(0, 30)) say(one)
      expect(contradictions).toEqual([])
    } catch (error) {
      say(`fault ${index + 1} of ${faults.length}, ${name}: ${String(error)}`)
      throw error
    } finally {
      isOver = true
      await renaming
    }
  }

  it.each(faults.map((fault, index) => [`${index + 1} ${fault.name}`, index, fault] as const))(
    'goes on after fault %s',
    async (_name, index, fault) => run(index, fault),
  )

  it('has lost nothing, shown nothing twice, left no gap and gone back nowhere', async () => {
    for (const talker of talkers) talker.fallSilent()
    await until('all is acknowledged', () => talkers.every(({ isDone }) => isDone), 120_000)
    // Behind the last words of everybody nothing is on its way to its number any more.
    for (const [at, { userID, conversations }] of talkers.entries())
      for (const { conversationID, to } of conversations) {
        const id = `goodbye of ${userID} in ${conversationID}`
        await readers[at]!.do('says goodbye', (client) => client.send(client.text(id, to, id)))
        check.acknowledged(conversationID, id)
      }
    await readOn()
    for (const [at, talker] of talkers.entries()) {
      const heads = await readers[at]!.do('asks how far it goes', (client) => client.seqs())
      for (const { conversationID } of talker.conversations)
        await until(
          `${talker.userID} has been pushed the last words in ${conversationID}`,
          () => talker.knows(conversationID) >= heads[conversationID]!.maxSeq,
          60_000,
        )
    }
    const sent = talkers.reduce((sum, { sentCount }) => sum + sentCount, 0)
    const problems = check.problems()
    const count = (kind: string): number => problems.filter((problem) => problem.startsWith(kind)).length
    const components = [...struck].map(([component, times]) => `${component} ${times}`).join(', ')
    say(
      `faults: seed ${seed}, ${faults.length} runs (${components}): ${sent} messages sent, ${check.acknowledgedCount} acknowledged with the last words, ${count('lost')} lost, ${count('duplicated')} twice, ${count('gap')} gaps, ${count('reordered') + count('regressed')} out of order; ${check.pushedCount} pushes, ${renames} renames`,
    )
    expect(problems).toEqual([])
    expect(check.acknowledgedCount).toBeGreaterThan(faults.length * userIDs.length * 5)
  })

  it('its checker finds a message that is taken away', async () => {
    const admin = await apiOf(0)
    const client = await RawClient.connect({
      ws: stack.of('gateway')[0]!.ws,
      userID: 'u0',
      token: await admin.userToken('u0', platformIDs.iPad),
      platformID: platformIDs.iPad,
    })
    const other = new StackCheck()
    const conversationID = groupConversationID(groupID)
    await client.send(client.text('to be lost', { groupID }, 'the lost one'))
    other.acknowledged(conversationID, 'the lost one')
    await until('it has its number', async () =>
      (await client.pullAll(conversationID)).some(({ clientMsgID }) => clientMsgID === 'the lost one'),
    )
    await other.read(client, conversationID, (id) => id === 'the lost one')
    expect(other.problems().join()).toContain('lost')
    client.close()
  })

  it('has complete lists: who followed what changed has what is there', async () => {
    for (const mirror of mirrors) {
      await until('a list is what is there', async () => {
        const followed = [...(await mirror.sync()).values()].map(({ friendUser }) => friendUser.nickname)
        const whole = (await mirror.fromZero()).map(({ friendUser }) => friendUser.nickname)
        expect(followed.toSorted()).toEqual(whole.toSorted())
        return true
      })
    }
  })

  async function join(): Promise<ImServer> {
    const one = await createImServer({ ...stack.settings, secret: stack.secret, roles: ['api'], logLevel: 'error' }, {})
    joined.push(one)
    return one
  }

  it('has processes that answer what the store says', async () => {
    im = await join()
    const { repositories } = im
    const stored = await repositories.users.getMany(
      userIDs.map((userID) => ({ userID })),
      { read: 'store' },
    )
    const names = stored.map((user) => user!.nickname)
    for (const index of stack.of('api').keys()) {
      const api = await apiOf(index)
      const of = async (path: string, body: object): Promise<Record<string, unknown[]>> =>
        (await api.must<Record<string, unknown[]>>(path, body)).data
      const namesOf = (rows: unknown): string[] => (rows as { nickname: string }[]).map(({ nickname }) => nickname)
      expect(namesOf((await of('/user/get_users_info', { userIDs }))['usersInfo'])).toEqual(names)
      const { members } = await of('/group/get_group_members_info', { groupID, userIDs })
      expect(namesOf(members).toSorted()).toEqual(names.toSorted())
      for (const [at, mirror] of mirrors.entries()) {
        const friends = (await mirror.fromZero(api)).map(({ friendUser }) => friendUser.nickname)
        expect(friends.toSorted()).toEqual(names.toSpliced(at, 1).toSorted())
      }
    }
  })

  it('has caches that say what the store says: every key that is there, and everything that can be asked for', async () => {
    const { keyCount, blockCount, differences } = await walkCache(im, stack.redis.url, stack.settings.namespace, join)
    say(
      `faults: ${keyCount} keys in the shared cache, ${blockCount} of them blocks of messages: ${differences.length} differ from the store`,
    )
    expect(differences).toEqual([])
    expect(keyCount).toBeGreaterThan(userIDs.length)
    for (const schema of declaredEntities().filter(({ name }) => audited.includes(name))) {
      const auditor = new ViewAuditor(schema, valuesOf, repositoryOf, im.repositories.whenSpread)
      expect(await auditor.differences()).toEqual([])
    }
  })

  const repositoryOf = (of: { readonly name: string }): AnyRepository =>
    Object.values(im.repositories).find((one) => (one as { entity?: string }).entity === of.name) as AnyRepository

  function valuesOf({ name }: { readonly name: string }): readonly unknown[] {
    if (name === 'conversationID')
      return talkers.flatMap(({ conversations }) => conversations.map(({ conversationID }) => conversationID))
    if (name.endsWith('serID')) return userIDs
    if (name === 'groupID') return [groupID]
    return [0]
  }
})
