import type { FrameDialect, FrameReply } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { newMember } from '../src/domain/new-member.ts'
import { ApiClient } from './support/api-client.ts'
import { RawClient } from './support/raw-client.ts'
import { report } from './support/report.ts'
import { StoreMeter, type StoreWork } from './support/store-work.ts'
import { startServer, type TestServer } from './support/test-server.ts'

/** The codec of every frame that was encoded to be pushed. */
const encoded = vi.hoisted((): string[] => [])
vi.mock('@parlance/openim-protocol', async (original) => {
  const actual = await original<typeof import('@parlance/openim-protocol')>()
  const frameCodec = (dialect: FrameDialect) => {
    const codec = actual.frameCodec(dialect)
    const encode = (reply: FrameReply) => {
      if (reply.op === actual.opCodes.pushMsg) encoded.push(codec.name)
      return codec.encode(reply)
    }
    return { ...codec, encode }
  }
  return { ...actual, frameCodec }
})

const sizes = [10, 1_000, 10_000] as const
type Size = (typeof sizes)[number]

/** How many statements or rows more a large group may take: a page of the log or of a list may be crossed meanwhile. */
const slackCount = 12
const slackBytes = 6_000

const groupOf = (size: Size): string => `of${size}`
const userOf = (at: number): string => `user${String(at).padStart(5, '0')}`

