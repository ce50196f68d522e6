import { type Clock, systemClock } from './clock.ts'
import { deferred } from './deferred.ts'
import { ClosedError, InvalidArgumentError, ParlanceError, TimeoutError } from './errors.ts'
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
  static override readonly code: string = 'CORE_START_FAILED'
}

/** Stopping one or more parts failed; every other part was stopped all the same. */
export class StopError extends ParlanceError {
  static override readonly code: string = 'CORE_STOP_FAILED'
}

/**
 * Starts parts in the order they were added and stops them in reverse.
 *
 * Both are idempotent and may be awaited by several callers; what was stopped does not start again. A stop during the start
 * lets the part that is starting finish, starts no more, and stops those that were. When a part fails to start, those already
 * started are stopped and the part's own error is thrown, unless it is not a Parlance error or stopping failed as well: then
 * it is the cause of a {@link StartError}.
 */
export class Lifecycle {
  readonly #parts: LifecyclePart[] = []
  readonly #clock: Clock
  readonly #started: LifecyclePart[] = []
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** @throws {@link InvalidArgumentError} once the start has begun: the part would never be started. */
  add(part: LifecyclePart): this {
    if (this.#starting !== undefined || this.#stopping !== undefined)
      throw new InvalidArgumentError(`${part.name} was added too late; add every part before start`)
    this.#parts.push(part)
    return this
  }

  /** @throws {@link ClosedError} when it was stopped before. */
  start(): Promise<void> {
    if (this.#starting === undefined && this.#stopping !== undefined)
      return Promise.reject(new ClosedError('stopped before it was started; make a new one to start again'))
    this.#starting ??= this.#start()
    return this.#starting
  }

  /**
   * @param deadlineMs - time for all parts together; a part that takes longer is left behind and reported.
   * @throws {@link StopError} when a part failed or took too long; every other part was stopped all the same.
   */
  stop(deadlineMs: Milliseconds = 10_000): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs, this.#starting)
    return this.#stopping
  }

  async #start(): Promise<void> {
    for (const part of this.#parts) {
      if (this.#stopping !== undefined) return
      try {
        await part.start?.()
        this.#started.push(part)
      } catch (error) {
        const stopFailure = await this.#stop(5_000).catch((failure: unknown) => failure as StopError)
        if (ParlanceError.is(error) && stopFailure === undefined) throw error
        const also = stopFailure === undefined ? '' : `; then ${stopFailure.message}`
        throw new StartError(`${part.name} could not start: ${messageOf(error)}${also}`, {
          cause: error,
          details: { part: part.name },
        })
      }
    }
  }

  async #stop(deadlineMs: Milliseconds, starting?: Promise<void>): Promise<void> {
    const deadline = new AbortController()
    const passed = deferred<never>()
    const timer = this.#clock.after(deadlineMs, () => {
      const late = new TimeoutError(`stopping took longer than ${deadlineMs} ms`)
      deadline.abort(late)
      passed.reject(late)
    })
    const failures: string[] = []
    let cause: unknown
    const attempt = async (name: string, work: () => Promise<void> | void): Promise<void> => {
      try {
        await Promise.race([work(), passed.promise])
      } catch (error) {
        failures.push(`${name}: ${messageOf(error)}`)
        cause = error
      }
    }
    // Whoever started it is told how that failed; here only the end of it matters.
    if (starting !== undefined) await attempt('start', async () => void (await Promise.allSettled([starting])))
    for (const part of this.#started.splice(0).toReversed())
      await attempt(part.name, () => part.stop?.(deadline.signal))
    timer.cancel()
    if (failures.length > 0)
      throw new StopError(`could not stop ${failures.join('; ')}`, { cause, details: { failures } })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
