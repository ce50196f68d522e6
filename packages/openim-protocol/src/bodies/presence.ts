import { field, repeated } from '../schema/field.ts'
import { type Infer, message } from '../schema/message.ts'
import { bool, int32, string } from '../schema/scalars.ts'

/** Body of `setBackgroundStatus`. */
export const SetAppBackgroundStatusReq = message('SetAppBackgroundStatusReq', {
  userID: field(1, string),
  isBackground: field(2, bool),
})
/** A decoded {@link SetAppBackgroundStatusReq}. */
export type SetAppBackgroundStatusReq = Infer<typeof SetAppBackgroundStatusReq>

/** Body of `logout`. */
export const DelUserPushTokenReq = message('DelUserPushTokenReq', {
  userID: field(1, string),
  platformID: field(2, int32),
})
/** A decoded {@link DelUserPushTokenReq}. */
export type DelUserPushTokenReq = Infer<typeof DelUserPushTokenReq>

/** Body of `subUserOnlineStatus`: whose presence to follow, and whose no longer. */
export const SubUserOnlineStatus = message('SubUserOnlineStatus', {
  subscribeUserID: repeated(1, string),
  unsubscribeUserID: repeated(2, string),
})
/** A decoded {@link SubUserOnlineStatus}. */
export type SubUserOnlineStatus = Infer<typeof SubUserOnlineStatus>

/** The platforms one user is online with; none when offline. */
export const SubUserOnlineStatusElem = message('SubUserOnlineStatusElem', {
  userID: field(1, string),
  onlinePlatformIDs: repeated(2, int32),
})
/** A decoded {@link SubUserOnlineStatusElem}. */
export type SubUserOnlineStatusElem = Infer<typeof SubUserOnlineStatusElem>

/** Answer to `subUserOnlineStatus`, and pushed under the same op when something changes. */
export const SubUserOnlineStatusTips = message('SubUserOnlineStatusTips', {
  subscribers: repeated(1, SubUserOnlineStatusElem),
})
/** Decoded {@link SubUserOnlineStatusTips}. */
export type SubUserOnlineStatusTips = Infer<typeof SubUserOnlineStatusTips>
