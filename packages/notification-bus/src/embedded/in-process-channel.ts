import type { InvalidationChannel, InvalidationReceiver } from '../invalidation-channel.ts'

/**
 * The channel of a server that is one process: publishing calls the receivers one after the other, and never misses one.
 *
 * A receiver that throws while dropping keys is told to flush; the others are told all the same.
 */
export function createInProcessChannel(): InvalidationChannel {
  return new InProcessChannel()
}

class InProcessChannel implements InvalidationChannel {
  readonly #receivers = new Set<{ readonly receiver: InvalidationReceiver }>()

  async publish(keys: readonly string[], except?: InvalidationReceiver): Promise<void> {
    const failures: unknown[] = []
    for (const { receiver } of this.#receivers) {
      if (receiver === except) continue
      try {
        invalidate(receiver, keys)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  subscribe(receiver: InvalidationReceiver): () => void {
    const subscription = { receiver }
    this.#receivers.add(subscription)
    return () => void this.#receivers.delete(subscription)
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
