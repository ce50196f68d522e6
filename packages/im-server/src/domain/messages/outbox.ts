import type { AppendedEntry } from '@parlance/cached-repository'
import type { Bus } from '@parlance/notification-bus'
import { MsgData } from '@parlance/openim-protocol'
import type { ImRepositories } from '../repositories.ts'
import type { Address } from './address.ts'
import type { PushBacklog } from './push-backlog.ts'
import { type Cause, pushes } from './push-record.ts'

/** The one way out for messages and notifications: stored and then pushed, or only pushed. */
export class Outbox {
  readonly #repositories: ImRepositories
  readonly #bus: Bus
  readonly #backlog: PushBacklog

  constructor(repositories: ImRepositories, bus: Bus, backlog: PushBacklog) {
    this.#repositories = repositories
    this.#bus = bus
    this.#backlog = backlog
  }

  /**
   * Numbers and stores a message; resolves once that is durable. The push follows.
   *
   * @throws ImError 1801 when too much waits to be pushed; nothing is stored then.
   */
  async store(address: Address, body: MsgData, cause: Cause): Promise<AppendedEntry> {
    const [appended] = await this.#entered(address, () =>
      this.#repositories.messages.append(address.stream, [{ body, cause }]),
    )
    if (appended!.repeated) this.#backlog.leave(address.stream, 1)
    return appended!
  }

  /** Pushes a message that is not kept: whoever is not connected misses it. */
  async pass(address: Address, body: MsgData, cause: Cause): Promise<void> {
    const message = Buffer.from(MsgData.encode(body)).toString('base64')
    const record = { kind: 'online' as const, stream: address.stream, message, causes: [cause] }
    await this.#entered(address, () => this.#bus.publish(pushes, record))
  }

  async #entered<T>({ stream }: Address, work: () => Promise<T>): Promise<T> {
    this.#backlog.enter(stream)
    try {
      return await work()
    } catch (error) {
      this.#backlog.leave(stream, 1)
      throw error
    }
  }
}
