// Go sorts ids by their UTF-8 bytes; JavaScript's own order differs beyond the basic plane.
const inOrder = (a: string, b: string): string => {
  const isSorted = Buffer.compare(Buffer.from(a), Buffer.from(b)) <= 0
  return isSorted ? `${a}_${b}` : `${b}_${a}`
}

/**
 * The id of the conversation of two users, the same whichever comes first.
 *
 * No id can be parsed back: user ids may hold `_`, and `a_b` with `c` shares its id with `a` with `b_c`.
 */
export const singleConversationID = (a: string, b: string): string => `si_${inOrder(a, b)}`

/** The id of a group's conversation. */
export const groupConversationID = (groupID: string): string => `sg_${groupID}`

/** The id of the conversation of a user and a notification account. */
export const accountConversationID = (a: string, b: string): string => `sn_${inOrder(a, b)}`

/** The id under which notifications between two users travel; with twice the same user, those to its own devices. */
export const singleNotificationConversationID = (a: string, b: string): string => `n_${inOrder(a, b)}`

/** The id under which a group's notifications travel. */
export const groupNotificationConversationID = (groupID: string): string => `n_${groupID}`

/** Tells whether an id names notifications, which travel apart from messages. */
export const isNotificationConversationID = (conversationID: string): boolean => conversationID.startsWith('n_')
