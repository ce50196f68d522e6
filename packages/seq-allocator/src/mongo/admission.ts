import { type Bytes, type Count, InvalidArgumentError, OverloadedError } from '@parlance/core'
import type { NewEntry } from '../journal.ts'
import { entryBytes, maxAppendBytes, maxAppendEntries } from './documents.ts'

/** An append that was let in. */
export interface Admitted {
  readonly bytes: Bytes
  /** Gives back its room; to be called once. */
  readonly leave: () => void
}

/** Counts what was let in and has not left, and lets in no more than it has room for. */
export class Admission {
  readonly #maxEntries: Count
  readonly #maxBytes: Bytes
  #entries: Count = 0
  #bytes: Bytes = 0

  constructor(maxEntries: Count, maxBytes: Bytes) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  /**
   * @throws {@link InvalidArgumentError} for more than one append takes.
   * @throws {@link OverloadedError} `CORE_OVERLOADED` when there is no room.
   */
  admit(entries: readonly NewEntry[]): Admitted {
    const count = entries.length
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
    if (count > maxAppendEntries || bytes > maxAppendBytes)
      throw new InvalidArgumentError(
        `an append of ${count} entries with ${bytes} bytes; it takes ${maxAppendEntries} entries and ${maxAppendBytes} bytes: split it`,
      )
    if (this.#entries + count > this.#maxEntries || this.#bytes + bytes > this.#maxBytes)
      throw new OverloadedError(`${this.#entries} entries wait to be appended: try again later`)
    this.#entries += count
    this.#bytes += bytes
    return {
      bytes,
      leave: () => {
        this.#entries -= count
        this.#bytes -= bytes
      },
    }
  }
}
