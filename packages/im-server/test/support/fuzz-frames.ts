import { gunzipSync, gzipSync } from 'node:zlib'
import {
  clientFrameCodec,
  contentTypes,
  frameCodec,
  type FrameDialect,
  type FrameRequest,
  GetConversationsHasReadAndMaxSeqReq,
  GetLastMessageReq,
  GetMaxSeqReq,
  GetSeqMessageReq,
  MsgData,
  opCodes,
  ProtocolError,
  PullMessageBySeqsReq,
  SetAppBackgroundStatusReq,
  SubUserOnlineStatus,
} from '@parlance/openim-protocol'
import { Mutator } from './mutator.ts'

/** One message to be written, and what a server has to do with it. */
export interface FuzzFrame {
  readonly data: Buffer
  readonly isBinary: boolean
  /** `answer` by a frame with this key, `text` with some text, `nothing`; or the connection ends: `close` with one of the codes. */
  readonly expects:
    | { readonly kind: 'answer'; readonly key: string; readonly endsBy?: number }
    | { readonly kind: 'text' }
    | { readonly kind: 'nothing' }
    | { readonly kind: 'close'; readonly code: number }
}

/** Names an answer: the request's own op, number and operation. */
export const answerKey = ({ op, msgIncr, operationID }: Pick<FrameRequest, 'op' | 'msgIncr' | 'operationID'>): string =>
  JSON.stringify([op, msgIncr, operationID])

const frameLimitBytes = 51_200
const undecodable = 3500
const loggedOut = 4501

/** Writes valid, odd and broken frames of one dialect, and knows by the protocol's own decoder which are which. */
export class FuzzFrames {
  readonly #mutator: Mutator
  readonly #dialect: FrameDialect
  readonly #userID: string
  readonly #peers: readonly string[]
  readonly #groupID: string
  readonly #client
  readonly #server
  #count = 0

  constructor(
    mutator: Mutator,
    dialect: FrameDialect,
    who: { readonly userID: string; readonly peers: readonly string[]; readonly groupID: string },
  ) {
    this.#mutator = mutator
    this.#dialect = dialect
    this.#userID = who.userID
    this.#peers = who.peers
    this.#groupID = who.groupID
    this.#client = clientFrameCodec(dialect)
    this.#server = frameCodec(dialect)
  }

  next(): FuzzFrame {
    const { random } = this.#mutator
    const kind = random.int(100)
    if (kind < 3) return this.#text()
    if (kind < 5) return this.#binary(this.#mutator.chance(50) ? random.bytes(random.int(300)) : this.#tooLarge())
    const request = this.#request()
    if (kind < 80) return this.#binary(this.#encode(request))
    return this.#binary(this.#broken(request))
  }

  #request(): FrameRequest {
    const { random } = this.#mutator
    const op = random.pick(Object.values(opCodes))
    const number = this.#count++
    const text = (usual: string): string => (this.#mutator.chance(2) ? this.#wildText() : usual)
    // Logging out ends the connection, so it is asked for now and then only.
    const isRare = op === opCodes.logout && !this.#mutator.chance(10)
    return {
      op: isRare ? opCodes.sendMsg : this.#mutator.chance(3) ? random.int(2 ** 32) - 2 ** 31 : op,
      token: text(''),
      sendID: text(this.#userID),
      operationID: text(`${this.#userID} op ${number}`),
      msgIncr: text(`${this.#userID}_${number}`),
      data: this.#body(isRare ? opCodes.sendMsg : op),
    }
  }

  #body(op: number): Buffer {
    const valid = this.#validBody(op)
    const { random } = this.#mutator
    const kind = random.int(10)
    if (kind < 2) return valid
    if (kind < 7) return this.#mutator.bytes(valid)
    return kind < 9 ? this.#mutator.protobuf() : random.bytes(random.int(200))
  }

