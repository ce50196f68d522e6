import type { Clock } from '@parlance/core'
import { pullOrder } from '@parlance/openim-protocol'
import { z } from 'zod'
import type { Conversations } from '../../domain/conversations.ts'
import type { MessageReader } from '../../domain/message-reader.ts'
import type { MessageService, PulledMessages } from '../../domain/message-service.ts'
import { adminOnly, anyUser, selfOrAdmin } from '../access.ts'
import {
  conversationID,
  conversationIDs,
  flag,
  id,
  int,
  maxConversationsPerRequest,
  nothing,
  optionalInt,
  optionalSeq,
  seqs,
} from '../fields.ts'
import { jsonMessage } from '../json-message.ts'
import { route, type Route } from '../route.ts'
import { sendMessageBody, toMessage } from '../send-message.ts'

/** What the routes of messages stand on. */
export interface MsgRoutesOptions {
  readonly conversations: Conversations
  readonly messages: MessageService
  readonly reader: MessageReader
  readonly clock: Clock
}

const anySeq = int(0, Number.MAX_SAFE_INTEGER)

const byConversation = (pulled: ReadonlyMap<string, PulledMessages>): object =>
  Object.fromEntries(
    [...pulled].map(([of, { messages, isEnd, endSeq }]) => [of, { Msgs: messages.map(jsonMessage), isEnd, endSeq }]),
  )

/** Messages: sending as an administrator, pulling, and how far they were read. */
export function msgRoutes({ conversations, messages, reader, clock }: MsgRoutesOptions): readonly Route[] {
  return [
    route('/msg/send_msg', sendMessageBody, {
      access: adminOnly,
      handle: (caller, body) => messages.send(caller, toMessage(body, clock.now())),
    }),
    route('/msg/newest_seq', z.object({ userID: id }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(_caller, { userID }) {
        const { maxSeqs, minSeqs } = await messages.newestSeqs(userID)
        return { maxSeqs: Object.fromEntries(maxSeqs), minSeqs: Object.fromEntries(minSeqs) }
      },
    }),
    route(
      '/msg/pull_msg_by_seq',
      z.object({
        userID: id,
        seqRanges: z
          .array(
            z.object({ conversationID, begin: anySeq, end: anySeq, num: optionalSeq }, 'must be an object'),
            'must be a list of ranges',
          )
          .max(maxConversationsPerRequest, `must have at most ${maxConversationsPerRequest} ranges`)
          .nullish()
          .transform((value) => value ?? []),
        order: optionalInt(pullOrder.ascending, pullOrder.descending),
      }),
      {
        access: selfOrAdmin(({ userID }) => userID),
        async handle(_caller, { userID, seqRanges, order }) {
          const pulled = await messages.pullByRanges(
            userID,
            seqRanges,
            order === pullOrder.ascending ? pullOrder.ascending : pullOrder.descending,
          )
          return { msgs: byConversation(pulled.messages), notificationMsgs: byConversation(pulled.notifications) }
        },
      },
    ),
    route(
      '/msg/get_conversations_has_read_and_max_seq',
      z.object({ userID: id, conversationIDs, returnPinned: flag }),
      {
        access: selfOrAdmin(({ userID }) => userID),
        async handle(_caller, body) {
          const found = await reader.seqs(body.userID, body.conversationIDs)
          return {
            seqs: Object.fromEntries(
              found.map((of) => [
                of.conversationID,
                { maxSeq: of.maxSeq, hasReadSeq: of.hasReadSeq, maxSeqTime: of.maxSeqTime },
              ]),
            ),
            pinnedConversationIDs: body.returnPinned ? await conversations.pinnedIDs(body.userID) : [],
          }
        },
      },
    ),
    route('/msg/mark_conversation_as_read', z.object({ userID: id, conversationID, hasReadSeq: optionalSeq, seqs }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(caller, body) {
        await messages.markConversationAsRead(caller, body.userID, body.conversationID, body.hasReadSeq, body.seqs)
        return undefined
      },
    }),
    route('/msg/mark_msgs_as_read', z.object({ userID: id, conversationID, seqs }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(caller, body) {
        await messages.markMessagesAsRead(caller, body.userID, body.conversationID, body.seqs)
        return undefined
      },
    }),
    route(
      '/msg/set_conversation_has_read_seq',
      z.object({ userID: id, conversationID, hasReadSeq: anySeq, noNotification: flag }),
      {
        access: selfOrAdmin(({ userID }) => userID),
        async handle(caller, body) {
          await messages.setReadSeq(caller, body.userID, body.conversationID, body.hasReadSeq, body.noNotification)
          return undefined
        },
      },
    ),
    route('/msg/get_server_time', nothing, {
      access: anyUser,
      handle: () => Promise.resolve({ serverTime: clock.now() }),
    }),
  ]
}
