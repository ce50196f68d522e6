import {
  GetActiveConversationsReq,
  GetActiveConversationsResp,
  GetConversationsReq,
  GetConversationsResp,
  type MsgData,
} from '@parlance/openim-protocol'
import { z } from 'zod'
import type { ConversationOverview, Overview } from '../../domain/conversation-overview.ts'
import { selfOrAdmin } from '../access.ts'
import { conversationIDs, id, optionalInt } from '../fields.ts'
import { jsonMessage } from '../json-message.ts'
import { route, type Route } from '../route.ts'

const defaultCount = 100
const maxCount = 500

/** What web clients open with; both routes take and give JSON or protobuf. */
export function jssdkRoutes({ overview }: { readonly overview: ConversationOverview }): readonly Route[] {
  return [
    route('/jssdk/get_active_conversations', z.object({ ownerUserID: id, count: optionalInt() }), {
      access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
      forms: {
        decodeProtobuf: (bytes) => GetActiveConversationsReq.decode(bytes),
        encodeProtobuf: (given: Overview) => GetActiveConversationsResp.encode(given),
        toJson: jsonOverview,
      },
      handle: (_caller, { ownerUserID, count }) =>
        overview.active(ownerUserID, count >= 1 && count <= maxCount ? count : defaultCount),
    }),
    route('/jssdk/get_conversations', z.object({ ownerUserID: id, conversationIDs }), {
      access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
      forms: {
        decodeProtobuf: (bytes) => GetConversationsReq.decode(bytes),
        encodeProtobuf: (given: Overview) => GetConversationsResp.encode(given),
        toJson: jsonOverview,
      },
      handle: (_caller, body) => overview.find(body.ownerUserID, body.conversationIDs),
    }),
  ]
}

const jsonOf = (message: MsgData | undefined): object | undefined =>
  message === undefined ? undefined : jsonMessage(message)

const jsonOverview = ({ unreadCount, conversations }: Overview): object => ({
  unreadCount,
  conversations: conversations.map((conversation) => ({ ...conversation, lastMsg: jsonOf(conversation.lastMsg) })),
})
