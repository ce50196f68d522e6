import { InvalidArgumentError } from './errors.ts'

/** One run of the work that callers share. */
export interface Flight {
  /** True once every caller has aborted; whoever arrives later begins another flight. */
  readonly isAbandoned: boolean
  /** Aborts when the flight is abandoned. Made on first use: a flight that never reads it does not pay for it. */
  readonly signal: AbortSignal
}

/**
 * Lets callers that ask for the same key at the same time share one flight, unless the key was invalidated in between.
 *
 * Each key has an epoch. {@link invalidate} ends the epoch: a caller that arrives afterwards never joins a flight begun
 * before it, and so never sees what that flight had read. A caller's abort leaves the flight to the others; when the
 * last of them aborts, the flight is told so.
 */
export class Singleflight<K, V> {
  readonly #flights = new Map<K, SharedFlight<V>>()

  /**
   * Joins the key's flight or begins one. Whatever the flight throws reaches everyone who joined it.
   *
   * @throws the signal's reason when it aborts first; with a signal already aborted no flight begins.
   */
  run(key: K, begin: (flight: Flight) => Promise<V>, signal?: AbortSignal): Promise<V> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    let flight = this.#flights.get(key)
    if (flight === undefined) {
      flight = new SharedFlight(() => this.#end(key, flight))
      this.#flights.set(key, flight)
      flight.begin(begin)
    }
    return flight.join(signal)
  }

  /** Whoever asks for the key from now on begins a new flight. */
  invalidate(key: K): void {
    this.#flights.delete(key)
  }

  /** The same for every key. */
  invalidateAll(): void {
    this.#flights.clear()
  }

  /** Keys with a flight that may still be joined. */
  get size(): number {
    return this.#flights.size
  }

  #end(key: K, flight: SharedFlight<V> | undefined): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}

class SharedFlight<V> implements Flight {
  readonly #end: () => void
  #outcome: Promise<V> | undefined
  #callers = 0
  #controller: AbortController | undefined
  isAbandoned = false

  constructor(end: () => void) {
    this.#end = end
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.isAbandoned) this.#controller.abort()
    return this.#controller.signal
  }

  begin(work: (flight: Flight) => Promise<V>): void {
    this.#outcome = this.#run(work)
  }

  join(signal: AbortSignal | undefined): Promise<V> {
    this.#callers++
    const outcome = this.#outcome
    if (outcome === undefined)
      return Promise.reject(new InvalidArgumentError('a flight asked for its own key; it would wait for itself'))
    if (signal === undefined) return outcome
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        reject(signal.reason as Error)
        this.#leave()
      }
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      const settle = (): void => signal.removeEventListener('abort', onAbort)
      outcome.then(
        (value) => {
          settle()
          resolve(value)
        },
        (error: unknown) => {
          settle()
          reject(error as Error)
        },
      )
    })
  }

  async #run(work: (flight: Flight) => Promise<V>): Promise<V> {
    try {
      return await work(this)
    } finally {
      this.#end()
    }
  }

  #leave(): void {
    this.#callers--
    if (this.#callers > 0) return
    this.isAbandoned = true
    this.#end()
    this.#controller?.abort()
  }
}
