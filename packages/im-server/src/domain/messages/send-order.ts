/** A place in the order; whoever has one leaves it, whatever became of the message. */
export interface Place {
  /** Resolves when everybody before has left; `undefined` when that is so already, and there is nothing to wait for. */
  come(): Promise<void> | undefined
  leave(): void
}

/**
 * Hands on what came first first: messages of one sender to one conversation are looked at all at once, and one whose rules or whose
 * conversation take longer must not be overtaken by those that came after it.
 *
 * No larger than the sends under way, which each session's intake bounds.
 */
export class SendOrder {
  readonly #last = new Map<string, Waiting>()

  /** Takes the next place of a sender in a conversation. */
  enter(senderID: string, conversation: string): Place {
    const key = `${senderID}\n${conversation}`
    const place = new Waiting(this.#last, key, this.#last.get(key))
    this.#last.set(key, place)
    return place
  }

  /** Senders and conversations with messages on their way. */
  get size(): number {
    return this.#last.size
  }
}

class Waiting implements Place {
  readonly #lasts: Map<string, Waiting>
  readonly #key: string
  #before: Waiting | undefined
  #after: Waiting | undefined
  #hasLeft = false
  #isFirst: (() => void) | undefined

  constructor(lasts: Map<string, Waiting>, key: string, before: Waiting | undefined) {
    this.#lasts = lasts
    this.#key = key
    this.#before = before
    if (before !== undefined) before.#after = this
  }

  come(): Promise<void> | undefined {
    if (this.#before === undefined) return undefined
    return new Promise((resolve) => {
      this.#isFirst = resolve
    })
  }

  leave(): void {
    this.#hasLeft = true
    // One that was refused keeps its place until those before it have gone: who comes after waits for them too.
    if (this.#before === undefined) this.#letNextCome()
  }

  #letNextCome(): void {
    const next = this.#after
    if (next === undefined) {
      this.#lasts.delete(this.#key)
      return
    }
    next.#before = undefined
    next.#isFirst?.()
    if (next.#hasLeft) next.#letNextCome()
  }
}
