import type { Admin } from 'kafkajs'

/**
 * One client of the library for questions about topics and groups, with the calls that are under way on it.
 *
 * Disconnecting is not the end of the library's client: a call that is under way connects it again, and that connection would stay,
 * and the process with it. {@link end} therefore disconnects once more when the last call is over.
 */
export class AdminLine {
  readonly #admin: Admin
  readonly #calls = new Set<Promise<unknown>>()
  #connecting: Promise<void> | undefined

  constructor(admin: Admin) {
    this.#admin = admin
  }

  /** Connects before the first call. */
  async run<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const call = this.#run(work)
    this.#calls.add(call)
    try {
      return await call
    } finally {
      this.#calls.delete(call)
    }
  }

  /** Calls under way may fail. Resolves when they are over and no connection is left. */
  async end(): Promise<void> {
    await this.#admin.disconnect()
    if (this.#calls.size === 0) return
    await Promise.allSettled(this.#calls)
    await this.#admin.disconnect()
  }

  async #run<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    this.#connecting ??= this.#admin.connect()
    await this.#connecting
    return work(this.#admin)
  }
}
