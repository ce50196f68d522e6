/**
 * Lets callers that ask for the same key at the same time share one flight, unless the key was invalidated in between.
 *
 * Each key has an epoch. {@link invalidate} ends the epoch: a caller that arrives afterwards never joins a flight begun
 * before it, and so never sees what that flight had read. A caller's abort leaves the flight to the others.
 */
export class Singleflight<K, V> {
  readonly #flights = new Map<K, Promise<V>>()

  /** Joins the key's flight or begins one. Whatever the flight throws reaches everyone who joined it. */
  run(key: K, begin: () => Promise<V>, signal?: AbortSignal): Promise<V> {
    let flight = this.#flights.get(key)
    if (flight === undefined) {
      flight = this.#begin(key, begin)
      this.#flights.set(key, flight)
    }
    return signal === undefined ? flight : abortable(flight, signal)
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

  #begin(key: K, begin: () => Promise<V>): Promise<V> {
    const flight: Promise<V> = (async () => begin())().finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    })
    return flight
  }
}

function abortable<V>(flight: Promise<V>, signal: AbortSignal): Promise<V> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    flight.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
