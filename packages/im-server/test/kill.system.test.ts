import { groupConversationID, type MsgData, singleConversationID } from '@parlance/openim-protocol'
import { HistoryChecker, type Random, runSeed, seededRandom, temporaryFolder, until } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { ApiClient } from './support/api-client.ts'
import { RawClient } from './support/raw-client.ts'
import { report } from './support/report.ts'
import { SdkClient } from './support/sdk-client.ts'
import { ServerProcess } from './support/server-process.ts'

const runCount = Number(process.env['PARLANCE_KILL_RUNS'] ?? 20)
const users = ['u0', 'u1', 'u2', 'u3', 'u4', 'u5']
const inFlightOfOne = 16

type Target = { readonly recvID: string } | { readonly groupID: string }

/** A message that was sent and not confirmed when the server died: it may be there or not, and is sent again. */
interface Unconfirmed {
  readonly user: string
  readonly to: Target
  readonly clientMsgID: string
}

/** A message that the server confirmed. */
interface Acknowledged {
  readonly conversationID: string
  readonly sendID: string
  readonly clientMsgID: string
  readonly serverMsgID: string
}

/** One message's identity: who sent it, and how it was answered. */
const identityOf = ({ sendID, clientMsgID, serverMsgID }: Omit<Acknowledged, 'conversationID'>): string =>
  `${sendID}/${clientMsgID}/${serverMsgID}`

/** What the clients did and were told, over all runs. */
class World {
  readonly acknowledged: Acknowledged[] = []
  /** The highest read mark that was confirmed, by user and conversation. */
  readonly readMarks = new Map<string, number>()
  unconfirmed: Unconfirmed[] = []
  sent = 0

  constructor(
    readonly server: ServerProcess,
    readonly admin: ApiClient,
    readonly groupID: string,
  ) {}

  conversationOf(user: string, to: Target): string {
    return 'groupID' in to ? groupConversationID(to.groupID) : singleConversationID(user, to.recvID)
  }

  conversationsOf(user: string): string[] {
    return [
      ...users.filter((other) => other !== user).map((other) => singleConversationID(user, other)),
      groupConversationID(this.groupID),
    ]
  }

  async connect(): Promise<RawClient[]> {
    return Promise.all(
      users.map(async (userID) =>
        RawClient.connect({ ws: this.server.ws, userID, token: await this.admin.userToken(userID, 5) }),
      ),
    )
  }
}

/** Sends until the server is gone, always with the same number of messages in flight. */
async function sendUntilDeath(world: World, client: RawClient, random: Random): Promise<void> {
  const one = async (): Promise<void> => {
    while (client.closed === undefined) {
      const to: Target =
        random.int(3) === 0
          ? { groupID: world.groupID }
          : { recvID: random.pick(users.filter((user) => user !== client.userID)) }
      const clientMsgID = `c${world.sent++}`
      const conversationID = world.conversationOf(client.userID, to)
      try {
        const { serverMsgID } = await client.send(client.text(clientMsgID, to, clientMsgID))
        world.acknowledged.push({ conversationID, sendID: client.userID, clientMsgID, serverMsgID })
      } catch (error) {
        if (client.closed === undefined) throw error
        world.unconfirmed.push({ user: client.userID, to, clientMsgID })
      }
    }
  }
  await Promise.all(Array.from({ length: inFlightOfOne }, one))
}

/** Reads and marks as read, until the server is gone. */
async function readUntilDeath(
  world: World,
  userID: string,
  token: string,
  client: RawClient,
  random: Random,
): Promise<void> {
  const api = new ApiClient(world.server.api, token)
  while (client.closed === undefined) {
    try {
      const conversationID = random.pick(world.conversationsOf(userID))
      const { [conversationID]: known } = await client.seqs([conversationID])
      if (known === undefined || known.maxSeq === 0) continue
      const { errCode } = await api.call('/msg/mark_conversation_as_read', {
        conversationID,
        userID,
        hasReadSeq: known.maxSeq,
        seqs: [],
      })
      const key = `${userID} ${conversationID}`
      if (errCode === 0) world.readMarks.set(key, Math.max(world.readMarks.get(key) ?? 0, known.maxSeq))
    } catch (error) {
      if (client.closed === undefined && world.server.exit === undefined)
        await until('the connection is seen to be gone', () => client.closed, 5_000).catch(() =>
          Promise.reject(error as Error),
        )
    }
  }
}

