import type { ConversationItem, MessageItem } from './state.ts'

/** Content types of the wire that the page shows in a way of their own. */
export const contentTypes = { text: 101, picture: 102, mention: 106, quote: 114, revoked: 2101 } as const

const firstNotification = 1000

interface Named {
  readonly userID?: string
  readonly nickname?: string
}

/** What notifications tell; all of it optional, because anybody may have written it. */
interface Detail {
  readonly group?: { readonly groupName?: string; readonly notification?: string }
  readonly opUser?: Named
  readonly quitUser?: Named
  readonly entrantUser?: Named
  readonly mutedUser?: Named
  readonly newGroupOwner?: Named
  readonly invitedUserList?: readonly Named[]
  readonly kickedUserList?: readonly Named[]
  readonly memberList?: readonly Named[]
  readonly revokerID?: string
  readonly revokerNickname?: string
  readonly revokerUserID?: string
}

const others: Readonly<Record<number, string>> = {
  102: 'Picture',
  103: 'Voice message',
  104: 'Video',
  105: 'File',
  107: 'Forwarded messages',
  108: 'Contact',
  109: 'Place',
  110: 'Message of another application',
  115: 'Sticker',
}

/** Whether a message is a line of the system, not something somebody wrote. */
export const isSystemLine = ({ contentType }: MessageItem): boolean => contentType >= firstNotification

/** The words of a message that somebody wrote. */
export function textOf(message: MessageItem): string {
  const { textElem, atTextElem, quoteElem, contentType } = message
  return textElem?.content ?? quoteElem?.text ?? atTextElem?.text ?? others[contentType] ?? 'Message'
}

const systemLines: Readonly<Record<number, (who: (named?: Named) => string, detail: Detail) => string>> = {
  1201: () => 'You are friends now. Say hello!',
  1501: (who, { opUser, group }) => `${who(opUser)} made the group ${group?.groupName ?? ''}`,
  1502: (who, { opUser }) => `${who(opUser)} changed the group`,
  1504: (who, { quitUser }) => `${who(quitUser)} left`,
  1507: (who, { newGroupOwner }) => `${who(newGroupOwner)} owns the group now`,
  1508: (who, { opUser, kickedUserList }) => `${who(opUser)} removed ${listOf(who, kickedUserList)}`,
  1509: (who, { opUser, invitedUserList }) => `${who(opUser)} invited ${listOf(who, invitedUserList)}`,
  1510: (who, { entrantUser }) => `${who(entrantUser)} joined`,
  1511: (who, { opUser }) => `${who(opUser)} dissolved the group`,
  1512: (who, { opUser, mutedUser }) => `${who(opUser)} muted ${who(mutedUser)}`,
  1513: (who, { opUser, mutedUser }) => `${who(opUser)} let ${who(mutedUser)} speak again`,
  1514: (who, { opUser }) => `${who(opUser)} muted the group`,
  1515: (who, { opUser }) => `${who(opUser)} let the group speak again`,
  1519: (who, { opUser, group }) => `${who(opUser)} posted a notice: ${group?.notification ?? ''}`,
  1520: (who, { opUser, group }) => `${who(opUser)} named the group ${group?.groupName ?? ''}`,
  1701: () => 'How long messages are kept was changed',
  2101: (who, { revokerID, revokerUserID, revokerNickname }) =>
    `${who({ userID: revokerID ?? revokerUserID ?? '', nickname: revokerNickname ?? '' })} took a message back`,
}

const listOf = (who: (named?: Named) => string, list: readonly Named[] = []): string =>
  list.length === 0 ? 'somebody' : list.map((named) => who(named)).join(', ')

/** The words of a line of the system. */
export function systemTextOf(message: MessageItem, selfID: string): string {
  const who = (named?: Named): string =>
    named?.userID === selfID ? 'You' : (named?.nickname ?? '') || (named?.userID ?? '') || 'Somebody'
  return systemLines[message.contentType]?.(who, detailOf(message)) ?? 'Something changed'
}

function detailOf({ notificationElem }: MessageItem): Detail {
  try {
    const parsed: unknown = JSON.parse(notificationElem?.detail ?? '{}')
    return typeof parsed === 'object' && parsed !== null ? parsed : {}
  } catch {
    return {}
  }
}

/** One line for the list: the newest message of a conversation. */
export function previewOf({ latestMsg, conversationType }: ConversationItem, selfID: string): string {
  const message = parseMessage(latestMsg)
  if (message === undefined) return ''
  if (isSystemLine(message)) return systemTextOf(message, selfID)
  const writer = message.sendID === selfID ? 'You: ' : conversationType === 3 ? `${message.senderNickname}: ` : ''
  return writer + textOf(message).replaceAll(/\s+/g, ' ')
}

function parseMessage(text: string): MessageItem | undefined {
  if (text === '') return undefined
  try {
    return JSON.parse(text) as MessageItem
  } catch {
    return undefined
  }
}

const dayMs = 86_400_000
const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' })
const shortDate = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const longDate = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })

const startOfDay = (timeMs: number): number => new Date(timeMs).setHours(0, 0, 0, 0)
const daysAgo = (timeMs: number): number => Math.round((startOfDay(Date.now()) - startOfDay(timeMs)) / dayMs)

/** The time of day. */
export const clockOf = (timeMs: number): string => clock.format(timeMs)

/** The day, as a heading. */
export function dayOf(timeMs: number): string {
  const days = daysAgo(timeMs)
  return days === 0 ? 'Today' : days === 1 ? 'Yesterday' : longDate.format(timeMs)
}

/** As short as a list needs it. */
export function momentOf(timeMs: number): string {
  if (timeMs === 0) return ''
  const days = daysAgo(timeMs)
  return days === 0 ? clock.format(timeMs) : days < 7 ? weekday.format(timeMs) : shortDate.format(timeMs)
}
