import protobuf from 'protobufjs/minimal.js'
import { ProtocolError } from '../protocol-error.ts'
import { PullMsgs, PushMessages } from './msg-data.ts'
import { PullMessageBySeqsResp } from './pulls.ts'

const seqTag = 14 << 3
const statusTag = 17 << 3

/**
 * Gives an already encoded `MsgData` its number, and its status, without decoding it.
 *
 * The new fields are appended: of a scalar that occurs twice, protobuf takes the last. The input is not changed.
 *
 * @throws {@link ProtocolError} when the number or status is not an integer that its field can hold.
 */
export function withNumber(encodedMsgData: Uint8Array, seq: number, status?: number): Buffer {
  if (!Number.isSafeInteger(seq) || seq < 0) throw new ProtocolError(`seq must be an integer from 0 on, not ${seq}`)
  if (status !== undefined && (!Number.isInteger(status) || status < 0 || status > 127)) {
    throw new ProtocolError(`status must be an integer from 0 to 127, not ${status}`)
  }
  const writer = protobuf.Writer.create().raw(encodedMsgData).uint32(seqTag)
  if (seq < 2 ** 32) writer.uint32(seq)
  else writer.int64(seq)
  if (status !== undefined) writer.uint32(statusTag).uint32(status)
  return writer.finish() as Buffer
}

/** Already encoded `MsgData` of one conversation, and whether the conversation has no more. */
export interface EncodedPullMsgs {
  readonly messages: readonly Uint8Array[]
  readonly isEnd?: boolean
  readonly endSeq?: number
}

const pullMsgs = ({ messages, isEnd, endSeq }: EncodedPullMsgs): Buffer =>
  PullMsgs.encode({ Msgs: messages, isEnd, endSeq })

const byConversation = (from: Readonly<Record<string, EncodedPullMsgs>>): Record<string, Buffer> =>
  Object.fromEntries(Object.entries(from).map(([conversationID, messages]) => [conversationID, pullMsgs(messages)]))

/**
 * Builds the body of a push of one conversation around already encoded messages, in the given order.
 *
 * @param part - `notificationMsgs` for conversations whose id starts with `n_`, `msgs` for all others.
 */
export function encodePushMessages(
  part: 'msgs' | 'notificationMsgs',
  conversationID: string,
  messages: readonly Uint8Array[],
): Buffer {
  return PushMessages.encode({ [part]: { [conversationID]: { Msgs: messages } } })
}

/** Builds the answer to `pullMsgByRange` and `pullMsgBySeqList`, which look alike, around already encoded messages. */
export function encodePullMsgs(
  msgs: Readonly<Record<string, EncodedPullMsgs>>,
  notificationMsgs: Readonly<Record<string, EncodedPullMsgs>> = {},
): Buffer {
  return PullMessageBySeqsResp.encode({
    msgs: byConversation(msgs),
    notificationMsgs: byConversation(notificationMsgs),
  })
}