/** What a reader is made to believe that it found; for showing that the audit notices. */
type Tampering = (userID: string, conversationID: string, found: readonly MsgData[]) => readonly MsgData[]

/** Compares what every user finds with what was acknowledged; returns every contradiction. */
async function audit(
  world: World,
  clients: readonly RawClient[],
  tamper: Tampering = (_userID, _conversationID, found) => found,
): Promise<string[]> {
  const history = new HistoryChecker()
  for (const message of world.acknowledged) history.acknowledged(message.conversationID, identityOf(message))
  const wrong: string[] = []
  for (const client of clients) {
    const seqs = await client.seqs()
    for (const conversationID of world.conversationsOf(client.userID)) {
      const found = tamper(client.userID, conversationID, await client.pullAll(conversationID))
      history.saw(
        client.userID,
        conversationID,
        ...found.map((message) => ({ seq: message.seq, id: identityOf(message) })),
      )
      wrong.push(...auditNumbers(world, client.userID, conversationID, found, seqs[conversationID]))
    }
  }
  return [...history.problems().map(({ kind, message }) => `${kind}: ${message}`), ...wrong]
}

function auditNumbers(
  world: World,
  userID: string,
  conversationID: string,
  found: readonly MsgData[],
  seqs: { maxSeq: number; hasReadSeq: number } | undefined,
): string[] {
  if (found.length === 0)
    return seqs === undefined || seqs.maxSeq === 0
      ? []
      : [`${conversationID}: maxSeq ${seqs.maxSeq} of an empty conversation`]
  const ownLast = found.findLast(({ sendID }) => sendID === userID)?.seq ?? 0
  const confirmed = Math.max(ownLast, world.readMarks.get(`${userID} ${conversationID}`) ?? 0)
  const wrong: string[] = []
  if (seqs?.maxSeq !== found.length)
    wrong.push(`${conversationID}: ${userID} is told maxSeq ${seqs?.maxSeq}, there are ${found.length}`)
  // A mark whose confirmation died with the server may have been stored: at least what was confirmed, at most everything.
  if (seqs === undefined || seqs.hasReadSeq < confirmed || seqs.hasReadSeq > found.length)
    wrong.push(
      `${conversationID}: ${userID} is told hasReadSeq ${seqs?.hasReadSeq}, it must be ${confirmed} to ${found.length}`,
    )
  return wrong
}

/** What a login afresh of an unmodified SDK shows, against the raw pulls. */
async function auditWithSdk(world: World, userID: string, raw: RawClient): Promise<string[]> {
  const token = await world.admin.userToken(userID, 7)
  const sdk = await SdkClient.login({
    userID,
    token,
    platformID: 7,
    apiAddr: world.server.api,
    wsAddr: world.server.ws,
  })
  const wrong: string[] = []
  const seqs = await raw.seqs()
  const { data: list } = await sdk.sdk.getConversationListSplit({ offset: 0, count: 100 })
  const expected = world.conversationsOf(userID).filter((conversationID) => (seqs[conversationID]?.maxSeq ?? 0) > 0)
  const shown = list.map(({ conversationID }) => conversationID)
  if (expected.toSorted().join() !== shown.toSorted().join())
    wrong.push(`${userID} is shown the conversations ${shown.join()} instead of ${expected.join()}`)
  for (const { conversationID, unreadCount } of list) {
    const { maxSeq, hasReadSeq } = seqs[conversationID]!
    if (unreadCount !== maxSeq - hasReadSeq)
      wrong.push(`${conversationID}: ${userID} is shown ${unreadCount} unread instead of ${maxSeq - hasReadSeq}`)
    const pulled = await raw.pullAll(conversationID)
    const newest = pulled.slice(-40).map(({ clientMsgID }) => clientMsgID)
    const history = (await sdk.historyIDs(conversationID, 40)).slice(-40)
    if (newest.join() !== history.join())
      wrong.push(
        `${conversationID}: the history of ${userID} ends with ${history.slice(-3).join()} instead of ${newest.slice(-3).join()}`,
      )
  }
  await sdk.logout()
  return wrong
}

