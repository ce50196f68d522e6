import type { Bus } from '@parlance/notification-bus'
import { MsgData } from '@parlance/openim-protocol'
import { acceptedMessages } from './accepted-message.ts'
import type { Address } from './address.ts'
import type { Outbox, Stored } from './outbox.ts'
import type { Admission } from './push-backlog.ts'
import { type Cause, pushes } from './push-record.ts'

/**
 * Accepts messages into a log, from which {@link Transfer} numbers and stores them: one durable step, shared with others of the
 * moment. Whether a message is a repeat is found out there.
 */
export class AcceptingOutbox implements Outbox {
  readonly #bus: Pick<Bus, 'publish'>
  readonly #admission: Admission

  constructor(bus: Pick<Bus, 'publish'>, admission: Admission) {
    this.#bus = bus
    this.#admission = admission
  }

  async store({ stream }: Address, body: MsgData, cause: Cause): Promise<Stored> {
    this.#admission.enter(stream)
    await this.#bus.publish(acceptedMessages, { stream, body, cause })
    return {}
  }

  async pass({ stream }: Address, body: MsgData, cause: Cause): Promise<void> {
    this.#admission.enter(stream)
    const message = Buffer.from(MsgData.encode(body)).toString('base64')
    await this.#bus.publish(pushes, { kind: 'online', stream, message, causes: [cause] })
  }
}
