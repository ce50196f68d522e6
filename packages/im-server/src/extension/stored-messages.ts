import type { Batch } from '@parlance/notification-bus'
import type { MsgData } from '@parlance/openim-protocol'
import { addressOf } from '../domain/messages/address.ts'
import type { PushRecord } from '../domain/messages/push-record.ts'
import type { ImRepositories } from '../domain/repositories.ts'

/** The group that hears of stored messages for all extensions. */
export const storedMessagesGroup = 'extensions'

/** Hands on what was stored and is a message of a chat, with its number; not notifications, nor what is only pushed. */
export function storedMessages(
  { messages }: Pick<ImRepositories, 'messages'>,
  hear: (message: MsgData) => Promise<void>,
): (batch: Batch<PushRecord>) => Promise<void> {
  return async (batch) => {
    for (const record of batch.messages) {
      if (record.kind !== 'stored') continue
      for (const { row } of await messages.range(record.stream, record.first, record.last))
        if (!addressOf(row.body).isNotification) await hear(row.body)
    }
  }
}
