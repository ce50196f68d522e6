import { ConversationSettings } from '../domain/conversation-settings.ts'
import { ConversationWrites } from '../domain/conversation-writes.ts'
import { Marks } from '../domain/messages/marks.ts'
import { Mentions } from '../domain/messages/mentions.ts'
import { Removals } from '../domain/messages/removals.ts'
import { UserDirectory } from '../domain/user-directory.ts'
import type { Composition } from './token.ts'
import { parts } from './tokens.ts'

/** What happens to messages and conversations after they began. */
export function provideEveryday(composition: Composition): void {
  composition
    .provide(parts.userDirectory, (c) => new UserDirectory(c.get(parts.repositories)))
    .provide(parts.marks, (c) => new Marks(c.get(parts.repositories)))
    .provide(parts.conversationWrites, (c) => new ConversationWrites(c.get(parts.repositories)))
    .provide(
      parts.conversationSettings,
      (c) =>
        new ConversationSettings({
          repositories: c.get(parts.repositories),
          conversationWrites: c.get(parts.conversationWrites),
          users: c.get(parts.users),
          peerRules: c.get(parts.peerRules),
          notifications: c.get(parts.notifications),
          clock: c.get(parts.clock),
        }),
    )
    .provide(
      parts.removals,
      (c) =>
        new Removals({
          repositories: c.get(parts.repositories),
          addresses: c.get(parts.addresses),
          marks: c.get(parts.marks),
          conversationWrites: c.get(parts.conversationWrites),
          notifications: c.get(parts.notifications),
          clock: c.get(parts.clock),
        }),
    )
    .provide(
      parts.mentions,
      (c) =>
        new Mentions({
          repositories: c.get(parts.repositories),
          conversationWrites: c.get(parts.conversationWrites),
          notifications: c.get(parts.notifications),
          presence: c.get(parts.presence),
        }),
    )
}
