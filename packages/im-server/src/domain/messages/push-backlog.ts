import type { Count, Gauge, Metrics } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import { ImError } from '../im-error.ts'

/**
 * Counts messages that are being accepted or not yet pushed, and refuses further ones beyond a bound.
 *
 * What is acknowledged is to be delivered soon: a server that cannot push as fast as it stores tells its senders to wait,
 * rather than to let receivers fall behind.
 */
export class PushBacklog {
  readonly #limit: Count
  readonly #gauge: Gauge
  #count: Count = 0

  constructor(limit: Count, metrics: Metrics) {
    this.#limit = limit
    this.#gauge = metrics.gauge('parlance_im_push_backlog_messages', 'Messages accepted and not yet pushed')
  }

  /** Takes a place for one message. @throws ImError 1801 when there is none. */
  enter(): void {
    if (this.#count >= this.#limit)
      throw new ImError(errorCodes.ServerBusyError, 'the server is busy delivering: try again in a moment')
    this.#set(this.#count + 1)
  }

  /** Gives places back: of messages that were pushed, or not accepted after all. Those from before the start had none. */
  leave(count: Count): void {
    this.#set(Math.max(0, this.#count - count))
  }

  #set(count: Count): void {
    this.#count = count
    this.#gauge.set(count)
  }
}
