import type { Session } from '@parlance/gateway'
import { Op } from '@parlance/gateway/decorators'

/** Who wants to hear of which price; knows nothing of sockets. */
export class Prices {
  readonly #watchers = new Map<string, Set<string>>()

  @Op('subscribe')
  async subscribe(session: Session, symbols: string[]): Promise<{ subscribed: number }> {
    for (const symbol of symbols) this.#watchers.set(symbol, new Set(this.watchersOf(symbol)).add(session.subject))
    return { subscribed: symbols.length }
  }

  watchersOf(symbol: string): ReadonlySet<string> {
    return this.#watchers.get(symbol) ?? new Set()
  }
}
