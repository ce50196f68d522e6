import type { Clock, Logger } from '@parlance/core'
import type { Entity, Repositories } from '@parlance/cached-repository'
import type { MsgData } from '@parlance/openim-protocol'
import type { Access } from '../api/access.ts'
import type { Route } from '../api/route.ts'
import type { BeforeMessage } from '../domain/messages/message-gate.ts'
import type { Participation } from '../domain/participation.ts'
import type { ImActions } from '../embedding/host-actions.ts'

/** An entity of any row, key and views. */
export type AnyEntity = Pick<Entity<never, never, never>, 'name' | 'schema'>

/** What an extension works with. */
export interface ExtensionContext extends ImActions {
  /** Repositories of the entities that the extension declares, and writes to several of them. */
  readonly repositories: Pick<Repositories, 'of' | 'together'>
  /** Who takes part in a conversation. */
  readonly participation: Participation
  /** Lets in who takes part in the conversation that the body names; not administrators. */
  participants<Body>(conversationOf: (body: Body) => string): Access<Body>
  /** One message as a user may read it; undefined when there is none, or the user may not. */
  messageAt(userID: string, conversationID: string, seq: number): Promise<MsgData | undefined>
  readonly clock: Clock
  readonly logger: Logger
}

/** What an extension adds to the server. */
export interface ExtensionParts {
  /** Made with `extensionRoute` and `changesRoute`. */
  readonly routes?: readonly Route[]
  /**
   * Looks at a message before it is accepted, after the server's own rules: throw an `ImError` to refuse it with a code. It has
   * 5 s and delays the sender's answer; the rules are asked again then.
   */
  readonly beforeMessage?: BeforeMessage
  /**
   * Hears of every message that was stored, at least once and in the order of its conversation, also after a kill. What it rejects
   * comes again a bounded number of times. When it is first there, it hears of the newest messages from before as well.
   */
  readonly afterMessage?: (message: MsgData) => Promise<void> | void
  /** Frees what `setup` began. */
  readonly stop?: () => Promise<void> | void
}

/** Something a team adds to the server without editing it. */
export interface Extension {
  /** Letters, digits, `-` and `_`, beginning with a small letter; its routes begin with `/ext/<name>/`. */
  readonly name: string
  /** What it declares; no name may be one of the server's own or another extension's. */
  readonly entities?: readonly AnyEntity[]
  /** Called once, before anybody can connect. */
  setup(context: ExtensionContext): ExtensionParts | Promise<ExtensionParts>
}

/** Declares an extension; give it to `createImServer({ extensions })`. */
export const defineExtension = (extension: Extension): Extension => extension
