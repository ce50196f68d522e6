import { contentTypes, type OptionKey, optionKeys } from '@parlance/openim-protocol'

/** What a client wants for a message; a missing key means true. */
export type MessageOptions = Readonly<Record<string, boolean>>

const off = (...keys: readonly OptionKey[]): MessageOptions => Object.fromEntries(keys.map((key) => [key, false]))

/** What a kind of message never does, whatever its sender asks for. */
const forced: ReadonlyMap<number, MessageOptions> = new Map([
  [
    contentTypes.typing,
    off(
      'history',
      'persistent',
      'senderSync',
      'conversationUpdate',
      'senderConversationUpdate',
      'unreadCount',
      'offlinePush',
    ),
  ],
  [contentTypes.hasReadReceipt, off('conversationUpdate', 'senderConversationUpdate', 'unreadCount', 'offlinePush')],
])

/** Keys that a sender may set; the two that make a message a notification are the server's. */
const settable: ReadonlySet<string> = new Set(
  Object.keys(optionKeys).filter((key) => key !== 'isNotNotification' && key !== 'isSendMsg'),
)

/** The options a message is kept with: those of the sender that exist, then what its kind forces. */
export function messageOptions(contentType: number, wanted: MessageOptions): Record<string, boolean> {
  const options: Record<string, boolean> = {}
  for (const key of Object.keys(wanted)) if (settable.has(key)) options[key] = wanted[key]!
  return Object.assign(options, forced.get(contentType))
}
