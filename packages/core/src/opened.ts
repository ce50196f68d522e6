/** Something that holds resources until it is closed. */
export interface Closable {
  close(): Promise<void>
}

/** What was opened so far, so that all of it is closed when something after it fails, and at the end. */
export class Opened implements Closable {
  readonly #closing: (() => Promise<void>)[] = []

  /** Remembers a part and returns it. */
  add<T extends Closable>(part: T): T
  add<T>(part: T, close: (part: T) => Promise<void>): T
  add<T>(part: T, close = (one: T) => (one as Closable).close()): T {
    this.#closing.push(() => close(part))
    return part
  }

  /** Waits for all. When one fails, its error is thrown, and those that were opened are remembered to be closed. */
  async all<T extends readonly Closable[]>(...parts: { readonly [K in keyof T]: Promise<T[K]> }): Promise<T> {
    const outcomes = await Promise.allSettled(parts)
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') this.add(outcome.value as Closable)
    return (await Promise.all(parts)) as unknown as T
  }

  /** Closes everything, the last one first, whatever fails; then throws the first failure. Idempotent. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const close of this.#closing.splice(0).toReversed())
      await close().catch((error: unknown) => void failures.push(error))
    if (failures.length > 0) throw failures[0]
  }
}
