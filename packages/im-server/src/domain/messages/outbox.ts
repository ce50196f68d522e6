import type { Bus } from '@parlance/notification-bus'
import { MsgData } from '@parlance/openim-protocol'
import type { ImRepositories } from '../repositories.ts'
import type { Address } from './address.ts'
import type { Admission } from './push-backlog.ts'
import { type Cause, pushes } from './push-record.ts'

/** What became of a message that was handed out. */
export interface Stored {
  /** The number of the message that was there already; nothing was stored then. */
  readonly repeatOf?: number | undefined
}

/** The one way out for messages and notifications: stored and then pushed, or only pushed. */
export interface Outbox {
  /**
   * Takes a message; resolves once it is durable. Its number and the push follow.
   *
   * @throws ImError 1801 when too much waits to be delivered; nothing is taken then.
   */
  store(address: Address, body: MsgData, cause: Cause): Promise<Stored>
  /** Pushes a message that is not kept: whoever is not connected misses it. */
  pass(address: Address, body: MsgData, cause: Cause): Promise<void>
}

/** Numbers and stores messages in the step that accepts them: one durable step, shared with all others of the moment. */
export class StoringOutbox implements Outbox {
  readonly #repositories: ImRepositories
  readonly #bus: Bus
  readonly #admission: Admission

  constructor(repositories: ImRepositories, bus: Bus, admission: Admission) {
    this.#repositories = repositories
    this.#bus = bus
    this.#admission = admission
  }

  async store(address: Address, body: MsgData, cause: Cause): Promise<Stored> {
    const [appended] = await this.#entered(address, () =>
      this.#repositories.messages.append(address.stream, [{ body, cause }]),
    )
    if (!appended!.repeated) return {}
    this.#admission.leave(address.stream, 1)
    return { repeatOf: appended!.seq }
  }

  async pass(address: Address, body: MsgData, cause: Cause): Promise<void> {
    const message = Buffer.from(MsgData.encode(body)).toString('base64')
    const record = { kind: 'online' as const, stream: address.stream, message, causes: [cause] }
    await this.#entered(address, () => this.#bus.publish(pushes, record))
  }

  async #entered<T>({ stream }: Address, work: () => Promise<T>): Promise<T> {
    this.#admission.enter(stream)
    try {
      return await work()
    } catch (error) {
      this.#admission.leave(stream, 1)
      throw error
    }
  }
}
