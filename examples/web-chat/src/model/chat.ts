import { Conversations } from './conversations.ts'
import { Groups } from './groups.ts'
import { People } from './people.ts'
import { Presence } from './presence.ts'
import type { LoadedSdk, Sdk } from './sdk.ts'
import type { Store } from './store.ts'
import { Threads } from './threads.ts'

/** The core lets a connection pass without a sync while the last one is younger than five seconds; this is a little more. */
const syncPauseMs = 5_500

/** What the parts of a chat share. */
export interface Context {
  readonly sdk: Sdk
  readonly store: Store
  readonly selfID: string
}

/** One user's chat: the SDK's events go into the store, what the user does goes to the SDK. */
export class Chat {
  readonly conversations: Conversations
  readonly threads: Threads
  readonly people: People
  readonly groups: Groups
  readonly presence: Presence
  readonly #context: Context
  #syncedAtMs = Number.NEGATIVE_INFINITY
  #syncTimer: ReturnType<typeof setTimeout> | undefined

  constructor({ sdk, events }: LoadedSdk, store: Store, selfID: string) {
    const context: Context = { sdk, store, selfID }
    this.#context = context
    this.presence = new Presence(context)
    this.threads = new Threads(context)
    this.conversations = new Conversations(context, this.threads, this.presence)
    this.people = new People(context, this.presence)
    this.groups = new Groups(context)
    this.#listenToLink(events)
    this.#listenToMessages(events)
    this.#listenToPeople(events)
    this.#listenToGroups(events)
  }

  /** Connects, and shows what the page's own database has at once. */
  async logIn(session: {
    readonly userID: string
    readonly platformID: number
    readonly token: string
    readonly apiAddr: string
    readonly wsAddr: string
  }): Promise<void> {
    await this.#context.sdk.login({ ...session, logLevel: 2, isLogStandardOutput: false })
    await this.conversations.read()
    this.#context.store.set({ stage: { kind: 'open' } })
    void this.#readAll()
  }

  async rename(nickname: string): Promise<void> {
    const { sdk, store, selfID } = this.#context
    const isDone = await store.attempt('Your name was not changed', () => sdk.setSelfInfo({ userID: selfID, nickname }))
    if (isDone) store.set({ self: { userID: selfID, nickname } })
  }

  /** Ends the session; whatever becomes of the answer, the page is left afterwards. */
  async logOut(): Promise<void> {
    await this.#context.store.attempt('You could not be signed out', () => this.#context.sdk.logout())
  }

  async #readAll(): Promise<void> {
    await Promise.all([this.#readSelf(), this.conversations.read(), this.people.read(), this.groups.read()])
    const { openID } = this.#context.store.state
    if (openID !== undefined) await this.threads.readNewest(openID)
  }

  async #readSelf(): Promise<void> {
    const { sdk, store, selfID } = this.#context
    await store.attempt('Your profile could not be read', async () => {
      const { data } = await sdk.getSelfUserInfo()
      store.set({ self: { userID: selfID, nickname: data.nickname } })
    })
  }

