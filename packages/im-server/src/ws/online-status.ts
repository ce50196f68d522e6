import type { RegisteredSession } from '@parlance/gateway'
import { SubUserOnlineStatusTips } from '@parlance/openim-protocol'
import { platformOf } from './platform-of.ts'

/** A user and the sessions it has. */
export interface UserSessions {
  readonly userID: string
  readonly sessions: readonly RegisteredSession[]
}

/** Says on which platforms users are online, as operation 2005 answers and tells it. */
export function onlineStatus(users: readonly UserSessions[]): Uint8Array {
  return SubUserOnlineStatusTips.encode({
    subscribers: users.map(({ userID, sessions }) => ({ userID, onlinePlatformIDs: onlinePlatforms(sessions) })),
  })
}

/** The platforms of sessions, ascending, each once. */
export function onlinePlatforms(sessions: readonly RegisteredSession[]): number[] {
  return [...new Set(sessions.map(({ device }) => platformOf(device)))].toSorted((a, b) => a - b)
}
