import { setImmediate, setTimeout } from 'node:timers/promises'

const quietTurns = 4

/**
 * Lets the processes of a server ask in rounds: no answer is passed on until nobody asks for anything more, then all of them are.
 *
 * So what a process could have asked without waiting is asked in one round, whatever the machine is busy with.
 */
export class Rounds {
  readonly #held: (() => void)[] = []
  #unanswered = 0
  #moves = 0
  #turning: Promise<void> | undefined
  #mustTurn = false

  /** From now on, until {@link stop}; before, answers are passed on as they come. */
  start(): void {
    this.#mustTurn = true
    this.#turning = this.#turn()
  }

  /** Somebody asks a service. */
  asked(): void {
    this.#unanswered++
    this.#moves++
  }

  /** The service has answered; `pass` hands that on. */
  answered(pass: () => void): void {
    this.#unanswered--
    this.#moves++
    if (this.#mustTurn) this.#held.push(pass)
    else pass()
  }

  /** Passes on what must not overtake what is held. */
  passLater(pass: () => void): void {
    if (this.#held.length === 0) pass()
    else this.#held.push(pass)
  }

  /** Somebody who asked is gone. */
  gaveUp(count: number): void {
    this.#unanswered -= count
  }

  /** Nothing is on its way. */
  get isIdle(): boolean {
    return this.#unanswered === 0 && this.#held.length === 0
  }

  /** How often somebody asked, or a service answered. */
  get moves(): number {
    return this.#moves
  }

  async stop(): Promise<void> {
    this.#mustTurn = false
    await this.#turning
    this.#release()
  }

  async #turn(): Promise<void> {
    for (let seen = -1, turns = 0; this.#mustTurn;) {
      await setTimeout(1)
      await setImmediate()
      turns = this.#moves === seen && this.#unanswered === 0 ? turns + 1 : 0
      seen = this.#moves
      if (turns < quietTurns) continue
      this.#release()
      turns = 0
    }
  }

  #release(): void {
    for (const pass of this.#held.splice(0)) pass()
  }
}
