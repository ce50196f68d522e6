import type { InvalidationChannel, InvalidationReceiver } from '../invalidation-channel.ts'
import { Receivers } from '../receivers.ts'

/**
 * The channel of a server that is one process: publishing calls the receivers one after the other, and never misses one.
 *
 * A receiver that throws while dropping keys is told to flush; the others are told all the same.
 */
export function createInProcessChannel(): InvalidationChannel {
  return new InProcessChannel()
}

class InProcessChannel implements InvalidationChannel {
  readonly #receivers = new Receivers()

  async publish(keys: readonly string[], except?: InvalidationReceiver): Promise<void> {
    const failures = this.#receivers.invalidate(keys, except)
    if (failures.length > 0) throw failures[0]
  }

  subscribe(receiver: InvalidationReceiver): () => void {
    return this.#receivers.add(receiver)
  }
}
