import type { Clock, Count } from '@parlance/core'
import { notificationTypes, sessionTypes } from '@parlance/openim-protocol'
import { z } from 'zod'
import type { Groups } from '../../domain/groups.ts'
import { ImError } from '../../domain/im-error.ts'
import type { MessageService } from '../../domain/message-service.ts'
import type { Notifications } from '../../domain/notifications.ts'
import { groupNotFound } from '../../domain/refusals.ts'
import type { Users } from '../../domain/users.ts'
import { adminOnly } from '../access.ts'
import { flag, id, ids, optionalID, optionalInt, requiredText, text } from '../fields.ts'
import { route, type Route } from '../route.ts'
import { checkContent, messageFields, toMessage } from '../send-message.ts'

/** What the routes for back ends stand on. */
export interface MsgBackEndRoutesOptions {
  readonly messages: MessageService
  readonly notifications: Notifications
  readonly users: Users
  readonly groups: Groups
  readonly clock: Clock
}

/** Messages of one batch that are under way at the same time. */
const sentAtOnce: Count = 100
const businessDataLength: Count = 16_384
/** `reliabilityLevel` of a notification that is kept for who is not connected. */
const stored = 2

const batchBody = z.object({ ...messageFields, recvIDs: ids, isSendAll: flag }).superRefine((body, context) => {
  const refuse = (field: string, message: string): void => context.addIssue({ code: 'custom', path: [field], message })
  checkContent(body, context)
  if (body.sessionType !== sessionTypes.single) refuse('sessionType', 'must be 1: a batch goes to users')
  if (body.isSendAll) refuse('isSendAll', 'is not served: name the receivers in recvIDs')
})

const businessBody = z
  .object({
    key: requiredText(1, 256),
    data: text(businessDataLength),
    sendUserID: id,
    recvUserID: optionalID,
    recvGroupID: optionalID,
    sendMsg: flag,
    reliabilityLevel: optionalInt(0, stored),
  })
  .refine(({ recvUserID, recvGroupID }) => (recvUserID === '') !== (recvGroupID === ''), {
    path: ['recvUserID'],
    message: 'name either a user or a group (recvGroupID)',
  })

/** What back ends send: the same message to many users, and notifications of the application's own. */
export function msgBackEndRoutes({
  messages,
  notifications,
  users,
  groups,
  clock,
}: MsgBackEndRoutesOptions): readonly Route[] {
  return [
    route('/msg/batch_send_msg', batchBody, {
      access: adminOnly,
      async handle(caller, body) {
        const recvIDs = [...new Set(body.recvIDs)]
        const results: object[] = []
        const failedUserIDs: string[] = []
        const sendTo = async (recvID: string): Promise<void> => {
          try {
            // A message of its own for each: a clientMsgID names one message.
            const sent = await messages.send(caller, toMessage({ ...body, recvID, groupID: '' }, clock.now()))
            results.push({ ...sent, recvID })
          } catch (error) {
            if (!(error instanceof ImError)) throw error
            failedUserIDs.push(recvID)
          }
        }
        for (let from = 0; from < recvIDs.length; from += sentAtOnce)
          await Promise.all(recvIDs.slice(from, from + sentAtOnce).map(sendTo))
        return { results, failedUserIDs }
      },
    }),
    route('/msg/send_business_notification', businessBody, {
      access: adminOnly,
      async handle(caller, { key, data, sendUserID, recvUserID, recvGroupID, sendMsg, reliabilityLevel }) {
        if (recvGroupID === '') await users.requireAll([sendUserID, recvUserID])
        else {
          await users.requireAll([sendUserID])
          if ((await groups.infos([recvGroupID])).length === 0) throw groupNotFound(recvGroupID)
        }
        await notifications.send({
          sendID: sendUserID,
          to: recvGroupID === '' ? { userID: recvUserID } : { groupID: recvGroupID },
          contentType: notificationTypes.business,
          tips: { key, data },
          operationID: caller.operationID,
          stored: reliabilityLevel === stored,
          asMessage: sendMsg,
        })
        return undefined
      },
    }),
  ]
}
