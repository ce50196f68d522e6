/**
 * The keys of a message's `options`.
 *
 * A missing key means true; read them with {@link isOptionOn}.
 */
export const optionKeys = {
  /** Numbered and stored; false makes it online-only. */
  history: 'history',
  /** The client keeps it. */
  persistent: 'persistent',
  /** Pushed to the sender's devices too. */
  senderSync: 'senderSync',
  /** The receiver's client updates its conversation. */
  conversationUpdate: 'conversationUpdate',
  /** The sender's clients update their conversation. */
  senderConversationUpdate: 'senderConversationUpdate',
  /** Counts as unread. */
  unreadCount: 'unreadCount',
  /** May go to a vendor's push. */
  offlinePush: 'offlinePush',
  /** Does not burn after it was read. */
  notPrivate: 'notPrivate',
  /** A message; false puts it among the notifications. */
  isNotNotification: 'isNotNotification',
  /** A notification that also appears as a message. */
  isSendMsg: 'isSendMsg',
  reactionFromCache: 'reactionFromCache',
  senderNotificationPush: 'senderNotificationPush',
} as const

/** One of {@link optionKeys}. */
export type OptionKey = keyof typeof optionKeys

/** Tells whether an option is on: it is, unless it is there and false. */
export const isOptionOn = (options: Readonly<Record<string, boolean>>, key: OptionKey): boolean =>
  !Object.hasOwn(options, key) || options[key] !== false
