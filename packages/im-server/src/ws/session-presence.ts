import type { SessionControl } from '@parlance/gateway'
import type { Presence } from '../domain/presence.ts'
import { onlinePlatforms } from './online-status.ts'

/** Tells from the sessions there are where users are connected. One look-up for all users. */
export class SessionPresence implements Presence {
  readonly #sessions: Pick<SessionControl, 'presence'>

  constructor(sessions: Pick<SessionControl, 'presence'>) {
    this.#sessions = sessions
  }

  async onlinePlatforms(userIDs: readonly string[]): Promise<ReadonlyMap<string, readonly number[]>> {
    const sessions = await this.#sessions.presence.of(userIDs)
    return new Map(userIDs.map((userID, index) => [userID, onlinePlatforms(sessions[index]!)]))
  }
}
