import {
  type Caller,
  changesRoute,
  conversationID,
  defineExtension,
  extensionRoute,
  int,
  notFound,
  requiredText,
} from '@parlance/im-server/extension'
import { z } from 'zod'
import { reactions } from './reaction.ts'

const message = { conversationID, messageSeq: int(1) }

/** Reactions to messages: who takes part in a conversation reads them all, and puts and removes its own. */
export const reactionsExtension = defineExtension({
  name: 'reaction',
  entities: [reactions],
  setup(context) {
    const repository = context.repositories.of(reactions)
    const access = context.participants((body: { conversationID: string }) => body.conversationID)

    const tell = ({ userID, operationID }: Caller, changed: { conversationID: string }) =>
      context.sendNotification({
        sendID: userID,
        to: changed,
        key: 'reaction',
        data: JSON.stringify(changed),
        operationID,
      })

    return {
      routes: [
        extensionRoute('reaction', 'put', z.object({ ...message, emoji: requiredText(1, 32) }), {
          access,
          async handle(caller, { emoji, ...of }) {
            if ((await context.messageAt(caller.userID, of.conversationID, of.messageSeq)) === undefined)
              throw notFound(`messageSeq: there is no message ${of.messageSeq} in ${of.conversationID}`)
            await repository.put({ ...of, userID: caller.userID, emoji, reactedAt: new Date(context.clock.now()) })
            await tell(caller, { conversationID: of.conversationID })
            return undefined
          },
        }),
        extensionRoute('reaction', 'remove', z.object(message), {
          access,
          async handle(caller, of) {
            const isThere = await repository.delete({ ...of, userID: caller.userID })
            if (isThere) await tell(caller, { conversationID: of.conversationID })
            return undefined
          },
        }),
        changesRoute(reactions, 'changes', { repository, access, rows: 'ofConversation' }),
      ],
    }
  },
})
