import { type Clock, systemClock } from './clock.ts'
import { ParlanceError, TimeoutError } from './errors.ts'
import type { Milliseconds } from './units.ts'

/** A part of a process that is started and stopped with it. */
export interface LifecyclePart {
  readonly name: string
  start?(): Promise<void> | void
  /** Stops accepting, finishes what was begun, frees everything. `signal` aborts when the deadline has passed. */
  stop?(signal: AbortSignal): Promise<void> | void
}

/** Starting a part failed; the parts before it were stopped again. */
export class StartError extends ParlanceError {
  static override readonly code = 'CORE_START_FAILED'
}

/** Stopping one or more parts failed; every other part was stopped all the same. */
export class StopError extends ParlanceError {
  static override readonly code = 'CORE_STOP_FAILED'
}

/**
 * Starts parts in the order they were added and stops them in reverse.
 *
 * Both are idempotent and may be awaited by several callers. When a part fails to start, those already started are
 * stopped and the part's own error is thrown, unless it is not a Parlance error: then it is the cause of a {@link StartError}.
 */
export class Lifecycle {
  readonly #parts: LifecyclePart[] = []
  readonly #clock: Clock
  #started = 0
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  add(part: LifecyclePart): this {
    this.#parts.push(part)
    return this
  }

  start(): Promise<void> {
    this.#starting ??= this.#start()
    return this.#starting
  }

  /** @param deadlineMs - time for all parts together; a part that takes longer is left behind and reported. */
  stop(deadlineMs: Milliseconds = 10_000): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs)
    return this.#stopping
  }

  async #start(): Promise<void> {
    for (const part of this.#parts) {
      try {
        await part.start?.()
        this.#started++
      } catch (error) {
        await this.#stop(5_000)
        if (ParlanceError.is(error)) throw error
        throw new StartError(`${part.name} could not start: ${(error as Error).message}`, {
          cause: error,
          details: { part: part.name },
        })
      }
    }
  }

  async #stop(deadlineMs: Milliseconds): Promise<void> {
    const deadline = new AbortController()
    const passed = new Promise<never>((_, reject) => {
      deadline.signal.addEventListener('abort', () => reject(deadline.signal.reason as Error), { once: true })
    })
    passed.catch((error: unknown) => error)
    const timer = this.#clock.after(deadlineMs, () =>
      deadline.abort(new TimeoutError(`stopping took longer than ${deadlineMs} ms`)),
    )
    const failures: string[] = []
    let cause: unknown
    for (const part of this.#parts.slice(0, this.#started).toReversed()) {
      try {
        await Promise.race([part.stop?.(deadline.signal), passed])
      } catch (error) {
        failures.push(`${part.name}: ${(error as Error).message}`)
        cause = error
      }
    }
    this.#started = 0
    timer.cancel()
    if (failures.length > 0)
      throw new StopError(`could not stop ${failures.join('; ')}`, { cause, details: { failures } })
  }
}
