import type { Batch, Bus } from '@parlance/notification-bus'
import type { Count } from '@parlance/core'
import type { ImRepositories } from '../repositories.ts'
import { type AcceptedMessage, acceptedMessages } from './accepted-message.ts'
import { runsByKey } from './stream-runs.ts'

/** Most messages that one step numbers. */
const batchCount: Count = 500

/** The consumer group that numbers and stores. */
export const transferGroup = 'transfer'

/**
 * Numbers and stores what was accepted; what the streams announce follows from that.
 *
 * Messages of one stream keep the order in which they were accepted, and a stream's twin for notifications is stored in turn with
 * it. A batch that comes again changes nothing: repeats are told by sender and clientMsgID.
 */
export class Transfer {
  readonly #messages: ImRepositories['messages']

  constructor({ messages }: Pick<ImRepositories, 'messages'>) {
    this.#messages = messages
  }

  /** Begins; resolves when what waited for this process has been stored. */
  async follow(bus: Pick<Bus, 'consume'>): Promise<void> {
    await bus.consume(acceptedMessages, {
      group: transferGroup,
      batch: batchCount,
      handler: (batch) => this.store(batch),
    })
  }

  /** Stores a batch: streams at the same time, one durable step for each. */
  async store({ messages }: Pick<Batch<AcceptedMessage>, 'messages'>): Promise<void> {
    await Promise.all(
      runsByKey(messages, ({ stream }) => stream).map(async (runs) => {
        for (const { stream, items } of runs)
          await this.#messages.append(
            stream,
            items.map(({ body, cause }) => ({ body, cause })),
          )
      }),
    )
  }
}
