import {
  groupConversationID,
  groupNotificationConversationID,
  type MsgData,
  sessionTypes,
  singleConversationID,
  singleNotificationConversationID,
} from '@parlance/openim-protocol'

/**
 * Where messages are kept and what clients call that place.
 *
 * OpenIM's conversation ids join user ids with `_`, so two pairs of users can share one (`a_b` with `c`, `a` with `b_c`).
 * Our streams are named without that ambiguity; the conversation id is only what the wire needs. Within one user's list an id
 * is unique: the chat that would be a user's second one under its id is refused, and so is a user's group whose id could be a
 * pair's. Only ids that an administrator chose with `_` in them can make two notification ids equal.
 */
export interface Address {
  /** Name of the journal's stream. */
  readonly stream: string
  /** The id that clients compute themselves. */
  readonly conversationID: string
  /** True for the twin that holds notifications instead of messages. */
  readonly isNotification: boolean
}

const pairKey = (a: string, b: string): string => {
  const [first, second] = a < b ? [a, b] : [b, a]
  return `${first.length}/${first}/${second}`
}

/** The messages between two users. */
export function singleAddress(a: string, b: string): Address {
  return { stream: `single/${pairKey(a, b)}`, conversationID: singleConversationID(a, b), isNotification: false }
}

/** The messages of a group. */
export function groupAddress(groupID: string): Address {
  return { stream: `group/${groupID}`, conversationID: groupConversationID(groupID), isNotification: false }
}

/** The notifications between two users; with twice the same user, those to all of its own devices. */
export function singleNotificationAddress(a: string, b: string): Address {
  return {
    stream: `single-notification/${pairKey(a, b)}`,
    conversationID: singleNotificationConversationID(a, b),
    isNotification: true,
  }
}

/** The notifications of a group. */
export function groupNotificationAddress(groupID: string): Address {
  return {
    stream: `group-notification/${groupID}`,
    conversationID: groupNotificationConversationID(groupID),
    isNotification: true,
  }
}

/** Where a message stands, by what it says of itself. */
export function addressOf({ sendID, recvID, groupID, sessionType, options }: MsgData): Address {
  const isNotification = options['isNotNotification'] === false
  if (sessionType === sessionTypes.group)
    return isNotification ? groupNotificationAddress(groupID) : groupAddress(groupID)
  return isNotification ? singleNotificationAddress(sendID, recvID) : singleAddress(sendID, recvID)
}
