import type { Clock, Milliseconds } from '@parlance/core'
import { errorCodes, type MsgData } from '@parlance/openim-protocol'
import type { Caller } from '../caller.ts'
import { ImError } from '../im-error.ts'

/** Looks at a message that the server would accept; what it throws refuses the message. */
export type BeforeMessage = (message: MsgData, caller: Caller) => Promise<void> | void

const decisionMs: Milliseconds = 5_000

/** Where others have a word about messages before they are accepted. */
export class MessageGate {
  readonly #clock: Clock
  readonly #hooks: BeforeMessage[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(hook: BeforeMessage): void {
    this.#hooks.push(hook)
  }

  /** Whether there is anybody to ask. */
  get isAsking(): boolean {
    return this.#hooks.length > 0
  }

  /**
   * Asks everybody, one after the other.
   *
   * @throws what the first of them throws, and {@link ImError} 1801 when there is no decision within 5 s.
   */
  async admit(message: MsgData, caller: Caller): Promise<void> {
    if (this.#hooks.length === 0) return
    let giveUp!: (reason: Error) => void
    const overdue = new Promise<never>((_, reject) => {
      giveUp = reject
    })
    const timer = this.#clock.after(decisionMs, () =>
      giveUp(new ImError(errorCodes.ServerBusyError, 'the server could not decide about the message; try again')),
    )
    try {
      await Promise.race([this.#ask(message, caller), overdue])
    } finally {
      timer.cancel()
    }
  }

  async #ask(message: MsgData, caller: Caller): Promise<void> {
    for (const hook of this.#hooks) await hook(message, caller)
  }
}