describe('kill -9 under load', () => {
  const seed = runSeed()

  it(`no acknowledged message is lost, doubled or reordered in ${runCount} runs (PARLANCE_SEED=${seed})`, async () => {
    const random = seededRandom(seed)
    using folder = temporaryFolder()
    const server = await ServerProcess.start(folder.path)
    const admin = await ApiClient.admin(server.api, server.secret)
    await admin.register(...users)
    const world = new World(server, admin, await admin.createGroup(users[0]!, users.slice(1)))
    world.acknowledged.push(await groupCreation(world))
    const rates: number[] = []
    for (let run = 1; run <= runCount; run++) {
      const clients = await world.connect()
      const readers = await Promise.all(
        users.slice(0, 2).map(async (userID) => ({ userID, token: await admin.userToken(userID, 3) })),
      )
      const before = world.acknowledged.length
      const killAfter = 100 + random.int(1200)
      const started = performance.now()
      const load = [
        ...clients.map((client) => sendUntilDeath(world, client, random)),
        ...readers.map(({ userID, token }, index) => readUntilDeath(world, userID, token, clients[index]!, random)),
      ]
      await until(`${killAfter} more messages are acknowledged`, () => world.acknowledged.length - before >= killAfter)
      rates.push(Math.round((killAfter / (performance.now() - started)) * 1000))
      await server.kill()
      await Promise.all(load)
      await server.restart()

      const again = await world.connect()
      const afterCrash = await audit(world, again)
      expect(afterCrash, `run ${run}, killed after ${killAfter} messages, PARLANCE_SEED=${seed}`).toEqual([])
      const repeats = world.unconfirmed.splice(0)
      await Promise.all(
        repeats.map(async ({ user, to, clientMsgID }) => {
          const client = again[users.indexOf(user)]!
          const { serverMsgID } = await client.send(client.text(clientMsgID, to, clientMsgID))
          world.acknowledged.push({
            conversationID: world.conversationOf(user, to),
            sendID: user,
            clientMsgID,
            serverMsgID,
          })
        }),
      )
      const afterRepeats = await audit(world, again)
      const witness = random.int(users.length)
      const withSdk = await auditWithSdk(world, users[witness]!, again[witness]!)
      expect([...afterRepeats, ...withSdk], `run ${run} after the repeats, PARLANCE_SEED=${seed}`).toEqual([])
      for (const client of again) client.close()
    }
    report(
      `kill -9: ${runCount} runs, PARLANCE_SEED=${seed}, ${world.acknowledged.length} messages acknowledged, ${users.length * inFlightOfOne} in flight, sends/s ${rates.join(' ')}`,
    )
    await auditNotices(world)
    await server.stop()
  })
})

/** Shows that the audit would have noticed: one reader is made to miss, double, move or misread one message. */
async function auditNotices(world: World): Promise<void> {
  const clients = await world.connect()
  const where = groupConversationID(world.groupID)
  const inject = async (change: (found: readonly MsgData[]) => readonly MsgData[]): Promise<string> => {
    const tamper: Tampering = (userID, conversationID, found) =>
      userID === users[1] && conversationID === where ? change(found) : found
    return (await audit(world, clients, tamper)).join()
  }
  expect(await inject((found) => found)).toBe('')
  expect(await inject((found) => found.filter(({ seq }) => seq !== 3))).toMatch(/lost: .*was acknowledged and not seen/)
  expect(await inject((found) => found.filter(({ seq }) => seq !== 3))).toMatch(/gap: .*3 is missing/)
  expect(await inject((found) => [...found, { ...found[2]!, seq: found.length + 1 }])).toContain('duplicated: ')
  expect(await inject((found) => [found[1]!, found[0]!, ...found.slice(2)])).toContain('reordered: ')
  expect(
    await inject((found) =>
      found.map((message) => (message.seq === 3 ? { ...message, serverMsgID: 'other' } : message)),
    ),
  ).toContain('lost: ')
  for (const client of clients) client.close()
}

/** The group's first message, which the server itself wrote. */
async function groupCreation(world: World) {
  const conversationID = groupConversationID(world.groupID)
  const [client] = await world.connect()
  const [created] = await client!.pullAll(conversationID)
  client!.close()
  return {
    conversationID,
    sendID: created!.sendID,
    clientMsgID: created!.clientMsgID,
    serverMsgID: created!.serverMsgID,
  }
}
