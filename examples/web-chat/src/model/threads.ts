import type { ConversationInputStatus, RevokedInfo } from '@openim/wasm-client-sdk'
import type { Context } from './chat.ts'
import { reasonOf } from './sdk.ts'
import type { ConversationItem, MessageItem, Thread } from './state.ts'
import { contentTypes } from './words.ts'

const pageCount = 30
const typingEveryMs = 2_000
const sending = 1
const failed = 3

const emptyThread: Thread = { messages: [], isLoading: true, isComplete: false }

/** When a message was sent; one that is on its way has only the time it was written at. */
export const timeOf = ({ sendTime, createTime }: MessageItem): number => sendTime || createTime

/** By the server's numbers; what has none yet, by its time. */
const inOrder = (a: MessageItem, b: MessageItem): number =>
  (a.seq > 0 && b.seq > 0 ? a.seq - b.seq : 0) || timeOf(a) - timeOf(b)

/** Messages of conversations: reading, sending, and what others do to them. */
export class Threads {
  readonly #context: Context
  #typedAtMs = 0

  constructor(context: Context) {
    this.#context = context
  }

  /** Reads the newest messages; what was read before and is older stays. */
  readNewest(conversationID: string): Promise<void> {
    return this.#read(conversationID, '')
  }

  /** Reads one more page above the oldest message. */
  async readOlder(conversationID: string): Promise<void> {
    const thread = this.#thread(conversationID)
    if (thread.isLoading || thread.isComplete) return
    await this.#read(conversationID, thread.messages[0]?.clientMsgID ?? '')
  }

  async sendText(conversation: ConversationItem, text: string): Promise<void> {
    const { sdk, store } = this.#context
    const quoted = store.state.quoted[conversation.conversationID]
    await store.attempt('The message could not be written', async () => {
      const { data } =
        quoted === undefined
          ? await sdk.createTextMessage(text)
          : await sdk.createQuoteMessage({ text, message: JSON.stringify(quoted) })
      store.setEntry('quoted', conversation.conversationID, undefined)
      await this.send(conversation, data)
    })
  }

  /** Sends a message, or one that failed once more; it is shown at once, and says how it went. */
  async send({ conversationID, userID, groupID }: ConversationItem, message: MessageItem): Promise<void> {
    this.#put(conversationID, [{ ...message, status: sending, sendID: this.#context.selfID }])
    try {
      const { data } = await this.#context.sdk.sendMessage({ recvID: userID, groupID, message })
      this.#put(conversationID, [data])
    } catch (error) {
      this.#put(conversationID, [{ ...message, status: failed, sendID: this.#context.selfID }])
      this.#context.store.say(`The message was not sent: ${reasonOf(error)}`, true)
    }
  }

  /** Takes a message back, for everybody. */
  async revoke(conversationID: string, { clientMsgID }: MessageItem): Promise<void> {
    const { sdk, store } = this.#context
    await store.attempt('The message could not be taken back', () => sdk.revokeMessage({ conversationID, clientMsgID }))
  }

  /** Deletes a message for this user only. */
  async remove(conversationID: string, { clientMsgID }: MessageItem): Promise<void> {
    const { sdk, store } = this.#context
    const isDone = await store.attempt('The message could not be deleted', () =>
      sdk.deleteMessage({ conversationID, clientMsgID }),
    )
    if (isDone) this.forget(clientMsgID)
  }

  receive(messages: readonly MessageItem[]): void {
    for (const message of messages) {
      const conversationID = this.#conversationOf(message)
      if (this.#context.store.state.threads[conversationID] !== undefined) this.#put(conversationID, [message])
      this.#hideTyping(conversationID, message.sendID)
    }
  }

  showRevoked({ clientMsgID, ...info }: RevokedInfo): void {
    this.#change(
      ({ clientMsgID: id }) => id === clientMsgID,
      (message) => ({
        ...message,
        contentType: contentTypes.revoked,
        notificationElem: { detail: JSON.stringify({ clientMsgID, ...info }) },
      }),
    )
  }

