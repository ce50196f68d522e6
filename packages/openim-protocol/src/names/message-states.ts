/** Kinds of conversation: `sessionType` of a message, `conversationType` of a conversation. */
export const sessionTypes = { single: 1, writeGroup: 2, group: 3, notification: 4 } as const

/** The same numbers under the name that conversations have for them. */
export const conversationTypes = sessionTypes

/** Who made a message. */
export const msgFrom = { user: 100, system: 200 } as const

/** `status` of a message. */
export const messageStatus = { sending: 1, sent: 2, failed: 3, deleted: 4, filtered: 5 } as const

/** `order` of a pull. */
export const pullOrder = { ascending: 0, descending: 1 } as const

/** `recvMsgOpt` of a conversation and `globalRecvMsgOpt` of a user. */
export const receiveOptions = { receive: 0, doNotReceive: 1, doNotNotify: 2 } as const

/** `groupAtType` of a conversation. */
export const groupAtTypes = { none: 0, atMe: 1, atAll: 2, atAllAtMe: 3, announcement: 4 } as const

/** The entry of `atUserIDList` that stands for everybody. */
export const atAllTag = 'AtAllTag'
