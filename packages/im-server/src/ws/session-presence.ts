import type { ImGateway } from '../composition/tokens.ts'
import type { Presence } from '../domain/presence.ts'
import { onlinePlatforms } from './online-status.ts'

/** Tells from the gateway's sessions where users are connected. One look-up for all users. */
export class SessionPresence implements Presence {
  readonly #gateway: ImGateway

  constructor(gateway: ImGateway) {
    this.#gateway = gateway
  }

  async onlinePlatforms(userIDs: readonly string[]): Promise<ReadonlyMap<string, readonly number[]>> {
    const sessions = await this.#gateway.presence.of(userIDs)
    return new Map(userIDs.map((userID, index) => [userID, onlinePlatforms(sessions[index]!)]))
  }
}
