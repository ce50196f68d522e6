/** Something to tell clients about, as OpenIM's tips. */
export interface Notification {
  /** Who caused it. */
  readonly sendID: string
  /** The user told, or the group whose members are told. */
  readonly to:
    | { readonly userID: string }
    | {
        readonly groupID: string
        /** Users who are told besides the members, as those who just left; of a copy in the chat only if it goes alone. */
        readonly alsoTo?: readonly string[]
        /** Users who are told instead of the members; of a copy in the chat only if it goes alone. */
        readonly onlyTo?: readonly string[]
      }
  /** OpenIM's content type, 1201 to 2200. */
  readonly contentType: number
  /** The tips object; becomes the JSON inside `detail`. */
  readonly tips: object
  /** Of the request that caused it: the SDKs recognise their own doing by it. */
  readonly operationID: string
  /** Also numbered, stored and shown as a message of the chat itself; or `only` that. */
  readonly asMessage?: boolean | 'only'
  /** Numbered and stored in the notification stream, so that it is found by pulling. */
  readonly stored?: boolean
  /** With `stored` or `asMessage`: the same sender's notification under the same id is stored and told once, however often it is sent. */
  readonly clientMsgID?: string
  /** False leaves out the causing user's own sessions. @defaultValue true */
  readonly senderSync?: boolean
}

/** Sends notifications; resolves once what has to be stored is durable. The push follows after the caller's answer. */
export interface Notifications {
  send(notification: Notification): Promise<void>
}
