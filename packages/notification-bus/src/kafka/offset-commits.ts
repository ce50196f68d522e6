import type { Clock, Milliseconds, Timer } from '@parlance/core'

/** What the commits of one member work with. */
export interface OffsetCommitsOptions {
  readonly clock: Clock
  readonly delayMs: Milliseconds
  /** Stores where each of the partitions goes on. */
  commit(positions: ReadonlyMap<number, number>): Promise<void>
  onFailed(error: unknown): void
}

/** Stores positions behind the handlers: gathered, one commit at a time, none while the group is being shared out anew. */
export class OffsetCommits {
  readonly #options: OffsetCommitsOptions
  readonly #moved = new Map<number, number>()
  #timer: Timer | undefined
  #committing: Promise<void> | undefined
  #isHeld = false

  constructor(options: OffsetCommitsOptions) {
    this.#options = options
  }

  /** Notes where a partition goes on; it is stored soon. */
  move(partition: number, position: number): void {
    this.#moved.set(partition, position)
    this.#schedule()
  }

  /** Stores what was noted. Resolves also when that failed: what was handled then comes again. */
  async flush(): Promise<void> {
    await this.#committing
    if (this.#moved.size > 0 && !this.#isHeld) await this.#commit()
  }

  /**
   * Forgets what was not stored and starts no commit until {@link resume}; resolves when the one under way has ended.
   *
   * A commit that was repeated after the partitions were shared out anew would carry the new membership and could
   * overwrite the progress of a partition's new owner.
   */
  async hold(): Promise<void> {
    this.#isHeld = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#moved.clear()
    await this.#committing
    this.#moved.clear()
  }

  resume(): void {
    this.#isHeld = false
  }

  #schedule(): void {
    if (this.#isHeld || this.#timer !== undefined) return
    this.#timer = this.#options.clock.after(this.#options.delayMs, () => {
      this.#timer = undefined
      if (this.#committing === undefined && this.#moved.size > 0) void this.#commit()
    })
  }

  async #commit(): Promise<void> {
    const positions = new Map(this.#moved)
    this.#moved.clear()
    this.#committing = this.#options.commit(positions).catch((error: unknown) => {
      for (const [partition, position] of positions)
        if (!this.#moved.has(partition)) this.#moved.set(partition, position)
      this.#options.onFailed(error)
    })
    await this.#committing
    this.#committing = undefined
    if (this.#moved.size > 0) this.#schedule()
  }
}
