import type { UserOnlineState } from '@openim/wasm-client-sdk'
import type { Context } from './chat.ts'

/** Who is online, of the people that are on the screen. */
export class Presence {
  readonly #context: Context
  readonly #watched = new Set<string>()

  constructor(context: Context) {
    this.#context = context
  }

  /** Begins to follow these people; those that are followed already cost nothing. */
  async watch(userIDs: readonly string[]): Promise<void> {
    const fresh = userIDs.filter((userID) => userID !== '' && !this.#watched.has(userID))
    if (fresh.length === 0) return
    for (const userID of fresh) this.#watched.add(userID)
    await this.#subscribe(fresh)
  }

  /** Asks again after a new connection. */
  async watchAgain(): Promise<void> {
    if (this.#watched.size > 0) await this.#subscribe([...this.#watched])
  }

  show(states: readonly UserOnlineState[]): void {
    const { store } = this.#context
    const online = { ...store.state.online }
    for (const { userID, status } of states) online[userID] = status === 1
    store.set({ online })
  }

  async #subscribe(userIDs: string[]): Promise<void> {
    await this.#context.store.attempt('Who is online could not be read', async () => {
      const { data } = await this.#context.sdk.subscribeUsersStatus(userIDs)
      this.show(data ?? [])
    })
  }
}
