import { z } from 'zod'
import type { ConversationSettings, SettingsChange } from '../../domain/conversation-settings.ts'
import { selfOrAdmin } from '../access.ts'
import {
  changedText,
  conversationID,
  id,
  ids,
  int,
  maxConversationsPerRequest,
  optionalID,
  optionalInt,
  requiredText,
} from '../fields.ts'
import { route, type Route } from '../route.ts'

const changedFlag = z.boolean('must be true or false').nullish()
const exLength = 4096

const setting = z.object(
  {
    conversationID,
    conversationType: optionalInt(0, 4),
    userID: optionalID,
    groupID: optionalID,
    recvMsgOpt: int(0, 2).nullish(),
    isPinned: changedFlag,
    attachedInfo: changedText(exLength),
    isPrivateChat: changedFlag,
    ex: changedText(exLength),
    burnDuration: int(0).nullish(),
    groupAtType: int(0, 4).nullish(),
  },
  'must be an object',
)

/** What a request leaves out, or gives as null, stays as it is. */
function changeOf({
  conversationID: _conversationID,
  conversationType: _conversationType,
  userID: _userID,
  groupID: _groupID,
  ...fields
}: z.infer<typeof setting>): SettingsChange {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null))
}

/** Settings of conversations. */
export function conversationSettingRoutes({
  conversationSettings,
}: {
  readonly conversationSettings: ConversationSettings
}): readonly Route[] {
  return [
    route('/conversation/set_conversations', z.object({ userIDs: ids, conversation: setting }), {
      access: selfOrAdmin(({ userIDs }) => userIDs),
      async handle(caller, { userIDs, conversation }) {
        await conversationSettings.set(caller, [...new Set(userIDs)], conversation, changeOf(conversation))
        return undefined
      },
    }),
    route(
      '/conversation/delete_conversations',
      z.object({
        ownerUserID: id,
        conversationIDs: z
          .array(conversationID, 'must be a list of conversation ids')
          .min(1, 'must name at least one')
          .max(maxConversationsPerRequest, `must name at most ${maxConversationsPerRequest}`),
      }),
      {
        access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
        async handle(caller, { ownerUserID, conversationIDs }) {
          await conversationSettings.delete(caller, ownerUserID, conversationIDs)
          return undefined
        },
      },
    ),
    route('/conversation/update_conversations_by_user', z.object({ userID: id, ex: requiredText(0, exLength) }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(caller, { userID, ex }) {
        await conversationSettings.setExOfAll(caller, userID, ex)
        return undefined
      },
    }),
  ]
}
