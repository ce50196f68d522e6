export { type Access, adminOnly, anyUser, oneOfOrAdmin, selfOrAdmin } from '../api/access.ts'
export { conversationID, flag, id, ids, int, optionalInt, requiredText, text } from '../api/fields.ts'
export type { Answer, Route } from '../api/route.ts'
export type { Caller } from '../domain/caller.ts'
export { ImError } from '../domain/im-error.ts'
export type { BeforeMessage } from '../domain/messages/message-gate.ts'
export type { Participants, Participation } from '../domain/participation.ts'
export { badArgument, noPermission, notFound } from '../domain/refusals.ts'
export { changesRoute } from './changes-route.ts'
export {
  type AnyEntity,
  defineExtension,
  type Extension,
  type ExtensionContext,
  type ExtensionParts,
} from './extension.ts'
export { extensionRoute } from './extension-route.ts'
