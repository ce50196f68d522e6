import { identityDigitCount, identityDigitOffset, identityOf, writeIdentityDigits } from '../message-identity.ts'
import { opcode } from './frame-reader.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

const alphabet = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', 'latin1')
const singleChat = 1
const groupChat = 3
const sendMessageRequest = 1003
const fromUser = 100
const textContent = 101
const sending = 1

/** Who sends to whom, and how much text. */
export interface SendRoute {
  readonly sendID: string
  readonly platformID: number
  readonly to: { readonly recvID: string } | { readonly groupID: string }
  readonly textBytes: number
}

/**
 * A send request (1003) as a finished WebSocket frame in which only the message's number changes.
 *
 * The number is written at three places: msgIncr and operationID as digits, and the clientMsgID inside the base64
 * protobuf. The frame is masked with zeros, which RFC 6455 permits a client and which leaves the payload as it is.
 */
export class SendFrame {
  readonly #frame: Buffer
  readonly #message: Buffer
  readonly #msgIncrAt: number
  readonly #operationIDAt: number
  readonly #dataAt: number
  readonly #digitsAt: number

  constructor(route: SendRoute) {
    const digits = '0'.repeat(identityDigitCount)
    const message = encodeMessage(route)
    const json = JSON.stringify({
      reqIdentifier: sendMessageRequest,
      msgIncr: digits,
      sendID: route.sendID,
      operationID: `benchmark-${digits}`,
      data: message.bytes.toString('base64'),
    })
    const frame = clientFrame(opcode.binary, Buffer.from(json))
    this.#frame = frame
    this.#message = message.bytes
    this.#digitsAt = message.digitsAt
    this.#msgIncrAt = frame.indexOf('"msgIncr":"') + '"msgIncr":"'.length
    this.#operationIDAt = frame.indexOf('"benchmark-') + '"benchmark-'.length
    this.#dataAt = frame.indexOf('"data":"') + '"data":"'.length
  }

  /** Length of the frame, whatever the number. */
  get byteLength(): number {
    return this.#frame.length
  }

  /** Writes the frame for one message into `target` and returns the offset behind it. */
  write(target: Buffer, offset: number, number: number): number {
    this.#frame.copy(target, offset)
    writeIdentityDigits(target, offset + this.#msgIncrAt, number)
    writeIdentityDigits(target, offset + this.#operationIDAt, number)
    writeIdentityDigits(this.#message, this.#digitsAt, number)
    const first = Math.floor(this.#digitsAt / 3)
    const last = Math.floor((this.#digitsAt + identityDigitCount - 1) / 3)
    for (let group = first; group <= last; group += 1) {
      encodeGroup(this.#message, group * 3, target, offset + this.#dataAt + group * 4)
    }
    return offset + this.#frame.length
  }
}

/** A client frame with a mask of zeros. */
export function clientFrame(kind: number, payload: Buffer): Buffer {
  const isLong = payload.length > 125
  const frame = Buffer.alloc((isLong ? 8 : 6) + payload.length)
  frame[0] = 0x80 | kind
  frame[1] = 0x80 | (isLong ? 126 : payload.length)
  if (isLong) frame.writeUInt16BE(payload.length, 2)
  payload.copy(frame, frame.length - payload.length)
  return frame
}

function encodeGroup(bytes: Buffer, from: number, text: Buffer, to: number): void {
  const group = (bytes[from]! << 16) | (bytes[from + 1]! << 8) | bytes[from + 2]!
  text[to] = alphabet[group >> 18]!
  text[to + 1] = alphabet[(group >> 12) & 63]!
  text[to + 2] = alphabet[(group >> 6) & 63]!
  text[to + 3] = alphabet[group & 63]!
}

function encodeMessage(route: SendRoute): { bytes: Buffer; digitsAt: number } {
  const message = new ProtobufWriter().text(1, route.sendID)
  if ('groupID' in route.to) message.text(3, route.to.groupID)
  else message.text(2, route.to.recvID)
  message
    .text(4, identityOf(0))
    .number(6, route.platformID)
    .text(7, route.sendID)
    .number(9, 'groupID' in route.to ? groupChat : singleChat)
    .number(10, fromUser)
    .number(11, textContent)
    .text(12, JSON.stringify({ content: textOf(route.textBytes) }))
    .number(16, Date.now())
    .number(17, sending)
    .bytes(20, new ProtobufWriter().text(1, 'New message').finish())
  const bytes = message.finish()
  return { bytes, digitsAt: bytes.indexOf(identityOf(0)) + identityDigitOffset }
}

function textOf(textBytes: number): string {
  const words = 'the quick brown fox jumps over the lazy dog and '
  return words.repeat(Math.ceil(textBytes / words.length)).slice(0, textBytes)
}