  #validBody(op: number): Buffer {
    const { random } = this.#mutator
    const userID = this.#userID
    const conversationID = `si_${[userID, random.pick(this.#peers)].toSorted().join('_')}`
    switch (op) {
      case opCodes.getNewestSeq:
        return GetMaxSeqReq.encode({ userID })
      case opCodes.pullMsgByRange:
        return PullMessageBySeqsReq.encode({
          userID,
          order: random.int(3),
          seqRanges: [
            {
              conversationID,
              begin: random.int(9),
              end: random.pick([5, 2 ** 40, Number.MAX_SAFE_INTEGER]),
              num: random.int(9),
            },
          ],
        })
      case opCodes.pullMsgBySeqList:
        return GetSeqMessageReq.encode({
          userID,
          conversations: [{ conversationID, seqs: [1, 2, 0, -1, 2 ** 50, random.int(9)] }],
        })
      case opCodes.getConvMaxReadSeq:
        return GetConversationsHasReadAndMaxSeqReq.encode({ userID, conversationIDs: [conversationID, 'sg_', 'n_x'] })
      case opCodes.pullConvLastMessage:
        return GetLastMessageReq.encode({ userID, conversationIDs: [conversationID, '', 'si_'] })
      case opCodes.setBackgroundStatus:
        return SetAppBackgroundStatusReq.encode({ userID, isBackground: this.#mutator.chance(50) })
      case opCodes.subUserOnlineStatus:
        return SubUserOnlineStatus.encode({ subscribeUserID: [...this.#peers], unsubscribeUserID: ['nobody'] })
      default:
        return MsgData.encode({
          sendID: userID,
          ...(this.#mutator.chance(5)
            ? { groupID: this.#groupID, sessionType: 3 }
            : { recvID: random.pick(this.#peers), sessionType: 1 }),
          clientMsgID: `c${random.int(1_000_000)}`,
          contentType: contentTypes.text,
          content: Buffer.from('{"content":"fuzz"}'),
          createTime: 1,
          options: { history: true, unreadCount: this.#mutator.chance(50) },
          atUserIDList: ['x'],
          offlinePushInfo: { title: 't' },
        })
    }
  }

  #encode(request: FrameRequest): Buffer {
    return this.#client.encodeRequest(request).bytes
  }

  /** A frame that was valid; damaged as it is, or within its compression, or in its fields. */
  #broken(request: FrameRequest): Buffer {
    const bytes = this.#encode(request)
    const isPacked = this.#dialect.compression !== undefined
    const plain = isPacked ? gunzipSync(bytes) : bytes
    if (this.#mutator.chance(40)) return this.#mutator.bytes(bytes)
    const damaged =
      this.#dialect.sdkType === 'js' && this.#mutator.chance(70)
        ? this.#mutator.jsonText(JSON.parse(plain.toString()))
        : this.#mutator.bytes(plain)
    return isPacked ? gzipSync(damaged, { level: 1 }) : damaged
  }

  #tooLarge(): Buffer {
    const { random } = this.#mutator
    switch (random.int(3)) {
      case 0:
        return Buffer.alloc(frameLimitBytes + 1 + random.int(20_000), '{')
      case 1:
        // Inflates to four megabytes.
        return gzipSync(Buffer.alloc(4_000_000), { level: 1 })
      default:
        return Buffer.alloc(0)
    }
  }

  #text(): FuzzFrame {
    const { random } = this.#mutator
    const valid = Buffer.from(random.pick(['{"type":"ping"}', '{"type":"ping","body":{"a":[1]}}', '{"type":"pong"}']))
    const text = this.#mutator.chance(60) ? valid : this.#mutator.jsonText(JSON.parse(valid.toString()))
    // What is no UTF-8 would end at the WebSocket layer already.
    const data = Buffer.from(text.toString('utf8'))
    return this.#judged(data, false)
  }

  #binary(data: Buffer): FuzzFrame {
    return this.#judged(data, true)
  }

  #judged(data: Buffer, isBinary: boolean): FuzzFrame {
    if (data.length > frameLimitBytes) return { data, isBinary, expects: { kind: 'close', code: 1009 } }
    try {
      const decoded = this.#server.decode(data, isBinary)
      if (decoded.kind === 'control')
        return { data, isBinary, expects: decoded.reply === undefined ? { kind: 'nothing' } : { kind: 'text' } }
      const key = answerKey(decoded.message)
      const endsBy =
        decoded.message.op === opCodes.logout && decoded.message.sendID === this.#userID ? { endsBy: loggedOut } : {}
      return { data, isBinary, expects: { kind: 'answer', key, ...endsBy } }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return { data, isBinary, expects: { kind: 'close', code: undecodable } }
    }
  }

  #wildText(): string {
    const wild = this.#mutator.wild()
    return typeof wild === 'string' ? wild : JSON.stringify(wild)
  }
}
