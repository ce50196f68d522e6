import {
  errorCodes,
  type FrameDialect,
  groupConversationID,
  opCodes,
  PullMessageBySeqsReq,
  GetSeqMessageReq,
  GetSeqMessageResp,
  SubUserOnlineStatus,
  SubUserOnlineStatusTips,
  singleConversationID,
} from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectUser, refusalOf } from './support/connect-user.ts'
import { RawClient } from './support/raw-client.ts'
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
  const connect = (dialect?: FrameDialect, userID?: string): Promise<RawClient> =>
    connectUser(server, { ...(dialect === undefined ? {} : { dialect }), ...(userID === undefined ? {} : { userID }) })

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
    expect(await refusalOf(client.ask(9999, new Uint8Array()))).toBe(errorCodes.ArgsError)
    expect(await client.seqs()).toEqual({})
    client.close()
  })

  it('a frame with the sendID of somebody else is refused', async () => {
    const client = await connect()
    const work = client.ask(opCodes.getConvMaxReadSeq, new Uint8Array(), { sendID: 'somebody' })
    expect(await refusalOf(work)).toBe(errorCodes.NoPermissionError)
    client.close()
  })

  it('a message with the sendID of somebody else is refused (reference §11.3)', async () => {
    const [ada, bob] = await Promise.all([connect(), connect()])
    expect(await refusalOf(ada.send({ ...ada.text('forged', { recvID: bob.userID }), sendID: bob.userID }))).toBe(
      errorCodes.NoPermissionError,
    )
    expect(bob.messages).toEqual([])
    for (const client of [ada, bob]) client.close()
  })

  it('a body that is not protobuf is refused with 1001, and the connection goes on', async () => {
    const client = await connect()
    for (const op of [1001, 1002, 1003, 1005, 1006, 1007, 2004, 2005])
      expect(await refusalOf(client.ask(op, Buffer.from([0xff, 0xff, 0xff]))), String(op)).toBe(errorCodes.ArgsError)
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
    expect(await refusalOf(client.send({ ...client.text('x', { recvID: client.userID }), ...change }))).toBe(code)
    client.close()
  })

  it('a message to a group by somebody who is not a member is refused', async () => {
    const [owner, member, outsider] = await Promise.all([connect(), connect(), connect()])
    const groupID = await server.admin.createGroup(owner.userID, [member.userID])
    expect(await refusalOf(outsider.send(outsider.text('let me in', { groupID })))).toBe(errorCodes.NotInGroupYetError)
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
      expect(await refusalOf(eve.ask(op, forOther)), String(op)).toBe(errorCodes.NoPermissionError)
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
})
