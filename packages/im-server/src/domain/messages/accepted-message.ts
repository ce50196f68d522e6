import { InvalidArgumentError } from '@parlance/core'
import { type Topic, topic } from '@parlance/notification-bus'
import { MsgData } from '@parlance/openim-protocol'
import { decodeFramed, encodeFramed } from './framed.ts'
import { type Cause, isCause, keyOf } from './push-record.ts'

/** A message that was acknowledged and waits for its number. */
export interface AcceptedMessage {
  readonly stream: string
  readonly body: MsgData
  readonly cause: Cause
}

/** Where acknowledged messages wait for their numbers; those of one stream, and of its twin, in the order accepted. */
export const acceptedMessages: Topic<AcceptedMessage> = topic<AcceptedMessage>('message.accept', {
  schema: {
    encode: ({ stream, body, cause }) => encodeFramed({ stream, cause }, MsgData.encode(body)),
    decode(bytes) {
      const { description, rest } = decodeFramed(bytes)
      const { stream, cause } = (description ?? {}) as Record<string, unknown>
      if (typeof stream !== 'string' || !isCause(cause)) throw new InvalidArgumentError('not an accepted message')
      return { stream, cause, body: MsgData.decode(rest) }
    },
  },
  key: ({ stream }) => keyOf(stream),
})
