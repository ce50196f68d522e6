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
  GetSeqMessageResp,
  SubUserOnlineStatus,
  SubUserOnlineStatusTips,
  singleConversationID,
} from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RawClient, RefusedRequest } from './support/raw-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

const dialects: readonly FrameDialect[] = [
  { sdkType: 'js' },
  { sdkType: 'js', compression: 'gzip' },
  { sdkType: 'go' },
  { sdkType: 'go', compression: 'gzip' },
]
const nameOf = ({ sdkType, compression }: FrameDialect): string =>
  `${sdkType}${compression === undefined ? '' : '+gzip'}`

describe('the wire', () => {
  let server: TestServer
  let users = 0

  /** A registered user, connected. */
  const connect = async (
    dialect: FrameDialect = { sdkType: 'js' },
    userID = `user${users++}`,
    platformID = 5,
  ): Promise<RawClient> => {
    const { errCode } = await server.admin.call('/user/user_register', {
      users: [{ userID, nickname: userID, faceURL: '' }],
    })
    expect([0, errorCodes.RegisteredAlreadyError]).toContain(errCode)
    return RawClient.connect({
      ws: server.ws,
      userID,
      token: await server.admin.userToken(userID, platformID),
      platformID,
      dialect,
    })
  }

  const refusal = async (work: Promise<unknown>): Promise<number> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(RefusedRequest)
    return (error as RefusedRequest).errCode
  }

  beforeAll(async () => {
    server = await startServer()
  })

  afterAll(() => server.stop())

  describe.each(dialects.map((dialect) => [nameOf(dialect), dialect] as const))('over %s frames', (_name, dialect) => {
    it('single chat, group chat, pulls, read marks and presence', async () => {
      const [ada, bob, cyd] = await Promise.all([connect(dialect), connect(dialect), connect(dialect)])
      const sent = await ada.send(ada.text('hello', { recvID: bob.userID }))
      const received = await until('bob gets it', () => bob.messages[0])
      expect(received).toMatchObject({
        sendID: ada.userID,
        serverMsgID: sent.serverMsgID,
        sendTime: sent.sendTime,
        seq: 1,
        status: 2,
        conversationID: singleConversationID(ada.userID, bob.userID),
      })
      expect(JSON.parse(received.content.toString())).toEqual({ content: 'hello' })

      const groupID = await server.admin.createGroup(ada.userID, [bob.userID, cyd.userID])
      await bob.send(bob.text('to all', { groupID }))
      const inGroup = groupConversationID(groupID)
      for (const member of [ada, cyd])
        await until('every member gets it', () =>
          member.messages.find(({ conversationID, contentType }) => conversationID === inGroup && contentType === 101),
        )
      expect((await cyd.pullAll(inGroup)).map(({ seq, contentType }) => [seq, contentType])).toEqual([
        [1, 1501],
        [2, 101],
      ])

      expect((await bob.seqs())[inGroup]).toMatchObject({ maxSeq: 2, hasReadSeq: 2 })
      expect((await ada.seqs())[inGroup]).toMatchObject({ maxSeq: 2, hasReadSeq: 0 })

      const watched = SubUserOnlineStatusTips.decode(
        await ada.ask(
          opCodes.subUserOnlineStatus,
          SubUserOnlineStatus.encode({ subscribeUserID: [bob.userID, 'nobody'] }),
        ),
      )
      expect(watched.subscribers).toEqual([
        { userID: bob.userID, onlinePlatformIDs: [5] },
        { userID: 'nobody', onlinePlatformIDs: [] },
      ])
      bob.close()
      const change = await until('ada is told that bob left', () =>
        ada.pushed.find(({ op }) => op === opCodes.subUserOnlineStatus),
      )
      expect(SubUserOnlineStatusTips.decode(change.data).subscribers).toEqual([
        { userID: bob.userID, onlinePlatformIDs: [] },
      ])
      for (const client of [ada, cyd]) client.close()
    })

    it('what is not a frame is answered with 1001, then the connection is closed', async () => {
      for (const garbage of [Buffer.from('{"reqIdentifier":'), Buffer.from([0xff, 0xff, 1, 2, 3]), Buffer.alloc(0)]) {
        const client = await connect(dialect)
        client.raw(garbage)
        const { code } = await until('it is closed', () => client.closed)
        expect(code).toBe(3500)
        expect(client.frames.map(({ op, errCode }) => [op, errCode])).toEqual([[3001, errorCodes.ArgsError]])
      }
    })
  })

  it('a frame above the limit ends the connection with 1009', async () => {
    const client = await connect()
    client.raw(Buffer.alloc(60_000, 0x20))
    expect(await until('it is closed', () => client.closed)).toMatchObject({ code: 1009 })
  })

  it('an unknown operation is answered with an error, and the connection goes on', async () => {
    const client = await connect()
    expect(await refusal(client.ask(9999, new Uint8Array()))).toBe(errorCodes.ArgsError)
    expect(await client.seqs()).toEqual({})
    client.close()
  })

  it('a frame with the sendID of somebody else is refused', async () => {
    const client = await connect()
    const work = client.ask(opCodes.getConvMaxReadSeq, new Uint8Array(), { sendID: 'somebody' })
    expect(await refusal(work)).toBe(errorCodes.NoPermissionError)
    client.close()
  })

  it('a message with the sendID of somebody else is refused (reference §11.3)', async () => {
    const [ada, bob] = await Promise.all([connect(), connect()])
    expect(await refusal(ada.send({ ...ada.text('forged', { recvID: bob.userID }), sendID: bob.userID }))).toBe(
      errorCodes.NoPermissionError,
    )
    expect(bob.messages).toEqual([])
    for (const client of [ada, bob]) client.close()
  })

  it('a body that is not protobuf is refused with 1001, and the connection goes on', async () => {
    const client = await connect()
    for (const op of [1001, 1002, 1003, 1005, 1006, 1007, 2004, 2005])
      expect(await refusal(client.ask(op, Buffer.from([0xff, 0xff, 0xff]))), String(op)).toBe(errorCodes.ArgsError)
    expect(await client.seqs()).toEqual({})
    client.close()
  })

  it.each([
    ['no clientMsgID', { clientMsgID: '' }, errorCodes.ArgsError],
    ['no content', { content: new Uint8Array() }, errorCodes.ArgsError],
    ['no receiver', { recvID: '' }, errorCodes.ArgsError],
    ['a receiver nobody registered', { recvID: 'ghost' }, errorCodes.UserIDNotFoundError],
    ['a group that does not exist', { sessionType: 3, groupID: 'ghost', recvID: '' }, errorCodes.GroupIDNotFoundError],
    ['an unknown session type', { sessionType: 7 }, errorCodes.ArgsError],
    ['a notification type', { contentType: 1501 }, errorCodes.ArgsError],
    ['a nickname beyond all bounds', { senderNickname: 'x'.repeat(10_000) }, errorCodes.TooLargeError],
  ])('a message with %s is refused', async (_what, change, code) => {
    const client = await connect()
    expect(await refusal(client.send({ ...client.text('x', { recvID: client.userID }), ...change }))).toBe(code)
    client.close()
  })

  it('a message to a group by somebody who is not a member is refused', async () => {
    const [owner, member, outsider] = await Promise.all([connect(), connect(), connect()])
    const groupID = await server.admin.createGroup(owner.userID, [member.userID])
    expect(await refusal(outsider.send(outsider.text('let me in', { groupID })))).toBe(errorCodes.NotInGroupYetError)
    for (const client of [owner, member, outsider]) client.close()
  })

  it('messages and numbers of others are not shown (reference §0.12, §11.3)', async () => {
    const [ada, bob, eve] = await Promise.all([connect(), connect(), connect()])
    await ada.send(ada.text('secret', { recvID: bob.userID }))
    const groupID = await server.admin.createGroup(ada.userID, [bob.userID])
    const single = singleConversationID(ada.userID, bob.userID)
    for (const conversationID of [single, groupConversationID(groupID), `n_${single.slice(3)}`, `n_${groupID}`]) {
      expect(await eve.pullAll(conversationID)).toEqual([])
      const asked = GetSeqMessageReq.encode({ userID: eve.userID, conversations: [{ conversationID, seqs: [1] }] })
      const { msgs, notificationMsgs } = GetSeqMessageResp.decode(await eve.ask(opCodes.pullMsgBySeqList, asked))
      expect({ ...msgs, ...notificationMsgs }[conversationID]!.Msgs).toEqual([])
    }
    expect(await eve.seqs([single, groupConversationID(groupID)])).toEqual({})
    for (const op of [
      opCodes.getNewestSeq,
      opCodes.pullMsgByRange,
      opCodes.pullMsgBySeqList,
      opCodes.getConvMaxReadSeq,
      opCodes.pullConvLastMessage,
    ]) {
      const forOther = PullMessageBySeqsReq.encode({ userID: ada.userID })
      expect(await refusal(eve.ask(op, forOther)), String(op)).toBe(errorCodes.NoPermissionError)
    }
    for (const client of [ada, bob, eve]) client.close()
  })

  it('two pairs of users that share a conversation id do not share messages', async () => {
    const [a, bc, ab, c] = await Promise.all([
      connect(undefined, 'pa'),
      connect(undefined, 'pb_pc'),
      connect(undefined, 'pa_pb'),
      connect(undefined, 'pc'),
    ])
    expect(singleConversationID('pa', 'pb_pc')).toBe(singleConversationID('pa_pb', 'pc'))
    await a.send(a.text('for pb_pc', { recvID: 'pb_pc' }))
    await ab.send(ab.text('for pc', { recvID: 'pc' }))
    const texts = async (client: RawClient): Promise<string[]> =>
      (await client.pullAll(singleConversationID('pa', 'pb_pc'))).map(
        ({ content }) => (JSON.parse(content.toString()) as { content: string }).content,
      )
    expect(await Promise.all([a, bc, ab, c].map(texts))).toEqual([['for pb_pc'], ['for pb_pc'], ['for pc'], ['for pc']])
    for (const client of [a, bc, ab, c]) client.close()
  })

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
    const userID = `late${users++}`
    await server.admin.register(userID)
    const token = await server.admin.userToken(userID, 5)
    const missed: number[] = []
    for (let round = 0; round < 100; round++) {
      const client = await RawClient.connect({ ws: server.ws, userID, token })
      await sender.send(sender.text(`round ${round}`, { recvID: userID }))
      await until(`the message of round ${round} is pushed`, () => client.messages.length > 0, 5_000).catch(() =>
        missed.push(round),
      )
      client.terminate()
    }
    expect(missed).toEqual([])
    sender.close()
  })

  it('the kick frame arrives before the socket closes, 100 of 100 (reference §11.6)', async () => {
    const userID = `kicked${users++}`
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
    expect(await refusal(ada.send(ada.text('unwanted', { recvID: bob.userID })))).toBe(errorCodes.ArgsError)
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
    const userID = `watcher${users++}`
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
