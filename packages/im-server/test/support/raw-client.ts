import { randomUUID } from 'node:crypto'
import {
  clientFrameCodec,
  contentTypes,
  type FrameDialect,
  type FrameReply,
  GetConversationsHasReadAndMaxSeqReq,
  GetConversationsHasReadAndMaxSeqResp,
  MsgData,
  type MsgDataInput,
  opCodes,
  platformIDs,
  PullMessageBySeqsReq,
  PullMessageBySeqsResp,
  PushMessages,
  sessionTypes,
  UserSendMsgResp,
} from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { WebSocket } from 'ws'

/** Who connects, and how it writes. */
export interface RawLogin {
  readonly ws: string
  readonly userID: string
  readonly token: string
  readonly platformID?: number
  readonly dialect?: FrameDialect
}

/** A request that the server answered with an error. */
export class RefusedRequest extends Error {
  readonly errCode: number

  constructor(reply: FrameReply) {
    super(`${reply.errCode} ${reply.errMsg}`)
    this.errCode = reply.errCode
  }
}

/** A client at the level of frames: it shows everything the server wrote, in order. */
export class RawClient {
  readonly userID: string
  readonly frames: FrameReply[] = []
  readonly texts: string[] = []
  closed: { readonly code: number; readonly reason: string } | undefined
  readonly #socket: WebSocket
  readonly #codec: ReturnType<typeof clientFrameCodec>
  readonly #waiting = new Map<string, { resolve(reply: FrameReply): void; reject(error: Error): void }>()
  #sent = 0

  constructor({ ws, userID, token, platformID = platformIDs.web, dialect = { sdkType: 'js' } }: RawLogin) {
    this.userID = userID
    this.#codec = clientFrameCodec(dialect)
    const query = new URLSearchParams({
      sendID: userID,
      token,
      platformID: String(platformID),
      operationID: randomUUID(),
      isBackground: 'false',
      isMsgResp: 'true',
      sdkType: dialect.sdkType,
    })
    if (dialect.compression !== undefined) query.set('compression', dialect.compression)
    this.#socket = new WebSocket(`${ws}/?${query}`)
    this.#socket.on('message', (data: Buffer, isBinary) => this.#receive(data, isBinary))
    this.#socket.on('close', (code, reason) => this.#end(code, reason.toString()))
    this.#socket.on('error', (error) => this.#end(1006, error.message))
  }

  /** Connects and waits for the confirmation. */
  static async connect(login: RawLogin): Promise<RawClient> {
    const client = new RawClient(login)
    await until(`${login.userID} is connected`, () => {
      if (client.closed !== undefined) return true
      return client.texts.length > 0
    })
    const first = client.texts[0]
    if (first === undefined || (JSON.parse(first) as { errCode: number }).errCode !== 0)
      throw new Error(`${login.userID} was refused: ${first ?? JSON.stringify(client.closed)}`)
    return client
  }

  /** Frames that are not answers. */
  get pushed(): FrameReply[] {
    return this.frames.filter((frame) => frame.msgIncr === '')
  }

  /** Messages that were pushed, in order, with the frame's operation id. */
  get messages(): (MsgData & { readonly conversationID: string; readonly operationID: string })[] {
    return this.pushed
      .filter((frame) => frame.op === opCodes.pushMsg)
      .flatMap((frame) =>
        Object.entries(PushMessages.decode(frame.data).msgs).flatMap(([conversationID, { Msgs }]) =>
          Msgs.map((message) => ({ ...message, conversationID, operationID: frame.operationID })),
        ),
      )
  }

  /** Asks and waits for the answer; rejects when the connection ends first. */
  request(
    op: number,
    data: Uint8Array,
    { sendID = this.userID, operationID = randomUUID() as string } = {},
  ): Promise<FrameReply> {
    const msgIncr = `${this.userID}_${++this.#sent}`
    return new Promise((resolve, reject) => {
      if (this.closed !== undefined) return reject(new Error('the connection is closed'))
      this.#waiting.set(msgIncr, { resolve, reject })
      this.#socket.send(this.#codec.encodeRequest({ op, token: '', sendID, operationID, msgIncr, data }).bytes, {
        binary: true,
      })
    })
  }

  async ask(op: number, data: Uint8Array, options?: { sendID?: string; operationID?: string }): Promise<Uint8Array> {
    const reply = await this.request(op, data, options)
    if (reply.errCode !== 0) throw new RefusedRequest(reply)
    return reply.data
  }

  async send(message: MsgDataInput, operationID?: string): Promise<UserSendMsgResp> {
    return UserSendMsgResp.decode(
      await this.ask(opCodes.sendMsg, MsgData.encode(message), operationID === undefined ? {} : { operationID }),
    )
  }

  /** A text from this user. */
  text(
    text: string,
    to: { readonly recvID: string } | { readonly groupID: string },
    clientMsgID: string = randomUUID(),
  ): MsgDataInput {
    return {
      ...to,
      sendID: this.userID,
      clientMsgID,
      sessionType: 'groupID' in to ? sessionTypes.group : sessionTypes.single,
      contentType: contentTypes.text,
      content: Buffer.from(JSON.stringify({ content: text })),
      senderPlatformID: platformIDs.web,
      createTime: 1,
      status: 1,
    }
  }

  /** Every message of a conversation from `begin` on. */
  async pullAll(conversationID: string, begin = 1): Promise<MsgData[]> {
    const pulled: MsgData[] = []
    for (;;) {
      const next = begin + pulled.length
      const request = {
        userID: this.userID,
        seqRanges: [{ conversationID, begin: next, end: Number.MAX_SAFE_INTEGER, num: 0 }],
        order: 0,
      }
      const { msgs } = PullMessageBySeqsResp.decode(
        await this.ask(opCodes.pullMsgByRange, PullMessageBySeqsReq.encode(request)),
      )
      const page = msgs[conversationID]?.Msgs ?? []
      if (page.length === 0) return pulled
      pulled.push(...page)
    }
  }

  /** Numbers of the user's conversations. */
  async seqs(
    conversationIDs: string[] = [],
  ): Promise<Record<string, { maxSeq: number; hasReadSeq: number; maxSeqTime: number }>> {
    const request = GetConversationsHasReadAndMaxSeqReq.encode({ userID: this.userID, conversationIDs })
    return GetConversationsHasReadAndMaxSeqResp.decode(await this.ask(opCodes.getConvMaxReadSeq, request)).seqs
  }

  /** Writes bytes as they are. */
  raw(data: Buffer | string): void {
    this.#socket.send(data, { binary: typeof data !== 'string' })
  }

  close(): void {
    this.#socket.close()
  }

  /** Cuts the connection without a word. */
  terminate(): void {
    this.#socket.terminate()
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (!isBinary) {
      this.texts.push(data.toString())
      return
    }
    const frame = this.#codec.decodeReply(data)
    this.frames.push(frame)
    const waiting = this.#waiting.get(frame.msgIncr)
    this.#waiting.delete(frame.msgIncr)
    waiting?.resolve(frame)
  }

  #end(code: number, reason: string): void {
    this.closed ??= { code, reason }
    for (const waiting of this.#waiting.values()) waiting.reject(new Error(`the connection ended: ${code} ${reason}`))
    this.#waiting.clear()
  }
}
