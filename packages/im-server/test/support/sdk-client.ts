import { CbEvents, getSDK, LoginStatus } from '@openim/client-sdk/lib/index.modern.mjs'
import { until } from '@parlance/testing'
import { WebSocket as NodeWebSocket } from 'ws'

/** The SDK runs in browsers; this is what it needs of one: ArrayBuffers, and each message in a task of its own. */
class BrowserWebSocket extends NodeWebSocket {
  constructor(url: string) {
    super(url, { allowSynchronousEvents: false })
    this.binaryType = 'arraybuffer'
  }
}
Object.assign(globalThis, { WebSocket: BrowserWebSocket })

/** The SDK's declarations leave out its event emitter, and some methods that it has. */
type Sdk = ReturnType<typeof getSDK> & {
  deleteConversationAndDeleteAllMsg(conversationID: string): Promise<unknown>
  on(event: string, listener: (raised: { readonly data: unknown; readonly errMsg: string }) => void): unknown
}

/** One event that an SDK raised. */
export interface SdkEvent {
  readonly event: string
  readonly data: unknown
  readonly errMsg: string
}

/** Who logs in, and where. */
export interface SdkLogin {
  readonly userID: string
  readonly token: string
  readonly platformID: number
  readonly apiAddr: string
  readonly wsAddr: string
}

/** An unmodified OpenIM client with everything that it told its application. */
export class SdkClient {
  readonly sdk = getSDK() as Sdk
  readonly userID: string
  readonly events: SdkEvent[] = []

  private constructor(userID: string) {
    this.userID = userID
    for (const event of Object.values(CbEvents)) {
      this.sdk.on(
        event,
        ({ data, errMsg }: { data: unknown; errMsg: string }) => void this.events.push({ event, data, errMsg }),
      )
    }
  }

  /** Logs in and waits until the first synchronisation is done. */
  static async login(login: SdkLogin): Promise<SdkClient> {
    const client = new SdkClient(login.userID)
    await client.sdk.login({ ...login, logLevel: 5 } as never)
    await client.event(CbEvents.OnSyncServerFinish)
    return client
  }

  /** Like {@link login}, without waiting: for logins that the server refuses. */
  static async attempt(login: SdkLogin): Promise<SdkClient> {
    const client = new SdkClient(login.userID)
    await client.sdk.login({ ...login, logLevel: 5 } as never)
    return client
  }

  /** Waits for an event, among those raised before too. */
  event<T = unknown>(event: string, matches: (data: T) => boolean = () => true): Promise<T> {
    return until(`${this.userID} is told ${event}`, () => {
      const failed = this.events.find((raised) => raised.event === (CbEvents.OnSyncServerFailed as string))
      if (failed !== undefined && event === (CbEvents.OnSyncServerFinish as string))
        throw new Error(`the synchronisation failed: ${failed.errMsg}`)
      const raised = this.events.find((candidate) => candidate.event === event && matches(candidate.data as T))
      return raised === undefined ? undefined : { data: raised.data as T }
    }).then(({ data }) => data)
  }

  /** Waits until a message with this text was received, and returns it. */
  async message(
    text: string,
  ): Promise<{ readonly clientMsgID: string; readonly seq: number; readonly sendID: string }> {
    const of = (items: unknown): Message[] => (items as Message[]).filter((item) => item.textElem?.content === text)
    const items = await this.event<Message[]>(CbEvents.OnRecvNewMessages, (data) => of(data).length > 0)
    return of(items)[0]!
  }

  /** How often a message with this text was received. */
  countOf(text: string): number {
    const received = this.events.filter(({ event }) => event === (CbEvents.OnRecvNewMessages as string))
    return received.flatMap(({ data }) => data as Message[]).filter((item) => item.textElem?.content === text).length
  }

  /** Sends a text to a user or a group; resolves with the message once the server confirmed it. */
  async send(
    text: string,
    to: { readonly recvID?: string; readonly groupID?: string },
  ): Promise<{ clientMsgID: string; serverMsgID: string; sendTime: number }> {
    const created = await this.sdk.createTextMessage(text)
    const sent = await this.sdk.sendMessage({
      recvID: to.recvID ?? '',
      groupID: to.groupID ?? '',
      message: created.data,
    })
    return sent.data
  }

  /** Texts of a conversation, oldest first, as the SDK shows its history. */
  async history(conversationID: string, count = 100): Promise<string[]> {
    return (await this.#page(conversationID, count)).map((item) => item.textElem?.content ?? `#${item.contentType}`)
  }

  /** The same with the messages' client ids. */
  async historyIDs(conversationID: string, count: number): Promise<string[]> {
    return (await this.#page(conversationID, count)).map(({ clientMsgID }) => clientMsgID)
  }

  async #page(conversationID: string, count: number): Promise<Message[]> {
    const page = await this.sdk.getAdvancedHistoryMessageList({
      conversationID,
      count,
      startClientMsgID: '',
      viewType: 0,
    } as never)
    return page.data.messageList as Message[]
  }

  /** Logs out, unless the server ended the login before. */
  async logout(): Promise<void> {
    if (this.events.some(({ event }) => event === (CbEvents.OnKickedOffline as string))) return
    if ((await this.sdk.getLoginStatus()).data === LoginStatus.Logged) await this.sdk.logout()
  }

  /** Ends an SDK that was never let in: it would come back for ever, and its own logout() refuses before a login succeeded. */
  giveUp(): void {
    ;(this.sdk as unknown as { readonly wsManager: { close(): void } }).wsManager.close()
  }
}

interface Message {
  readonly clientMsgID: string
  readonly seq: number
  readonly sendID: string
  readonly contentType: number
  readonly textElem?: { readonly content: string }
}

export { CbEvents }
