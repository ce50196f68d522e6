import { randomUUID } from 'node:crypto'
import { on } from 'node:events'
import {
  clientFrameCodec,
  contentTypes,
  MsgData,
  opCodes,
  platformIDs,
  sessionTypes,
  UserSendMsgResp,
} from '@parlance/openim-protocol'
import { WebSocket } from 'ws'

/** A client on the level of frames. Applications use one of OpenIM's SDKs instead. */
export class Client {
  readonly #socket: WebSocket
  readonly #messages: AsyncIterator<[Buffer, boolean]>
  readonly #codec = clientFrameCodec({ sdkType: 'js' })

  constructor(
    url: string,
    readonly userID: string,
    token: string,
  ) {
    const query = { sendID: userID, token, platformID: String(platformIDs.web), operationID: randomUUID() }
    const choices = { isBackground: 'false', isMsgResp: 'true', sdkType: 'js' }
    this.#socket = new WebSocket(`${url}/?${new URLSearchParams({ ...query, ...choices }).toString()}`)
    this.#messages = on(this.#socket, 'message') as AsyncIterableIterator<[Buffer, boolean]>
  }

  /** The first message is a text: welcome, or why not. */
  async connected(): Promise<void> {
    const { value } = await this.#messages.next()
    const { errCode, errMsg } = JSON.parse(String(value[0])) as { errCode: number; errMsg: string }
    if (errCode !== 0) throw new Error(errMsg)
  }

  async sendText(recvID: string, content: string): Promise<UserSendMsgResp> {
    const message = {
      sendID: this.userID,
      recvID,
      clientMsgID: randomUUID(),
      sessionType: sessionTypes.single,
      contentType: contentTypes.text,
      content: Buffer.from(JSON.stringify({ content })),
    }
    const head = { op: opCodes.sendMsg, token: '', sendID: this.userID, operationID: randomUUID(), msgIncr: '1' }
    this.#socket.send(this.#codec.encodeRequest({ ...head, data: MsgData.encode(message) }).bytes)
    return UserSendMsgResp.decode(await this.next())
  }

  /** The body of the next frame, an answer or a push. */
  async next(): Promise<Uint8Array> {
    const { value } = await this.#messages.next()
    const { errCode, errMsg, data } = this.#codec.decodeReply(value[0])
    if (errCode !== 0) throw new Error(errMsg)
    return data
  }
}