/** Every operation is done once before it is counted: what is cached then is what a server that runs holds. */
describe('a group of 10 000 costs what a group of 10 costs', () => {
  let meter: StoreMeter
  let server: TestServer
  let owner: RawClient
  let reader: RawClient
  let api: ApiClient
  let joiners = 0
  const table = new Map<string, Map<Size, StoreWork>>()

  beforeAll(async () => {
    meter = new StoreMeter()
    server = await startServer()
    const { repositories } = server.im
    const users = Array.from({ length: 10_000 }, (_, at) => ({
      userID: userOf(at),
      nickname: `name ${at}`,
      faceURL: '',
      ex: '',
      appMangerLevel: 0,
      globalRecvMsgOpt: 0,
      createTime: new Date(1_000),
    }))
    await repositories.users.putMany(users)
    for (const size of sizes) {
      await server.admin.must('/group/create_group', {
        ownerUserID: userOf(0),
        memberUserIDs: [userOf(1)],
        adminUserIDs: [],
        groupInfo: { groupID: groupOf(size), groupName: 'g', groupType: 2, needVerification: 2 },
      })
      const rows = Array.from({ length: size - 2 }, (_, at) =>
        newMember({
          groupID: groupOf(size),
          userID: userOf(at + 2),
          roleLevel: 20,
          joinTime: new Date(2_000 + at),
          joinSource: 2,
          inviterUserID: userOf(0),
          operatorUserID: userOf(0),
        }),
      )
      await repositories.groupMembers.putMany(rows)
    }
    ;[owner, reader] = (await Promise.all(
      [0, 1].map(async (at) =>
        RawClient.connect({ ws: server.ws, userID: userOf(at), token: await server.admin.userToken(userOf(at), 5) }),
      ),
    )) as [RawClient, RawClient]
    api = new ApiClient(server.api, await server.admin.userToken(userOf(0), 8))
  }, 120_000)

  afterAll(async () => {
    const lines = [...table].map(([operation, works]) => {
      const cells = [...works].map(
        ([size, work]) => `${size}: ${work.statements} / ${work.rowsRead} / ${work.rowsWritten} / ${work.bytes}`,
      )
      return `  ${operation}: ${cells.join(' | ')}`
    })
    report(`large groups, members: statements / rows read / rows written / bytes\n${lines.join('\n')}`)
    for (const client of [owner, reader]) client.close()
    await server.stop()
    meter.end()
  })

  const joiner = async (): Promise<ApiClient> => {
    const userID = `joiner${joiners++}`
    await server.admin.register(userID)
    return new ApiClient(server.api, await server.admin.userToken(userID, 5))
  }
  /** Sends a text and waits until a member was pushed it. */
  const say = async (size: Size, text: string): Promise<void> => {
    await owner.send(owner.text(text, { groupID: groupOf(size) }))
    await arrived(text)
  }
  const arrived = (text: string): Promise<unknown> =>
    until(`${text} arrives`, () => reader.messages.some(({ content }) => Buffer.from(content).includes(`"${text}"`)))
  const sayToAll = async (clients: readonly RawClient[], text: string): Promise<void> => {
    await say(10_000, text)
    const has = ({ messages }: RawClient): boolean =>
      messages.some(({ content }) => Buffer.from(content).includes(`"${text}"`))
    await until(`everybody has ${text}`, () => clients.every(has))
  }
  const version = (size: Size) =>
    server.im.repositories.groupMembers.changesOfGroup({ groupID: groupOf(size) }).position()
  const join = async (size: Size, client: ApiClient): Promise<void> => {
    const before = reader.messages.length
    await client.must('/group/join_group', { groupID: groupOf(size), reqMessage: '', joinSource: 3, ex: '' })
    await until('the members are told', () => reader.messages.length > before)
  }

  type Run = (size: Size, round: number) => Promise<void | (() => Promise<unknown>)>
  /** Prepared outside, counted inside what they return. */
  const operations: Readonly<Record<string, Run>> = {
    'join, and the members are told': async (size) => {
      const client = await joiner()
      return () => join(size, client)
    },
    'a message after a join': async (size, round) => {
      await join(size, await joiner())
      return () => say(size, `after ${size} ${round}`)
    },
    'a message': async (size, round) => () => say(size, `message ${size} ${round}`),
    'first page of members after a join': async (size) => {
      await join(size, await joiner())
      return () => memberPage(size, 1)
    },
    'a page in the middle': async (size) => () => memberPage(size, Math.max(1, size / 20)),
    'members since the last join': async (size) => {
      const { epoch, version: known } = await version(size)
      await join(size, await joiner())
      return async () => {
        const { data } = await api.must<{ insert: unknown[]; full: boolean }>('/group/get_incremental_group_members', {
          groupID: groupOf(size),
          versionID: epoch,
          version: known,
        })
        expect([data.full, data.insert.length]).toEqual([false, 1])
      }
    },
    "a group's new name": async (size, round) => async () =>
      server.im.repositories.groups.patch({ groupID: groupOf(size) }, { groupName: `name ${round}` }),
    "a member's new name, in the list of members": async (size, round) => {
      const userID = `joiner${joiners}`
      await join(size, await joiner())
      return async () => {
        await server.im.repositories.users.patch({ userID }, { nickname: `name ${round}` })
        await server.im.repositories.whenSpread()
      }
    },
    "the group's card": async (size) => () => api.must('/group/get_groups_info', { groupIDs: [groupOf(size)] }),
  }
  const memberPage = (size: Size, pageNumber: number): Promise<unknown> =>
    api.must('/group/get_group_member_list', {
      groupID: groupOf(size),
      filter: 0,
      keyword: '',
      pagination: { pageNumber, showNumber: 10 },
    })

  it.each(Object.entries(operations))('%s', async (operation, prepare) => {
    const works = new Map<Size, StoreWork>()
    for (const size of sizes)
      for (const round of [0, 1]) {
        const run = await prepare(size, round)
        await server.im.repositories.whenSpread()
        meter.take()
        await run?.()
        works.set(size, meter.take())
      }
    table.set(operation, works)
    const small = works.get(10)!
    for (const size of sizes) {
      const { statements, rowsRead, rowsWritten, bytes } = works.get(size)!
      expect(statements - small.statements, `statements for ${size}`).toBeLessThanOrEqual(slackCount)
      expect(rowsRead - small.rowsRead, `rows read for ${size}`).toBeLessThanOrEqual(slackCount)
      expect(rowsWritten - small.rowsWritten, `rows written for ${size}`).toBeLessThanOrEqual(slackCount)
      expect(bytes - small.bytes, `bytes for ${size}`).toBeLessThanOrEqual(slackBytes)
    }
  })

  it('what a new name of a group spreads grows with its members, by batches behind the write', async () => {
    const works = new Map<Size, StoreWork>()
    for (const size of sizes) {
      await server.im.repositories.groups.patch({ groupID: groupOf(size) }, { introduction: 'spread' })
      meter.take()
      await server.im.repositories.whenSpread()
      works.set(size, meter.take())
      const total = await server.im.repositories.groupMembers.countOfGroup({ groupID: groupOf(size) })
      expect(works.get(size)!.rowsWritten / total).toBeLessThan(5)
    }
    table.set("(behind a group's new name, once)", works)
  })

  it('a message is one stored entry, and one frame per codec however many it is for', async () => {
    const heads = async () => (await server.im.repositories.messages.heads([`group/${groupOf(10_000)}`]))[0]!.head
    const more = await Promise.all(
      Array.from({ length: 40 }, async (_, at) =>
        RawClient.connect({
          ws: server.ws,
          userID: userOf(at + 2),
          token: await server.admin.userToken(userOf(at + 2), 5),
          dialect: { sdkType: at % 2 === 0 ? 'js' : 'go' },
        }),
      ),
    )
    // What is pushed while a session is new waits for it alone: from then on it is one of many.
    await sayToAll(more, 'to the new ones')
    const before = await heads()
    encoded.length = 0
    await sayToAll(more, 'to everybody')
    expect((await heads()) - before).toBe(1)
    // One for each codec, and the sender's own copy, which travels alone.
    expect(encoded.toSorted()).toEqual(['gob', 'json', 'json'])
    report(`a message to 10 000 members, 42 connected with 2 codecs: 1 entry stored, ${encoded.length} frames encoded`)
    for (const client of more) client.close()
  })
})
