import { readFileSync } from 'node:fs'
import {
  opCodes,
  platformIDs,
  PullMessageBySeqsReq,
  PullMessageBySeqsResp,
  singleConversationID,
} from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiClient } from './support/api-client.ts'
import { type CountedCluster, type CountedProcess, startCountedCluster } from './support/counted-cluster.ts'
import { RawClient } from './support/raw-client.ts'
import { summed } from './support/service-wire.ts'
import { testServices } from './support/test-cluster.ts'

const services = testServices()
const page = new URL('../../../docs/round-trips.md', import.meta.url)
const repeats = 2
const quietTurns = 10

describe.skipIf(services === undefined)('round trips to MongoDB, Redis and Kafka', () => {
  let cluster: CountedCluster
  let [api, otherApi, gateway, transfer, push] = [] as unknown as CountedProcess[]
  let admin: ApiClient
  let ada: RawClient
  let bob: RawClient
  let users = 0
  const counted: string[] = []

  beforeAll(async () => {
    cluster = await startCountedCluster(services!, {
      api: ['api'],
      'another api': ['api'],
      gateway: ['gateway'],
      transfer: ['transfer'],
      push: ['push'],
    })
    ;[api, otherApi, gateway, transfer, push] = cluster.processes
    admin = await ApiClient.admin(api!.addresses.api, api!.im.adminSecret)
    await admin.register('ada', 'bob')
    ada = await connect('ada')
    bob = await connect('bob')
    await ada.send(ada.text('first', { recvID: 'bob' }))
    await until('the first is pushed', () => bob.messages.length === 1)
  })
  afterAll(async () => {
    ada?.close()
    bob?.close()
    await cluster?.stop()
  })

  async function connect(userID: string): Promise<RawClient> {
    const token = await admin.userToken(userID, platformIDs.web)
    return RawClient.connect({ ws: gateway!.addresses.ws, userID, token })
  }

  const clientOf = async (
    process: CountedProcess,
    userID: string,
    platformID: number = platformIDs.iOS,
  ): Promise<ApiClient> => new ApiClient(process.addresses.api, await admin.userToken(userID, platformID))

  /** Nothing is on its way, and nothing has come for some turns. */
  async function settled(): Promise<void> {
    let [seen, turns] = [-1, 0]
    await until('nothing more is asked', () => {
      const { moves, isIdle } = cluster.rounds
      turns = isIdle && moves === seen ? turns + 1 : 0
      seen = moves
      return turns >= quietTurns
    })
  }

  /** Does it until it is warm, and several times more: each time the same must be asked. */
  async function count(
    operation: string,
    processes: readonly CountedProcess[],
    act: () => Promise<void>,
    { prepare, warmUps = 1 }: { readonly prepare?: () => Promise<void>; readonly warmUps?: number } = {},
  ): Promise<void> {
    const seen: string[] = []
    for (let repeat = -warmUps; repeat < repeats; repeat++) {
      await prepare?.()
      await settled()
      for (const { log } of cluster.processes) log.clear()
      cluster.rounds.start()
      await act()
      await settled()
      await cluster.rounds.stop()
      const rows = processes.map((process) => rowOf(operation, process))
      const lines = processes.map(({ name, log }) => `${name}\n${log.lines}`)
      if (repeat >= 0) seen.push([...rows, ...lines].join('\n'))
      if (repeat === 0) counted.push(...rows)
    }
    expect(new Set(seen), seen.join('\n\n')).toHaveLength(1)
  }

  it('sending one message', async () => {
    await count('one message', [gateway!, transfer!, push!], async () => {
      const before = bob.messages.length
      await ada.send(ada.text('one', { recvID: 'bob' }))
      await until('it is pushed', () => bob.messages.length === before + 1)
    })
  })

  it('sending 100 messages at once', async () => {
    let releases: (() => void)[] = []
    await count(
      '100 messages at once',
      [gateway!, transfer!, push!],
      async () => {
        const before = bob.messages.length
        const { isWaiting, release: produce } = gateway!.holdProduces()
        const send = (index: number) => ada.send(ada.text(`${index}`, { recvID: 'bob' }))
        const sent = [send(0)]
        await until('the first is on its way', isWaiting)
        for (let index = 1; index < 100; index++) sent.push(send(index))
        // Refused behind them all: then they have arrived.
        await expect(ada.send(ada.text('', { recvID: '' }))).rejects.toThrow()
        produce()
        await Promise.all(sent)
        for (const release of releases) {
          release()
          await settled()
        }
        await until('all are pushed', () => bob.messages.length === before + 100)
      },
      {
        prepare: async () => {
          releases = [await transfer!.holdFetches(), await push!.holdFetches()]
        },
        // The first 100 fill no block yet, and the next are the first that have a sealed one behind them.
        warmUps: 2,
      },
    )
  })

  it('reading a page of history', async () => {
    const conversationID = singleConversationID('ada', 'bob')
    const read = async (client: RawClient): Promise<void> => {
      const request = {
        userID: client.userID,
        seqRanges: [{ conversationID, begin: 1, end: 50, num: 50 }],
        order: 0,
      }
      const answer = await client.ask(opCodes.pullMsgByRange, PullMessageBySeqsReq.encode(request))
      expect(PullMessageBySeqsResp.decode(answer).msgs[conversationID]?.Msgs).toHaveLength(50)
    }
    await count('a page of history, 50 messages', [gateway!], () => read(bob))
  })

  it('reading a profile', async () => {
    const asked = { userIDs: ['bob'] }
    const [here, there] = [await clientOf(api!, 'ada'), await clientOf(otherApi!, 'ada', platformIDs.android)]
    const read = async (client: ApiClient): Promise<void> => void (await client.must('/user/get_users_info', asked))
    const change = async (): Promise<void> => {
      const userInfo = { userID: 'bob', nickname: `bob ${++users}` }
      await admin.must('/user/update_user_info', { userInfo })
      await settled()
    }
    const warm = async (client: ApiClient): Promise<void> => {
      await read(client)
      await settled()
    }
    await warm(here)
    await count('a profile that changed', [otherApi!], () => read(there), { prepare: change })
    await count('a profile that another process has read', [api!], () => read(here), {
      prepare: async () => {
        await change()
        await warm(there)
      },
    })
    await count('a profile that this process has read', [api!], () => read(here), { prepare: () => warm(here) })
  })

  it('joining a group', async () => {
    let joiner: ApiClient
    let groupID = ''
    const join = async (): Promise<void> => {
      const before = ada.pushed.length
      await joiner.must('/group/join_group', { groupID, reqMessage: '', joinSource: 3 })
      await until('a member is told', () => ada.pushed.length > before)
    }
    const create = async (at: CountedProcess): Promise<void> => {
      const userID = `joiner${++users}`
      await admin.register(userID)
      joiner = await clientOf(at, userID)
      const groupInfo = { groupName: 'open', groupType: 2, needVerification: 2 }
      const body = { ownerUserID: 'ada', memberUserIDs: ['bob'], adminUserIDs: [], groupInfo }
      const { data } = await admin.must<{ groupInfo: { groupID: string } }>('/group/create_group', body)
      groupID = data.groupInfo.groupID
    }
    await count('joining a group', [api!, transfer!, push!], join, {
      prepare: async () => {
        await create(api!)
        await joiner.must('/group/get_groups_info', { groupIDs: [groupID] })
      },
    })
    await count('joining a group, all of it unknown', [otherApi!], join, { prepare: () => create(otherApi!) })
  })

  it('are those that the documentation lists', () => {
    const listed = readFileSync(page, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| '))
    expect(counted).toEqual(listed.slice(1))
  })
})

/** A row as the documentation has it. */
function rowOf(operation: string, { name, log }: CountedProcess): string {
  const cells = ['MongoDB', 'Redis', 'Kafka'].map((service) => {
    const names = log.namesOf(service)
    return names.length === 0 ? '0' : `${names.length}: ${summed(names, ', ', ' × ')}`
  })
  return `| ${[operation, name, ...cells, log.depth].join(' | ')} |`
}
