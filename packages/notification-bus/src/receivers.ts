import type { InvalidationReceiver } from './invalidation-channel.ts'

/** The receivers of this process. One that throws while dropping keys is told to flush; the others are told all the same. */
export class Receivers {
  readonly #subscriptions = new Set<{ readonly receiver: InvalidationReceiver }>()

  add(receiver: InvalidationReceiver): () => void {
    const subscription = { receiver }
    this.#subscriptions.add(subscription)
    return () => void this.#subscriptions.delete(subscription)
  }

  /** Answers what they threw. */
  invalidate(keys: readonly string[], except?: InvalidationReceiver): unknown[] {
    return this.#each(except, (receiver) => invalidate(receiver, keys))
  }

  /** Answers what they threw. */
  flush(): unknown[] {
    return this.#each(undefined, (receiver) => receiver.flush())
  }

  #each(except: InvalidationReceiver | undefined, tell: (receiver: InvalidationReceiver) => void): unknown[] {
    const failures: unknown[] = []
    for (const { receiver } of this.#subscriptions) {
      if (receiver === except) continue
      try {
        tell(receiver)
      } catch (error) {
        failures.push(error)
      }
    }
    return failures
  }
}

function invalidate(receiver: InvalidationReceiver, keys: readonly string[]): void {
  let dropped = false
  try {
    receiver.invalidate(keys)
    dropped = true
  } finally {
    if (!dropped) receiver.flush()
  }
}
