import type { Count, Gauge, Metrics } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import { ImError } from '../im-error.ts'
import type { ToldHeads, ToldSession } from './told-heads.ts'

/** Bounds what is accepted ahead of what is delivered. */
export interface Admission {
  /** Takes a place for one message. @throws ImError 1801 when there is none. */
  enter(stream: string): void
  /** Gives places back. */
  leave(stream: string, count: Count): void
}

interface Waiting {
  count: Count
  told: Map<string, ToldSession> | undefined
}

/**
 * What is being accepted or not yet pushed, by stream: how much it is, and who knows of it already.
 *
 * Beyond its bound it refuses further messages: what is acknowledged is to be delivered soon, so a server that cannot push as
 * fast as it stores tells its senders to wait. A session that asks meanwhile how far its streams go is told of messages that
 * wait here; they are not pushed to it as well, for clients that count by pushes would miscount.
 */
export class PushBacklog implements Admission, ToldHeads {
  readonly #limit: Count
  readonly #gauge: Gauge
  readonly #waiting = new Map<string, Waiting>()
  #count: Count = 0

  constructor(limit: Count, metrics: Metrics) {
    this.#limit = limit
    this.#gauge = metrics.gauge('parlance_im_push_backlog_messages', 'Messages accepted and not yet pushed')
  }

  /** Takes a place for one message. @throws ImError 1801 when there is none. */
  enter(stream: string): void {
    if (this.#count >= this.#limit)
      throw new ImError(errorCodes.ServerBusyError, 'the server is busy delivering: try again in a moment')
    const waiting = this.#waiting.get(stream)
    if (waiting === undefined) this.#waiting.set(stream, { count: 1, told: undefined })
    else waiting.count++
    this.#gauge.set(++this.#count)
  }

  /** Gives places back: of messages that were pushed, or not accepted after all. Those from before the start had none. */
  leave(stream: string, count: Count): void {
    const waiting = this.#waiting.get(stream)
    if (waiting === undefined) return
    const left = Math.max(0, waiting.count - count)
    this.#count -= waiting.count - left
    waiting.count = left
    if (left === 0) this.#waiting.delete(stream)
    this.#gauge.set(this.#count)
  }

  /** Remembers, for as long as something of the stream waits, what a session was told of it. */
  tell(sessionID: string, stream: string, told: ToldSession): void {
    const waiting = this.#waiting.get(stream)
    if (waiting === undefined) return
    waiting.told ??= new Map()
    waiting.told.set(sessionID, told)
  }

  /** Who was told how far the stream goes while some of it waited, by session. */
  toldOf(stream: string): ReadonlyMap<string, ToldSession> | undefined {
    return this.#waiting.get(stream)?.told
  }
}
