import type { Clock, Logger } from '@parlance/core'
import type { Repositories } from '@parlance/cached-repository'
import { pullOrder, type MsgData } from '@parlance/openim-protocol'
import type { Access } from '../api/access.ts'
import type { Route } from '../api/route.ts'
import { ConfigError } from '../config-error.ts'
import type { MessageGate } from '../domain/messages/message-gate.ts'
import type { MessageService } from '../domain/message-service.ts'
import type { Participation } from '../domain/participation.ts'
import type { ImActions } from '../embedding/host-actions.ts'
import type { Extension, ExtensionContext, ExtensionParts } from './extension.ts'

/** What extensions are given and put into. */
export interface InstallOptions {
  readonly extensions: readonly Extension[]
  readonly repositories: Repositories
  readonly actions: ImActions
  readonly participation: Participation
  readonly messages: Pick<MessageService, 'pullByRanges'>
  readonly gate: MessageGate
  readonly clock: Clock
  readonly logger: Logger
}

/** What all extensions together add. */
export interface InstalledExtensions {
  readonly routes: readonly Route[]
  /** Undefined when none of them wants to hear of stored messages. */
  readonly afterMessage: ((message: MsgData) => Promise<void>) | undefined
  /** Stops them, the last one first. */
  stop(): Promise<void>
}

const extensionName = /^[a-z][\w-]{0,63}$/

/**
 * Sets extensions up, in their order.
 *
 * @throws ConfigError naming the extension, for names that cannot be or clash; DeclarationError for an entity whose name is taken.
 */
export async function installExtensions(options: InstallOptions): Promise<InstalledExtensions> {
  const { extensions, repositories, gate, logger } = options
  const names = extensions.map(({ name }) => name)
  for (const [index, name] of names.entries()) {
    if (!extensionName.test(name))
      throw new ConfigError(
        `extension ${JSON.stringify(name)}: a name has letters, digits, - and _, and begins with a small letter`,
      )
    if (names.indexOf(name) !== index) throw new ConfigError(`extension ${name} is there twice: give one another name`)
  }
  // All of them before the first write: what touches what is known only then.
  for (const { entities = [] } of extensions) for (const entity of entities) repositories.of(entity as never)
  const installed: ExtensionParts[] = []
  const routes = new Map<string, Route>()
  for (const extension of extensions) {
    const parts = await extension.setup(contextOf(extension, options))
    for (const route of parts.routes ?? []) {
      refusePath(extension, route.path)
      if (routes.has(route.path))
        throw new ConfigError(`extension ${extension.name}: there is a route ${route.path} already`)
      routes.set(route.path, route)
    }
    if (parts.beforeMessage !== undefined) gate.add(parts.beforeMessage)
    installed.push(parts)
    logger.info('an extension is set up', { extension: extension.name })
  }
  const hearers = installed.flatMap(({ afterMessage }) => (afterMessage === undefined ? [] : [afterMessage]))
  return {
    routes: [...routes.values()],
    afterMessage:
      hearers.length === 0
        ? undefined
        : async (message) => {
            for (const hear of hearers) await hear(message)
          },
    async stop() {
      for (const { stop } of installed.toReversed()) await stop?.()
    },
  }
}

function contextOf(extension: Extension, options: InstallOptions): ExtensionContext {
  const { repositories, actions, participation, messages, clock, logger } = options
  const own = new Set((extension.entities ?? []).map(({ schema }) => schema))
  return {
    ensureUser: (identity) => actions.ensureUser(identity),
    sendMessage: (message) => actions.sendMessage(message),
    sendNotification: (notification) => actions.sendNotification(notification),
    repositories: {
      of(entity) {
        if (!own.has(entity.schema))
          throw new ConfigError(`extension ${extension.name}: put entity ${entity.name} in its list of entities`)
        return repositories.of(entity)
      },
      together: (gather) => repositories.together(gather),
    },
    participation,
    participants: <Body>(conversationOf: (body: Body) => string): Access<Body> => ({
      rule: 'member',
      check: async ({ userID }, body) => void (await participation.require(userID, conversationOf(body))),
    }),
    async messageAt(userID, conversationID, seq) {
      const range = { conversationID, begin: seq, end: seq, num: 0 }
      const pulled = await messages.pullByRanges(userID, [range], pullOrder.ascending)
      return pulled.messages.get(conversationID)?.messages.find((message) => message.seq === seq)
    },
    clock,
    logger,
  }
}

function refusePath({ name, entities = [] }: Extension, path: string): void {
  const [, first, owner, ...rest] = path.split('/')
  const isOwn = owner === name || entities.some((entity) => entity.name === owner)
  if (first !== 'ext' || !isOwn || rest.length !== 1 || !/^[\w-]{1,64}$/.test(rest[0]!))
    throw new ConfigError(
      `extension ${name}: its routes are /ext/${name}/… with one more name; ${path} is not: make them with extensionRoute`,
    )
}
