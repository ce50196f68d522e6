import type { Context } from './chat.ts'
import type { Presence } from './presence.ts'
import type { ConversationItem } from './state.ts'
import type { Threads } from './threads.ts'

/** Session types of the wire. */
export const single = 1
export const group = 3

const pinnedThenNewest = (a: ConversationItem, b: ConversationItem): number =>
  Number(b.isPinned) - Number(a.isPinned) || b.latestMsgSendTime - a.latestMsgSendTime

/** The list of conversations, and which one is open. */
export class Conversations {
  readonly #context: Context
  readonly #threads: Threads
  readonly #presence: Presence

  constructor(context: Context, threads: Threads, presence: Presence) {
    this.#context = context
    this.#threads = threads
    this.#presence = presence
    document.addEventListener('visibilitychange', () => this.markOpenAsRead())
    window.addEventListener('focus', () => this.markOpenAsRead())
  }

  async read(): Promise<void> {
    const { sdk, store } = this.#context
    await store.attempt('The conversations could not be read', async () => {
      const { data } = await sdk.getAllConversationList()
      const read = data ?? []
      // Nobody has written in a chat that was just opened, so the SDK does not list it.
      const { conversations = [], openID } = store.state
      const open = conversations.filter(({ conversationID }) => conversationID === openID)
      const isListed = read.some(({ conversationID }) => conversationID === openID)
      this.#show(isListed ? read : [...read, ...open])
    })
  }

  /** Puts what changed into the list. */
  merge(changed: readonly ConversationItem[]): void {
    const byID = new Map((this.#context.store.state.conversations ?? []).map((one) => [one.conversationID, one]))
    for (const one of changed) byID.set(one.conversationID, one)
    this.#show([...byID.values()])
    this.markOpenAsRead()
  }

  /** Opens the chat with a user or of a group; it is made when it is the first time. */
  async openWith(sourceID: string, sessionType: typeof single | typeof group): Promise<void> {
    const { sdk, store } = this.#context
    await store.attempt('This chat could not be opened', async () => {
      const { data } = await sdk.getOneConversation({ sourceID, sessionType })
      this.merge([data])
      await this.open(data.conversationID)
    })
  }

  async open(conversationID: string): Promise<void> {
    const { store } = this.#context
    store.set({ openID: conversationID, tab: 'chats', isDetailsOpen: false, dialog: undefined })
    this.markOpenAsRead()
    if (store.state.threads[conversationID] === undefined) await this.#threads.readNewest(conversationID)
  }

  close(): void {
    this.#context.store.set({ openID: undefined, isDetailsOpen: false })
  }

  /** Tells the others that what is on the screen was read. */
  markOpenAsRead(): void {
    const { sdk, store } = this.#context
    const open = store.state.conversations?.find(({ conversationID }) => conversationID === store.state.openID)
    if (open === undefined || open.unreadCount === 0 || document.visibilityState !== 'visible') return
    this.#show(store.state.conversations!.map((one) => (one === open ? { ...one, unreadCount: 0 } : one)))
    void store.attempt('The chat could not be marked as read', () =>
      sdk.markConversationMessageAsRead(open.conversationID),
    )
  }

  async pin({ conversationID, isPinned }: ConversationItem): Promise<void> {
    await this.#change('The chat could not be pinned', { conversationID, isPinned: !isPinned })
  }

  async mute({ conversationID, recvMsgOpt }: ConversationItem): Promise<void> {
    await this.#change('The chat could not be muted', { conversationID, recvMsgOpt: recvMsgOpt === 0 ? 2 : 0 })
  }

  /** Forgets the messages, here and on the server, for this user only. */
  async clear({ conversationID }: ConversationItem): Promise<void> {
    const { sdk, store } = this.#context
    const isDone = await store.attempt('The messages could not be cleared', () =>
      sdk.clearConversationAndDeleteAllMsg(conversationID),
    )
    if (isDone) this.#threads.empty(conversationID)
  }

  /** The same, and takes the chat out of the list until somebody writes again. */
  async remove({ conversationID }: ConversationItem): Promise<void> {
    const { sdk, store } = this.#context
    const isDone = await store.attempt('The chat could not be deleted', () =>
      sdk.deleteConversationAndDeleteAllMsg(conversationID),
    )
    if (!isDone) return
    this.close()
    this.#threads.empty(conversationID)
    this.#show((store.state.conversations ?? []).filter((one) => one.conversationID !== conversationID))
  }

  async #change(what: string, change: Parameters<Context['sdk']['setConversation']>[0]): Promise<void> {
    const { sdk, store } = this.#context
    await store.attempt(what, () => sdk.setConversation(change))
  }

  #show(conversations: readonly ConversationItem[]): void {
    const shown = conversations.filter(({ conversationType }) => conversationType === 1 || conversationType === 3)
    this.#context.store.set({ conversations: shown.toSorted(pinnedThenNewest) })
    void this.#presence.watch(shown.map(({ userID }) => userID))
  }
}
