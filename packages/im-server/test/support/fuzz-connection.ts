import { randomUUID } from 'node:crypto'
import { TimeoutError } from '@parlance/core'
import { clientFrameCodec, errorCodes, type FrameDialect, opCodes } from '@parlance/openim-protocol'
import { WebSocket } from 'ws'
import { answerKey, type FuzzFrame } from './fuzz-frames.ts'

/** Where and as whom a {@link FuzzConnection} connects. */
export interface FuzzLogin {
  readonly ws: string
  readonly userID: string
  readonly token: string
  readonly platformID: number
  readonly dialect: FrameDialect
}

const patienceMs = 120_000

/** The code by which a frame ends its connection, if it does. */
const endOf = ({ expects }: FuzzFrame): number | undefined =>
  expects.kind === 'close' ? expects.code : expects.kind === 'answer' ? expects.endsBy : undefined

/** One connection for one burst of frames after the other, which holds the server to what each frame expects. */
export class FuzzConnection {
  /** Everything that contradicts what was expected. */
  readonly problems: string[] = []
  answerCount = 0
  closeCount = 0
  readonly #login: FuzzLogin
  readonly #codec
  readonly #expected = new Map<string, number>()
  #texts = 0
  #socket: WebSocket | undefined
  #endsBy: number | undefined
  #progress: () => void = () => undefined

  constructor(login: FuzzLogin) {
    this.#login = login
    this.#codec = clientFrameCodec(login.dialect)
  }

  /**
   * Writes frames without waiting in between until one of them is to end the connection, waits for every answer, and then writes
   * that one. Resolves with the number of frames once the server did everything that was expected.
   */
  async burst(frames: () => FuzzFrame, count: number): Promise<number> {
    this.#socket ??= await this.#connect()
    this.#endsBy = undefined
    let written = 0
    let last: FuzzFrame | undefined
    while (written < count && last === undefined) {
      const frame = frames()
      written++
      if (endOf(frame) === undefined) this.#write(frame)
      else last = frame
    }
    await this.#satisfied()
    if (last !== undefined) {
      this.#endsBy = endOf(last)
      this.#write(last)
      await this.#satisfied()
    }
    return written
  }

  close(): void {
    this.#socket?.removeAllListeners('close')
    this.#socket?.terminate()
    this.#socket = undefined
  }

  #write({ data, isBinary, expects }: FuzzFrame): void {
    if (expects.kind === 'answer') this.#expected.set(expects.key, (this.#expected.get(expects.key) ?? 0) + 1)
    if (expects.kind === 'text') this.#texts++
    this.#socket?.send(data, { binary: isBinary })
  }

  #satisfied(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#inVain()), patienceMs)
      this.#progress = () => {
        const isDone = this.#socket === undefined || (this.#endsBy === undefined && this.#openCount === 0)
        if (!isDone) return
        clearTimeout(timer)
        this.#progress = () => undefined
        resolve()
      }
      this.#progress()
    })
  }

  get #openCount(): number {
    return this.#expected.size + this.#texts
  }

  #inVain(): TimeoutError {
    return new TimeoutError(
      `${this.#login.userID} waits in vain for ${this.#texts} texts, the close ${this.#endsBy}, and ${[...this.#expected.keys()].slice(0, 5).join(' ')}`,
    )
  }

  #connect(): Promise<WebSocket> {
    const { ws, userID, token, platformID, dialect } = this.#login
    const query = new URLSearchParams({
      sendID: userID,
      token,
      platformID: String(platformID),
      operationID: randomUUID(),
      isBackground: 'false',
      isMsgResp: 'true',
      sdkType: dialect.sdkType,
      ...(dialect.compression === undefined ? {} : { compression: dialect.compression }),
    })
    const socket = new WebSocket(`${ws}/?${query}`, { perMessageDeflate: false })
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('message', (data: Buffer) => {
        if (data.toString() !== '{"errCode":0,"errMsg":"","errDlt":""}')
          return reject(new Error(`${userID} was refused: ${data.toString()}`))
        socket.off('error', reject)
        socket.on('error', (error) => this.problems.push(`the connection failed: ${error.message}`))
        socket.on('message', (frame: Buffer, isBinary) => this.#received(frame, isBinary))
        socket.on('close', (code, reason) => this.#closed(code, reason.toString()))
        resolve(socket)
      })
    })
  }

  #received(data: Buffer, isBinary: boolean): void {
    if (!isBinary) {
      if (--this.#texts < 0) this.problems.push(`a text that nobody asked for: ${data.toString()}`)
      return this.#progress()
    }
    const reply = this.#codec.decodeReply(data)
    const key = answerKey(reply)
    const open = this.#expected.get(key)
    if (open !== undefined) {
      this.answerCount++
      if (open === 1) this.#expected.delete(key)
      else this.#expected.set(key, open - 1)
      if (reply.errCode === errorCodes.ServerInternalError)
        this.problems.push(`${key} was answered with ${reply.errMsg}`)
      return this.#progress()
    }
    // A push, or what the server says before it closes because of a frame that it cannot read.
    const isUnasked = reply.msgIncr === '' && [opCodes.pushMsg, opCodes.subUserOnlineStatus, 3001].includes(reply.op)
    if (!isUnasked) this.problems.push(`an answer that nobody asked for: ${key} ${reply.errMsg}`)
  }

  #closed(code: number, reason: string): void {
    this.closeCount++
    if (code !== this.#endsBy) this.problems.push(`closed with ${code} ${reason} instead of ${this.#endsBy}`)
    if (this.#openCount > 0) this.problems.push(`closed with ${code}: ${this.#inVain().message}`)
    this.#expected.clear()
    this.#texts = 0
    this.#socket = undefined
    this.#progress()
  }
}
