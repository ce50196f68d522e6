import { randomUUID } from 'node:crypto'
import {
  errorCodes,
  type FrameDialect,
  groupConversationID,
  opCodes,
  notificationTips,
  PullMessageBySeqsReq,
  PullMessageBySeqsResp,
  PushMessages,
  GetSeqMessageReq,
  singleConversationID,
} from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectUser, refusalOf } from './support/connect-user.ts'
import { RawClient } from './support/raw-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

describe('delivery', () => {
  let server: TestServer
  const connect = (dialect?: FrameDialect, userID?: string): Promise<RawClient> =>
    connectUser(server, { ...(dialect === undefined ? {} : { dialect }), ...(userID === undefined ? {} : { userID }) })

  beforeAll(async () => {
    server = await startServer()
  })

  afterAll(() => server.stop())

  it('the same clientMsgID twice is stored once and answered alike, also after a restart (reference §11.10)', async () => {
    const own = await startServer()
    await own.admin.register('ada', 'bob')
    const open = async (at: TestServer, userID: string): Promise<RawClient> =>
      RawClient.connect({ ws: at.ws, userID, token: await at.admin.userToken(userID, 5) })
    const ada = await open(own, 'ada')
    const message = ada.text('once', { recvID: 'bob' }, 'the-same')
    const first = await ada.send(message)
    const [second, third] = await Promise.all([ada.send(message), ada.send(message)])
    expect([second, third]).toEqual([first, first])
    const restarted = await own.restart()
    const again = await open(restarted, 'ada')
    expect(await again.send(message)).toEqual(first)
    expect(await again.pullAll(singleConversationID('ada', 'bob'))).toHaveLength(1)
    again.close()
    await restarted.stop()
  })

  it('what is sent right after the confirmation of a login is pushed to that login, 100 of 100 (reference §11.2)', async () => {
    const sender = await connect()
    const missed: string[] = []
    // Clients that ask nothing get their first pushes late, so ten of them log in at a time.
    const rounds = Array.from({ length: 10 }, async (_, index) => {
      const userID = `late${index}`
      await server.admin.register(userID)
      const token = await server.admin.userToken(userID, 5)
      for (let round = 0; round < 10; round++) {
        const client = await RawClient.connect({ ws: server.ws, userID, token })
        await sender.send(sender.text(`round ${round}`, { recvID: userID }))
        await until('the message is pushed', () => client.messages.length > 0, 10_000).catch(() =>
          missed.push(`${userID}, round ${round}`),
        )
        client.terminate()
      }
    })
    await Promise.all(rounds)
    expect(missed).toEqual([])
    sender.close()
  })

  it('the kick frame arrives before the socket closes, 100 of 100 (reference §11.6)', async () => {
    const userID = 'the-kicked'
    await server.admin.register(userID)
    let previous = await RawClient.connect({ ws: server.ws, userID, token: await server.admin.userToken(userID, 5) })
    for (let round = 0; round < 100; round++) {
      const token = await server.admin.userToken(userID, 5)
      await until('the older session is closed', () => previous.closed)
      expect(
        previous.frames.map(({ op }) => op),
        `round ${round}`,
      ).toEqual([opCodes.kickOnlineMsg])
      previous = await RawClient.connect({ ws: server.ws, userID, token })
    }
    previous.close()
  })

  it('the answer to a logout arrives before the socket closes, 100 of 100 (reference §11.6)', async () => {
    for (let round = 0; round < 100; round++) {
      const client = await connect({ sdkType: round % 2 === 0 ? 'go' : 'js' }, `leaver${round % 10}`)
      expect((await client.request(opCodes.logout, new Uint8Array())).errCode).toBe(0)
      await until('it is closed', () => client.closed)
    }
  })

  it('a sender gets its answer before its own copy, which travels alone under its operationID (reference §11.12)', async () => {
    const [ada, bob] = await Promise.all([connect(), connect()])
    const operationIDs = Array.from({ length: 200 }, () => randomUUID() as string)
    await Promise.all(
      operationIDs.map((operationID, index) => ada.send(ada.text(`m${index}`, { recvID: bob.userID }), operationID)),
    )
    await until('every copy has come', () => ada.messages.length === operationIDs.length)
    const wrong = operationIDs.filter((operationID) => {
      const answer = ada.frames.findIndex((frame) => frame.op === opCodes.sendMsg && frame.operationID === operationID)
      const copy = ada.frames.findIndex((frame) => frame.op === opCodes.pushMsg && frame.operationID === operationID)
      return !(answer >= 0 && copy > answer)
    })
    expect(wrong).toEqual([])
    await until('the receiver has everything', () => bob.messages.length === operationIDs.length)
    expect(bob.messages.map(({ seq }) => seq)).toEqual(operationIDs.map((_, index) => index + 1))
    for (const client of [ada, bob]) client.close()
  })

  it('a group of a thousand is created at once, and its notification stays small', async () => {
    const members = Array.from({ length: 1000 }, (_, index) => `thousand${index}`)
    await server.admin.register(...members)
    const owner = await connect(undefined, members[0]!)
    const groupID = await server.admin.createGroup(members[0]!, members.slice(1))
    const [created] = await owner.pullAll(groupConversationID(groupID))
    const { memberList, group } = notificationTips(created!.content) as {
      memberList: unknown[]
      group: { memberCount: number }
    }
    expect([memberList.length, group.memberCount]).toEqual([50, 1000])
    owner.close()
  })

  it('a pull that is cut at its bound says that it is not at the end, and the next one goes on', async () => {
    const [ada, bob] = await Promise.all([connect(), connect()])
    const count = 1100
    await Promise.all(
      Array.from({ length: count }, (_, index) => ada.send(ada.text(`${index}`, { recvID: bob.userID }))),
    )
    const conversationID = singleConversationID(ada.userID, bob.userID)
    const pull = async (begin: number) => {
      const request = { userID: bob.userID, seqRanges: [{ conversationID, begin, end: count, num: 0 }], order: 0 }
      const answer = await bob.ask(opCodes.pullMsgByRange, PullMessageBySeqsReq.encode(request))
      return PullMessageBySeqsResp.decode(answer).msgs[conversationID]!
    }
    const first = await pull(1)
    expect([first.Msgs.length, first.isEnd]).toEqual([500, false])
    const last = await pull(1001)
    expect([last.Msgs.length, last.isEnd]).toEqual([100, true])
    expect((await bob.pullAll(conversationID)).length).toBe(count)
    for (const client of [ada, bob]) client.close()
  })

  it('a receiver that wants no messages: the sender is told, and it acts at once (reference §11.5)', async () => {
    const [ada, bob] = await Promise.all([connect(), connect()])
    await ada.send(ada.text('before', { recvID: bob.userID }))
    const setting = (globalRecvMsgOpt: number) =>
      server.admin.must('/user/update_user_info_ex', { userInfo: { userID: bob.userID, globalRecvMsgOpt } })
    await setting(1)
    expect(await refusalOf(ada.send(ada.text('unwanted', { recvID: bob.userID })))).toBe(errorCodes.ArgsError)
    await setting(0)
    await ada.send(ada.text('after', { recvID: bob.userID }))
    expect(await bob.pullAll(singleConversationID(ada.userID, bob.userID))).toHaveLength(2)
    for (const client of [ada, bob]) client.close()
  })

  it('pages of a member list have one order, and together hold everybody once (reference §11.7)', async () => {
    const userIDs = Array.from({ length: 25 }, (_, index) => `paged${index}`)
    await server.admin.register(...userIDs)
    const groupID = await server.admin.createGroup(userIDs[0]!, userIDs.slice(1))
    const page = async (pageNumber: number): Promise<string[]> => {
      const body = { groupID, filter: 0, keyword: '', pagination: { pageNumber, showNumber: 10 } }
      const { data } = await server.admin.must<{ members: { userID: string }[] }>('/group/get_group_member_list', body)
      return data.members.map(({ userID }) => userID)
    }
    const once = [...(await page(1)), ...(await page(2)), ...(await page(3))]
    const again = [...(await page(1)), ...(await page(2)), ...(await page(3))]
    expect(again).toEqual(once)
    expect(new Set(once)).toEqual(new Set(userIDs))
    expect(once).toHaveLength(userIDs.length)
  })

  it('ranges of one conversation are answered together, and what was read once is not read for ever', async () => {
    const [ada, bob] = await Promise.all([connect(), connect()])
    for (let index = 0; index < 12; index++) await ada.send(ada.text(`${index}`, { recvID: bob.userID }))
    const conversationID = singleConversationID(ada.userID, bob.userID)
    const pull = async (seqRanges: { begin: number; end: number }[]) => {
      const ranges = seqRanges.map((range) => ({ conversationID, num: 0, ...range }))
      const request = PullMessageBySeqsReq.encode({ userID: bob.userID, seqRanges: ranges, order: 0 })
      return PullMessageBySeqsResp.decode(await bob.ask(opCodes.pullMsgByRange, request)).msgs[conversationID]!
    }
    const apart = await pull([
      { begin: 1, end: 3 },
      { begin: 10, end: 12 },
    ])
    expect(apart.Msgs.map(({ seq }) => seq)).toEqual([1, 2, 3, 10, 11, 12])
    const often = await pull(Array.from({ length: 500 }, () => ({ begin: 1, end: 12 })))
    expect(often.Msgs.map(({ seq }) => seq)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1))
    for (const client of [ada, bob]) client.close()
  })

  it('the answer to a pull that found nothing is not empty: the JS SDK would take it for none', async () => {
    const client = await connect()
    const answers = await Promise.all([
      client.ask(opCodes.pullMsgByRange, PullMessageBySeqsReq.encode({ userID: client.userID })),
      client.ask(opCodes.pullMsgBySeqList, GetSeqMessageReq.encode({ userID: client.userID })),
    ])
    for (const answer of answers) {
      expect(answer.length).toBeGreaterThan(0)
      expect(PullMessageBySeqsResp.decode(answer)).toEqual({ msgs: {}, notificationMsgs: {} })
    }
    client.close()
  })

  it('nobody who logs in while messages come is told one twice: what the numbers say is not pushed as well', async () => {
    const [ada, cyd] = await Promise.all([connect(), connect()])
    const userID = 'the-watcher'
    await server.admin.register(userID)
    const token = await server.admin.userToken(userID, 5)
    let isOver = false
    const senders = [ada, cyd].flatMap((sender) =>
      Array.from({ length: 16 }, async () => {
        while (!isOver) await sender.send(sender.text('again', { recvID: userID }))
      }),
    )
    const twice: string[] = []
    for (let round = 0; round < 40; round++) {
      const client = await RawClient.connect({ ws: server.ws, userID, token })
      const told = await client.seqs()
      const answerAt = client.frames.findIndex(({ op }) => op === opCodes.getConvMaxReadSeq)
      await until('something is pushed behind the answer', () => client.frames.length > answerAt + 3)
      const behind = client.frames.slice(answerAt + 1).filter(({ op }) => op === opCodes.pushMsg)
      for (const frame of behind)
        for (const [conversationID, { Msgs }] of Object.entries(PushMessages.decode(frame.data).msgs))
          for (const { seq } of Msgs)
            if (seq <= (told[conversationID]?.maxSeq ?? 0)) twice.push(`round ${round}: ${conversationID} ${seq}`)
      client.terminate()
    }
    isOver = true
    await Promise.all(senders)
    expect(twice).toEqual([])
    for (const client of [ada, cyd]) client.close()
  })

  it('a burst into one group is stored and pushed whole (reference §11.1)', async () => {
    const members = await Promise.all(Array.from({ length: 5 }, () => connect()))
    const groupID = await server.admin.createGroup(
      members[0]!.userID,
      members.slice(1).map(({ userID }) => userID),
    )
    const count = 300
    await Promise.all(
      members.flatMap((client) =>
        Array.from({ length: count / members.length }, (_, index) =>
          client.send(client.text(`${client.userID} ${index}`, { groupID })),
        ),
      ),
    )
    const stored = await members[0]!.pullAll(groupConversationID(groupID))
    expect(stored.map(({ seq }) => seq)).toEqual(Array.from({ length: count + 1 }, (_, index) => index + 1))
    for (const member of members) {
      await until('every member got everything', () => member.messages.length === count + 1)
      expect(member.messages.map(({ seq }) => seq)).toEqual(stored.map(({ seq }) => seq))
      member.close()
    }
  })
})