  showRead(clientMsgIDs: readonly string[]): void {
    this.#change(
      ({ clientMsgID }) => clientMsgIDs.includes(clientMsgID),
      (message) => ({ ...message, isRead: true }),
    )
  }

  showTyping({ conversationID, userID, platformIDs }: ConversationInputStatus): void {
    const others = (this.#context.store.state.typing[conversationID] ?? []).filter((id) => id !== userID)
    const isTyping = (platformIDs ?? []).length > 0
    this.#context.store.setEntry('typing', conversationID, isTyping ? [...others, userID] : others)
  }

  forget(clientMsgID: string): void {
    const { store } = this.#context
    for (const [conversationID, thread] of Object.entries(store.state.threads)) {
      const messages = thread.messages.filter((message) => message.clientMsgID !== clientMsgID)
      if (messages.length < thread.messages.length) store.setEntry('threads', conversationID, { ...thread, messages })
    }
  }

  empty(conversationID: string): void {
    this.#context.store.setEntry('threads', conversationID, { messages: [], isLoading: false, isComplete: true })
  }

  /** Tells the other side that this user is typing, now and then; or that it stopped. */
  tellTyping({ conversationID, conversationType, latestMsgSendTime }: ConversationItem, isTyping: boolean): void {
    // Groups are not told, nor is somebody who was never written to: the SDK knows no such conversation yet.
    if (conversationType !== 1 || latestMsgSendTime === 0 || this.#context.store.state.link !== 'online') return
    const nowMs = performance.now()
    if (isTyping && nowMs - this.#typedAtMs < typingEveryMs) return
    if (!isTyping && this.#typedAtMs === 0) return
    this.#typedAtMs = isTyping ? nowMs : 0
    // Nobody misses it: whoever may not write here learns that from the message.
    this.#context.sdk.changeInputStates({ conversationID, focus: isTyping }).catch((error: unknown) => {
      console.debug(`typing was not told: ${reasonOf(error)}`)
    })
  }

  async #read(conversationID: string, startClientMsgID: string): Promise<void> {
    const { sdk, store } = this.#context
    const before = this.#thread(conversationID)
    store.setEntry('threads', conversationID, { ...before, isLoading: true })
    try {
      const { data } = await sdk.getAdvancedHistoryMessageList({
        conversationID,
        startClientMsgID,
        count: pageCount,
        viewType: 0,
      })
      this.#put(conversationID, data.messageList ?? [])
      const isOldest = startClientMsgID !== '' || before.messages.length === 0
      const { messages, isComplete } = this.#thread(conversationID)
      const thread = { messages, isLoading: false, isComplete: isOldest ? data.isEnd : isComplete }
      store.setEntry('threads', conversationID, thread)
    } catch (error) {
      const { messages, isComplete } = this.#thread(conversationID)
      store.setEntry('threads', conversationID, { messages, isComplete, isLoading: false, failure: reasonOf(error) })
    }
  }

  #put(conversationID: string, messages: readonly MessageItem[]): void {
    const thread = this.#thread(conversationID)
    const byID = new Map(thread.messages.map((message) => [message.clientMsgID, message]))
    for (const message of messages) byID.set(message.clientMsgID, message)
    this.#context.store.setEntry('threads', conversationID, {
      ...thread,
      messages: [...byID.values()].toSorted(inOrder),
    })
  }

  #change(isMeant: (message: MessageItem) => boolean, change: (message: MessageItem) => MessageItem): void {
    const { store } = this.#context
    for (const [conversationID, thread] of Object.entries(store.state.threads))
      if (thread.messages.some(isMeant)) {
        const messages = thread.messages.map((message) => (isMeant(message) ? change(message) : message))
        store.setEntry('threads', conversationID, { ...thread, messages })
      }
  }

  #hideTyping(conversationID: string, userID: string): void {
    this.showTyping({ conversationID, userID, platformIDs: [] })
  }

  #thread(conversationID: string): Thread {
    return this.#context.store.state.threads[conversationID] ?? emptyThread
  }

  #conversationOf({ sessionType, sendID, recvID, groupID }: MessageItem): string {
    return sessionType === 3 ? `sg_${groupID}` : `si_${[sendID, recvID].toSorted().join('_')}`
  }
}
