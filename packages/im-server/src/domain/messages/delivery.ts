import type { MsgData } from '@parlance/openim-protocol'
import type { Cause } from './push-record.ts'

/** One message on its way to its receivers. */
export interface Pushed {
  readonly body: MsgData
  /** 0 for a message that is not kept. */
  readonly seq: number
  readonly bytes: Uint8Array
  readonly cause: Cause
}

/** Neighbouring messages of one stream that go to the same users. */
export interface Push {
  readonly stream: string
  readonly batch: readonly Pushed[]
  /** Who gets all of it. */
  readonly receivers: ReadonlySet<string>
  /** Who sent some of it: of its own messages such a user gets copies only if it wants them, each alone. */
  readonly senders: ReadonlySet<string>
}

/** Brings messages to sessions, wherever they are. */
export interface Delivery {
  /**
   * Hands a push to every session of its receivers and senders. Pushes of one stream keep the order of the calls.
   *
   * A failure that may pass rejects; what is delivered then is delivered again when the push comes again.
   */
  deliver(push: Push): Promise<void>
}
