import type { LifecyclePart } from '@parlance/core'
import { isEmbedded } from '../config.ts'
import { housekeeping, Leadership } from '../domain/leadership.ts'
import { pushes } from '../domain/messages/push-record.ts'
import { UploadSweeper } from '../domain/objects/upload-sweeper.ts'
import type { Extension } from '../extension/extension.ts'
import type { Role } from '../roles.ts'
import { hearOfStoredMessages, provideExtensions } from './extensions.ts'
import type { Composition } from './token.ts'
import { parts } from './tokens.ts'

/** How many push records one step handles. */
const pushBatch = 500

/** The consumer group that brings messages to sessions. */
export const pushGroup = 'push'

/** What a process does besides answering at its doors, by its roles: parts that are started in this order, and stopped in reverse. */
export function workOf(c: Composition, extensions: readonly Extension[]): LifecyclePart[] {
  const config = c.get(parts.config)
  const bus = () => c.get(parts.bus)
  const has = (role: Role): boolean => config.roles.includes(role)
  const follows = (name: string, start: () => Promise<void>): LifecyclePart[] =>
    has('transfer') ? [{ name, start }] : []
  return [
    { name: 'storage', stop: () => c.get(parts.backing).close() },
    // Its clients are moved away with the connections, long before; after a start that failed this ends its timer.
    ...(has('gateway') ? [{ name: 'gateway', stop: () => c.get(parts.gateway).stop(0) }] : []),
    { name: 'repositories', stop: () => c.get(parts.declared).close() },
    {
      name: 'extensions',
      start: () => provideExtensions(c, extensions),
      stop: () => c.get(parts.extensions).stop(),
    },
    { name: 'bus', stop: () => bus().stop() },
    ...(has('push') ? [pushing(c)] : []),
    ...(isEmbedded(config) ? [] : follows('transfer', () => c.get(parts.transfer).follow(bus()))),
    ...follows('mentions', () => c.get(parts.mentions).follow(bus())),
    ...follows('profile news', () => c.get(parts.profileNews).follow(bus())),
    ...follows('dismissals', () => c.get(parts.groupParts).groupDismissal.follow(bus())),
    // Not waited for: what hears of messages may fail, and the server starts all the same.
    ...follows('stored messages', () => hearOfStoredMessages(c)),
    ...(has('cron') ? [tidying(c)] : []),
    ...(has('api') ? [{ name: 'administrator', start: () => c.get(parts.users).ensureAdmin(config.adminID) }] : []),
  ]
}

// What was stored before the start has no session to be pushed to: clients pull it. So the backlog is done before anybody can connect.
const pushing = (c: Composition): LifecyclePart => ({
  name: 'push',
  start: async () =>
    void (await c.get(parts.bus).consume(pushes, {
      group: pushGroup,
      batch: pushBatch,
      handler: (batch) => c.get(parts.pusher).push(batch),
    })),
})

/** What one process at a time does: the only one there is, or the one that leads. */
function tidying(c: Composition): LifecyclePart {
  let sweeper: UploadSweeper | undefined
  const tidy = async (isOn: boolean): Promise<void> => {
    if (!isOn) return sweeper?.stop()
    sweeper = new UploadSweeper({
      uploads: c.get(parts.uploads),
      logger: c.get(parts.logger),
      clock: c.get(parts.clock),
    })
    sweeper.start()
  }
  if (isEmbedded(c.get(parts.config))) return { name: housekeeping, start: () => tidy(true), stop: () => tidy(false) }
  const leadership = new Leadership({
    repositories: c.get(parts.repositories),
    work: housekeeping,
    owner: c.get(parts.processName),
    onChange: tidy,
    clock: c.get(parts.clock),
    logger: c.get(parts.logger),
  })
  return { name: housekeeping, start: () => leadership.start(), stop: () => leadership.stop() }
}
