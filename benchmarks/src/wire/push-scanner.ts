import { WireError } from '../errors.ts'
import { identityDigitCount, identityDigitOffset, identityLength, identityMarks } from '../message-identity.ts'

const delimited = 2
const tagOf = (field: number, wireType: number): number => (field << 3) | wireType

const pushMessages = tagOf(1, delimited)
const mapValue = tagOf(2, delimited)
const pullMsgs = tagOf(1, delimited)
const clientMsgID = tagOf(4, delimited)
const seq = tagOf(14, 0)
const sendTime = tagOf(15, 0)

/** Receives the messages of a push, in order. `number` is −1 for a message no workload sent. */
export interface MessageSink {
  message(number: number, seq: number, sendTimeMs: number): void
}

const alphabet = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const sextets = new Uint8Array(256)
for (const [value, character] of alphabet.entries()) sextets[character] = value

/**
 * Finds the messages in a PushMessages protobuf that is still base64 text.
 *
 * Only the bytes looked at are decoded: tags, lengths, and the three fields a workload needs. Names, content and
 * options are stepped over unread, and nothing is allocated. Notifications are skipped.
 */
export class PushScanner {
  #text: Buffer = Buffer.alloc(0)
  #base = 0
  #at = 0

  /**
   * Reports every chat message in the base64 text of `[start, end)`.
   *
   * @throws {@link WireError} when the bytes are no PushMessages.
   */
  scan(text: Buffer, start: number, end: number, sink: MessageSink): void {
    this.#text = text
    this.#base = start
    this.#at = 0
    const totalBytes = decodedBytes(text, start, end)
    while (this.#at < totalBytes) {
      const tag = this.#varint()
      if (tag === pushMessages) this.#entry(this.#end(totalBytes), sink)
      else this.#skip(tag, totalBytes)
    }
    if (this.#at !== totalBytes) throw new WireError('A push ends inside a field.')
  }

  #entry(end: number, sink: MessageSink): void {
    while (this.#at < end) {
      const tag = this.#varint()
      if (tag === mapValue) this.#messages(this.#end(end), sink)
      else this.#skip(tag, end)
    }
  }

  #messages(end: number, sink: MessageSink): void {
    while (this.#at < end) {
      const tag = this.#varint()
      if (tag === pullMsgs) this.#message(this.#end(end), sink)
      else this.#skip(tag, end)
    }
  }

  #message(end: number, sink: MessageSink): void {
    let number = -1
    let messageSeq = 0
    let messageSendTimeMs = 0
    // To the very end: a server may append a field that it replaces, and the last one counts.
    while (this.#at < end) {
      const tag = this.#varint()
      if (tag === clientMsgID) number = this.#identity(this.#end(end))
      else if (tag === seq) messageSeq = this.#varint()
      else if (tag === sendTime) messageSendTimeMs = this.#varint()
      else this.#skip(tag, end)
    }
    sink.message(number, messageSeq, messageSendTimeMs)
  }

  #identity(end: number): number {
    const start = this.#at
    this.#at = end
    if (end - start !== identityLength) return -1
    if (this.#byte(start) !== identityMarks.first || this.#byte(end - 1) !== identityMarks.last) return -1
    let number = 0
    const last = start + identityDigitOffset + identityDigitCount
    for (let at = start + identityDigitOffset; at < last; at += 1) {
      const digit = this.#byte(at) - 48
      if (digit < 0 || digit > 9) return -1
      number = number * 10 + digit
    }
    return number
  }

  #end(limit: number): number {
    const lengthBytes = this.#varint()
    const end = this.#at + lengthBytes
    if (end > limit) throw new WireError('A push holds a field that is longer than its message.')
    return end
  }

  #skip(tag: number, limit: number): void {
    const wireType = tag & 7
    if (wireType === 0) this.#varint()
    else if (wireType === delimited) this.#at = this.#end(limit)
    else if (wireType === 1) this.#at += 8
    else if (wireType === 5) this.#at += 4
    else throw new WireError(`A push holds wire type ${wireType}, which protobuf does not use.`)
  }

  #varint(): number {
    let byte = this.#byte(this.#at)
    this.#at += 1
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    let scale = 128
    do {
      if (scale > 2 ** 63) throw new WireError('A push holds a varint of more than ten bytes.')
      byte = this.#byte(this.#at)
      this.#at += 1
      value += (byte & 0x7f) * scale
      scale *= 128
    } while (byte >= 0x80)
    return value
  }

  #byte(position: number): number {
    const group = (position / 3) | 0
    const text = this.#text
    const at = this.#base + group * 4
    switch (position - group * 3) {
      case 0:
        return (sextets[text[at]!]! << 2) | (sextets[text[at + 1]!]! >> 4)
      case 1:
        return ((sextets[text[at + 1]!]! & 15) << 4) | (sextets[text[at + 2]!]! >> 2)
      default:
        return ((sextets[text[at + 2]!]! & 3) << 6) | sextets[text[at + 3]!]!
    }
  }
}

function decodedBytes(text: Buffer, start: number, end: number): number {
  const length = end - start
  if (length % 4 !== 0) throw new WireError(`A push's data of ${length} characters is no padded base64.`)
  if (length === 0) return 0
  const padding = text[end - 1] !== 0x3d ? 0 : text[end - 2] !== 0x3d ? 1 : 2
  return (length / 4) * 3 - padding
}
