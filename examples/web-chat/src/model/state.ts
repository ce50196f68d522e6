import type {
  BlackUserItem,
  ConversationItem,
  FriendApplicationItem,
  FriendUserItem,
  GroupApplicationItem,
  GroupItem,
  GroupMemberItem,
  MessageItem,
} from '@openim/wasm-client-sdk'

export type {
  BlackUserItem,
  ConversationItem,
  FriendApplicationItem,
  FriendUserItem,
  GroupApplicationItem,
  GroupItem,
  GroupMemberItem,
  MessageItem,
}

/** Where the page is on its way to a chat. */
export type Stage =
  | { readonly kind: 'signIn' }
  | { readonly kind: 'starting'; readonly step: string }
  | { readonly kind: 'open' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'elsewhere'; readonly reason: string }

/** What is known of one conversation's messages, oldest first. */
export interface Thread {
  readonly messages: readonly MessageItem[]
  readonly isLoading: boolean
  /** Nothing older is left. */
  readonly isComplete: boolean
  readonly failure?: string
}

/** Somebody, as shown. */
export interface Person {
  readonly userID: string
  readonly nickname: string
}

/** A line that appears for a moment. */
export interface Notice {
  readonly id: number
  readonly text: string
  readonly isError: boolean
}

/** What is open above the chat. */
export type Dialog =
  | { readonly kind: 'newChat' }
  | { readonly kind: 'newGroup' }
  | { readonly kind: 'invite'; readonly groupID: string }
  | { readonly kind: 'profile' }
  | {
      readonly kind: 'ask'
      readonly title: string
      readonly label: string
      readonly value: string
      readonly action: string
      readonly run: (text: string) => void
    }
  | {
      readonly kind: 'confirm'
      readonly title: string
      readonly text: string
      readonly action: string
      readonly run: () => void
    }

export type Tab = 'chats' | 'people' | 'groups'

/** Everything the page shows. */
export interface State {
  readonly stage: Stage
  readonly link: 'connecting' | 'online' | 'offline'
  readonly isSyncing: boolean
  readonly self: Person
  readonly tab: Tab
  /** undefined until they were read for the first time. */
  readonly conversations: readonly ConversationItem[] | undefined
  readonly openID: string | undefined
  readonly isDetailsOpen: boolean
  readonly threads: Readonly<Record<string, Thread>>
  readonly drafts: Readonly<Record<string, string>>
  readonly quoted: Readonly<Record<string, MessageItem>>
  readonly friends: readonly FriendUserItem[] | undefined
  readonly blacks: readonly BlackUserItem[]
  readonly received: readonly FriendApplicationItem[]
  readonly sent: readonly FriendApplicationItem[]
  readonly groups: readonly GroupItem[] | undefined
  readonly groupReceived: readonly GroupApplicationItem[]
  readonly groupSent: readonly GroupApplicationItem[]
  readonly members: Readonly<Record<string, readonly GroupMemberItem[]>>
  readonly online: Readonly<Record<string, boolean>>
  /** By conversation: who is typing. */
  readonly typing: Readonly<Record<string, readonly string[]>>
  readonly notices: readonly Notice[]
  readonly dialog: Dialog | undefined
}

export const initialState: State = {
  stage: { kind: 'signIn' },
  link: 'connecting',
  isSyncing: false,
  self: { userID: '', nickname: '' },
  tab: 'chats',
  conversations: undefined,
  openID: undefined,
  isDetailsOpen: false,
  threads: {},
  drafts: {},
  quoted: {},
  friends: undefined,
  blacks: [],
  received: [],
  sent: [],
  groups: undefined,
  groupReceived: [],
  groupSent: [],
  members: {},
  online: {},
  typing: {},
  notices: [],
  dialog: undefined,
}