  #listenToLink(events: LoadedSdk['events']): void {
    const { sdk, store } = this.#context
    const leave = (reason: string) => (): void => {
      clearTimeout(this.#syncTimer)
      store.set({ stage: { kind: 'elsewhere', reason }, dialog: undefined })
    }
    // Who is online is not known until the connection is back.
    sdk.on(events.OnConnecting, () => store.set({ link: 'connecting', online: {}, typing: {} }))
    sdk.on(events.OnConnectFailed, () => store.set({ link: 'offline', online: {}, typing: {} }))
    sdk.on(events.OnConnectSuccess, () => {
      store.set({ link: 'online' })
      this.#connectAgainIfNotSynced()
    })
    sdk.on(events.OnSyncServerStart, () => {
      clearTimeout(this.#syncTimer)
      this.#syncedAtMs = performance.now()
      store.set({ isSyncing: true })
    })
    const finish = (): void => {
      store.set({ isSyncing: false })
      if (store.state.stage.kind === 'open') void this.#readAll()
      void this.presence.watchAgain()
    }
    sdk.on(events.OnSyncServerFinish, finish)
    sdk.on(events.OnSyncServerFailed, finish)
    sdk.on(events.OnKickedOffline, leave('You signed in somewhere else, and this window was signed out.'))
    sdk.on(events.OnUserTokenExpired, leave('Your session has expired.'))
    sdk.on(events.OnUserTokenInvalid, leave('The server no longer accepts this session.'))
    sdk.on(events.OnSelfInfoUpdated, ({ data: { userID, nickname } }) => store.set({ self: { userID, nickname } }))
  }

  /** What came while a connection was away that the core did not sync after would be missing until somebody writes again. */
  #connectAgainIfNotSynced(): void {
    const { sdk, store } = this.#context
    const waitMs = this.#syncedAtMs + syncPauseMs - performance.now()
    clearTimeout(this.#syncTimer)
    if (waitMs <= 0) return
    const connectAgain = () => store.attempt('The chat could not connect again', () => sdk.networkStatusChanged())
    this.#syncTimer = setTimeout(() => void connectAgain(), waitMs)
  }

  #listenToMessages(events: LoadedSdk['events']): void {
    const { sdk } = this.#context
    sdk.on(events.OnConversationChanged, ({ data }) => this.conversations.merge(data))
    sdk.on(events.OnNewConversation, ({ data }) => this.conversations.merge(data))
    sdk.on(events.OnRecvNewMessages, ({ data }) => {
      this.threads.receive(data)
      this.conversations.markOpenAsRead()
    })
    sdk.on(events.OnRecvOfflineNewMessages, ({ data }) => {
      this.threads.receive(data)
      this.conversations.markOpenAsRead()
    })
    sdk.on(events.OnNewRecvMessageRevoked, ({ data }) => this.threads.showRevoked(data))
    sdk.on(events.OnMsgDeleted, ({ data }) => this.threads.forget(data.clientMsgID))
    sdk.on(events.OnRecvC2CReadReceipt, ({ data }) => this.threads.showRead(data.flatMap(({ msgIDList }) => msgIDList)))
    sdk.on(events.OnConversationUserInputStatusChanged, ({ data }) => this.threads.showTyping(data))
    sdk.on(events.OnUserStatusChanged, ({ data }) => this.presence.show([data]))
  }

  #listenToPeople(events: LoadedSdk['events']): void {
    const { sdk } = this.#context
    const { people } = this
    for (const event of [
      events.OnFriendAdded,
      events.OnFriendDeleted,
      events.OnFriendInfoChanged,
      events.OnBlackAdded,
      events.OnBlackDeleted,
      events.OnFriendApplicationAdded,
      events.OnFriendApplicationDeleted,
      events.OnFriendApplicationRejected,
      events.OnFriendApplicationAccepted,
    ] as const)
      sdk.on(event, () => void people.read())
  }

  #listenToGroups(events: LoadedSdk['events']): void {
    const { sdk } = this.#context
    const { groups } = this
    for (const event of [
      events.OnJoinedGroupAdded,
      events.OnJoinedGroupDeleted,
      events.OnGroupDismissed,
      events.OnGroupInfoChanged,
      events.OnGroupApplicationAdded,
      events.OnGroupApplicationDeleted,
      events.OnGroupApplicationAccepted,
      events.OnGroupApplicationRejected,
    ] as const)
      sdk.on(event, () => void groups.read())
    for (const event of [
      events.OnGroupMemberAdded,
      events.OnGroupMemberDeleted,
      events.OnGroupMemberInfoChanged,
    ] as const)
      sdk.on(event, ({ data }: { data: unknown }) => {
        void groups.read()
        void groups.readMembersAgain((data as { readonly groupID?: string }).groupID ?? '')
      })
  }
}
