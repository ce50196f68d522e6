import { ClosedError } from '@parlance/core'
import { pushes } from '../domain/messages/push-record.ts'
import type { Extension } from '../extension/extension.ts'
import { installExtensions } from '../extension/install.ts'
import { storedMessages, storedMessagesGroup } from '../extension/stored-messages.ts'
import type { Composition } from './token.ts'
import { parts } from './tokens.ts'

/** Sets the extensions up; what they add is there from then on. */
export async function provideExtensions(c: Composition, extensions: readonly Extension[]): Promise<void> {
  const installed = await installExtensions({
    extensions,
    repositories: c.get(parts.declared),
    actions: c.get(parts.hostActions),
    participation: c.get(parts.participation),
    messages: c.get(parts.messages),
    gate: c.get(parts.messageGate),
    clock: c.get(parts.clock),
    logger: c.get(parts.logger),
  })
  c.provide(parts.extensions, () => installed)
}

/** Begins to tell extensions what is stored; without one that wants to hear, nothing is kept for them. */
export async function hearOfStoredMessages(c: Composition): Promise<void> {
  const { afterMessage } = c.get(parts.extensions)
  if (afterMessage === undefined) return c.get(parts.backing).log.forgetGroup(pushes.name, storedMessagesGroup)
  const logger = c.get(parts.logger)
  c.get(parts.bus)
    .consume(pushes, { group: storedMessagesGroup, handler: storedMessages(c.get(parts.repositories), afterMessage) })
    .catch((error: unknown) => {
      if (!ClosedError.is(error)) logger.error('extensions do not hear of stored messages', { error })
    })
}
