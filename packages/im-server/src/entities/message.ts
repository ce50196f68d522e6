import { stream } from '@parlance/cached-repository'
import { MsgData } from '@parlance/openim-protocol'
import { type Cause, noCause, pushes } from '../domain/messages/push-record.ts'

/** A message or stored notification, as it walks: what clients get, and the operation that sent it. */
export interface Message {
  readonly body: MsgData
  /** Known only while the message is on its way. */
  readonly cause?: Cause
}

/** Every message of a stream, numbered without gaps; a repeated (sendID, clientMsgID) is stored once, however late it comes. */
export const messages = stream('message', {
  codec: {
    encode: ({ body }: Message) => MsgData.encode(body),
    decode: (bytes, seq): Message => ({ body: { ...MsgData.decode(bytes), seq } }),
  },
  repeat: ({ body }) => `${body.sendID}/${body.clientMsgID}`,
  views: (v) => ({ lastBySender: v.last({ by: ({ body }) => body.sendID }) }),
  announce: {
    topic: pushes,
    message: (name, first, last, rows) => ({
      kind: 'stored' as const,
      stream: name,
      first,
      last,
      causes: rows.map((row) => row.cause ?? noCause),
    }),
  },
})
