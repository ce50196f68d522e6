import type { AppendedEntry, NewEntry } from '../journal.ts'
import { type BatchEntry, entryOverheadBytes, keyBytes } from './batch-codec.ts'
import { repeatHash, type RepeatKeys } from './repeat-keys.ts'
import type { StreamState } from './stream-table.ts'

/** A batch holds at most so many entries and, unless one entry is larger, so many bytes: what a read has to load. */
const maxBatchEntries = 256
export const maxBatchBytes = 256 * 1024

/** Numbers what one transaction appends to one stream, and sorts it into batches. */
export class StreamWriter {
  readonly state: StreamState
  readonly #headBefore: number
  readonly #repeats: RepeatKeys
  readonly #storedKey: (stream: number, seq: number) => Uint8Array | undefined
  readonly #entries: BatchEntry[] = []

  constructor(
    state: StreamState,
    repeats: RepeatKeys,
    storedKey: (stream: number, seq: number) => Uint8Array | undefined,
  ) {
    this.state = state
    this.#headBefore = state.head
    this.#repeats = repeats
    this.#storedKey = storedKey
  }

  add({ payload, repeatKey }: NewEntry): AppendedEntry {
    const seq = this.#headBefore + this.#entries.length + 1
    const key = keyBytes(repeatKey)
    if (repeatKey === undefined) {
      this.#entries.push({ payload, key, hash: 0 })
      return { seq, repeated: false }
    }
    const hash = repeatHash(this.state.id, key)
    const stored = this.#repeats.find(hash, (noted) => this.#hasKey(noted, key))
    if (stored !== 0) return { seq: stored, repeated: true }
    this.#repeats.note(hash, seq)
    this.#entries.push({ payload, key, hash })
    return { seq, repeated: false }
  }

  /** Takes back the repeat keys that were noted, when the transaction was undone. */
  undo(): void {
    this.#entries.forEach(({ hash }, index) => {
      if (hash !== 0) this.#repeats.unnote(hash, this.#headBefore + index + 1)
    })
  }

  /** Moves the head past what was added and returns the batches to store. */
  finish(): { readonly first: number; readonly entries: readonly BatchEntry[] }[] {
    const batches: { first: number; entries: BatchEntry[] }[] = []
    let bytes = 0
    this.#entries.forEach((entry, index) => {
      const entryBytes = entryOverheadBytes + entry.payload.byteLength + entry.key.byteLength
      const current = batches.at(-1)
      bytes += entryBytes
      if (current === undefined || current.entries.length === maxBatchEntries || bytes > maxBatchBytes) {
        batches.push({ first: this.#headBefore + index + 1, entries: [entry] })
        bytes = entryBytes
      } else current.entries.push(entry)
    })
    this.state.head = this.#headBefore + this.#entries.length
    return batches
  }

  #hasKey(seq: number, key: Uint8Array): boolean {
    const stored =
      seq > this.#headBefore ? this.#entries[seq - this.#headBefore - 1]?.key : this.#storedKey(this.state.id, seq)
    return stored !== undefined && Buffer.compare(stored, key) === 0
  }
}
