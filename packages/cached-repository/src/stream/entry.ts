import type { Bytes } from '@parlance/core'
import type { StreamCodec } from './stream.ts'
import type { Entry } from './stream-repository.ts'

/** An entry as held in memory: decoded when its row is first asked for. */
export class HeldEntry implements Entry<unknown> {
  readonly seq: number
  readonly bytes: Uint8Array
  readonly #codec: StreamCodec<unknown>
  #row: unknown
  #isDecoded = false

  constructor(seq: number, bytes: Uint8Array, codec: StreamCodec<unknown>) {
    this.seq = seq
    this.bytes = bytes
    this.#codec = codec
  }

  get row(): unknown {
    if (!this.#isDecoded) {
      this.#row = this.#codec.decode(this.bytes, this.seq)
      this.#isDecoded = true
    }
    return this.#row
  }
}

/** A generous estimate of what an entry takes up in memory, its decoded row included. */
export function sizeOfEntry(entry: HeldEntry): Bytes {
  return 240 + 3 * entry.bytes.byteLength
}
